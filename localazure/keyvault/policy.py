"""Certificate policies: what the service adds to one, what it refuses, how a PATCH merges into one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from cryptography.x509.oid import ObjectIdentifier

from localazure.keyvault import names
from localazure.keyvault.errors import Refused, bad_parameter, bad_property
from localazure.keyvault.keys import BITS, CURVE_OF_BITS
from localazure.keyvault.x509 import USAGES, alternative_names

Json = dict[str, Any]
SECTIONS = ("key_props", "secret_props", "x509_props", "lifetime_actions", "issuer", "attributes")
DEFAULT_EKUS = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]
DEFAULT_USAGE = ["digitalSignature", "keyEncipherment"]
CONTENT_TYPES = ("application/x-pkcs12", "application/x-pem-file")
KEY_ORDER = ("exportable", "kty", "crv", "key_size", "reuse_key")
X509_ORDER = ("subject", "sans", "ekus", "key_usage", "validity_months", "basic_constraints")
LONGEST_SUBJECT = 200


def _section(policy: Json, name: str) -> Json:
    section = policy.get(name) or {}
    if not isinstance(section, dict):
        raise bad_property(f"policy.{name}", "An object is expected.")
    return section


def _ordered(section: Json, order: tuple[str, ...]) -> Json:
    return {key: section[key] for key in order if key in section} | section


def complete(sent: Json, now: int) -> Json:
    """Return a policy as it is stored: the recorded defaults, the recorded order, and what was sent besides."""
    if not isinstance(sent, dict):
        raise bad_property("policy", "An object is expected.")
    sent = {key: value for key, value in sent.items() if value is not None and key != "id"}
    props: Json = {
        "ekus": DEFAULT_EKUS,
        "key_usage": DEFAULT_USAGE,
        "validity_months": 12,
        "basic_constraints": {"ca": False},
    }
    props |= {key: value for key, value in _section(sent, "x509_props").items() if value is not None}
    props["key_usage"] = in_order(props["key_usage"])
    issuer = {"name": "Unknown"} | _section(sent, "issuer")
    policy: Json = {
        "key_props": _key_props(_section(sent, "key_props")),
        "secret_props": {"contentType": CONTENT_TYPES[0]} | _section(sent, "secret_props"),
        "x509_props": _ordered(props, X509_ORDER),
        "lifetime_actions": sent.get("lifetime_actions") or default_actions(issuer["name"]),
        "issuer": {key: value for key, value in issuer.items() if value is not None},
        "attributes": {"enabled": True} | _section(sent, "attributes") | {"created": now, "updated": now},
    }
    return deepcopy(policy | {key: value for key, value in sent.items() if key not in SECTIONS})


def in_order(usages: list[str]) -> list[str]:
    """Return key usages the way the service shows them: by the alphabet (recorded)."""
    return sorted(usages, key=lambda usage: str(usage).lower())


def default_actions(issuer: str) -> list[Json]:
    """Return the recorded default: at 80 %, renewal by the vault, or mail to the contacts if nobody can renew."""
    action = "EmailContacts" if issuer.lower() == "unknown" else "AutoRenew"
    return [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": action}}]


def _key_props(sent: Json) -> Json:
    props: Json = {"exportable": True, "kty": "RSA", "reuse_key": False}
    props |= {key: value for key, value in sent.items() if value is not None}
    if str(props["kty"]).startswith("EC"):
        props.setdefault("crv", CURVE_OF_BITS.get(props.get("key_size", 256), "P-256"))
        props.setdefault("key_size", BITS.get(props["crv"], 256))
    else:
        props.setdefault("key_size", 2048)
    return _ordered(props, KEY_ORDER)


def merged(policy: Json, patch: Json, now: int) -> Json:
    """Return a policy with a PATCH in it: sections merge by key, lists and `sans` are replaced, `{}` changes nothing."""
    changed = deepcopy(policy)
    for name, value in patch.items():
        if name == "id" or value is None:
            continue
        if isinstance(value, dict):
            changed[name] = (changed.get(name) or {}) | {key: one for key, one in value.items() if one is not None}
        else:
            changed[name] = value
    if (patch.get("key_props") or {}).get("kty") or (patch.get("key_props") or {}).get("crv"):
        changed["key_props"] = _key_props(_without_stale_size(changed["key_props"], patch["key_props"]))
    changed["x509_props"]["key_usage"] = in_order(changed["x509_props"].get("key_usage") or [])
    changed["x509_props"] = _ordered(changed["x509_props"], X509_ORDER)
    changed["attributes"] = changed["attributes"] | {"created": policy["attributes"]["created"], "updated": now}
    return changed


def _without_stale_size(props: Json, patch: Json) -> Json:
    keep = set(patch) | {"exportable", "reuse_key", "kty"}
    return {key: value for key, value in props.items() if key in keep}


def check(policy: Json) -> None:
    """Refuse a policy that the service would refuse; the subject is looked at before anything else (recorded)."""
    props = policy["x509_props"]
    subject = props.get("subject") or ""
    try:
        names.parse(subject)
    except names.BadName as refused:
        raise bad_property("policy.x509_props", "Invalid X.500 distinguished name") from refused
    if len(subject) > LONGEST_SUBJECT:
        raise bad_property("policy.x509_props", f"The subject is longer than {LONGEST_SUBJECT} characters.")
    try:
        sans = alternative_names(props.get("sans") or {})
        [ObjectIdentifier(oid) for oid in props.get("ekus") or []]
    except (ValueError, TypeError, AttributeError) as refused:
        raise bad_property("policy.x509_props", f"{refused}") from refused
    if not subject and not sans:
        raise bad_property("policy.x509_props", "A subject or a subject alternative name is required.")
    for usage in props.get("key_usage") or []:
        if str(usage).lower() not in USAGES:
            raise bad_property("policy.x509_props", f"Invalid key usage {usage}")
    _check_numbers(policy)


def _check_numbers(policy: Json) -> None:
    months = policy["x509_props"]["validity_months"]
    if not isinstance(months, int) or not 1 <= months <= 1200:
        raise bad_property("policy.x509_props", "validity_months is out of range.")
    if policy["secret_props"].get("contentType") not in CONTENT_TYPES:
        raise bad_property("policy.secret_props", "Unsupported content type.")
    key = policy["key_props"]
    good = key["crv"] in BITS if key["kty"] in ("EC", "EC-HSM") else key["key_size"] in (2048, 3072, 4096)
    if key["kty"] not in ("RSA", "RSA-HSM", "EC", "EC-HSM") or not good:
        raise bad_property("policy.key_props", "Unsupported key type, curve or size.")
    for action in policy["lifetime_actions"]:
        _check_action(action, months)


def _check_action(action: Json, months: int) -> None:
    try:
        trigger = {key: value for key, value in action["trigger"].items() if value is not None}
        kind = action["action"]["action_type"]
    except (KeyError, TypeError, AttributeError) as missing:
        raise bad_property("policy.lifetime_actions", "A trigger and an action are required.") from missing
    limits = {"lifetime_percentage": 99, "days_before_expiry": months * 27}
    if kind not in ("AutoRenew", "EmailContacts"):
        raise bad_property("policy.lifetime_actions", f"Invalid action type {kind}")
    if len(trigger) != 1 or not set(trigger) <= set(limits):
        raise bad_property("policy.lifetime_actions", "Exactly one trigger is required.")
    for name, value in trigger.items():
        if not isinstance(value, int) or not 1 <= value <= limits[name]:
            raise bad_property("policy.lifetime_actions", f"{name} must be between 1 and {limits[name]}.")


def unknown_issuer(name: str) -> Refused:
    """Refuse an issuer that the vault does not have."""
    return bad_parameter(f"Property policy.issuer has invalid value. Issuer {name} does not exist.\r\n")


def rotation_due(policy: Json, nbf: int, exp: int) -> int | None:
    """Return the second at which the vault renews a version by itself, or None."""
    if policy["issuer"]["name"].lower() == "unknown":
        return None
    for action in policy["lifetime_actions"]:
        if action["action"]["action_type"] == "AutoRenew":
            trigger = action["trigger"]
            if days := trigger.get("days_before_expiry"):
                return exp - int(days) * 86400
            return nbf + (exp - nbf) * int(trigger["lifetime_percentage"]) // 100
    return None
