"""Key Vault's JSON, read into our types. Unknown members are ignored: the service adds some without a new version."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from perennial.adapters.x509 import CURVE_SIZES, read_leaf, unreadable
from perennial.errors import BadInput
from perennial.model.certificate import (
    INSTANCE_TAG,
    RENEWAL_TAG,
    Certificate,
    CertificateRef,
    IssuancePolicy,
    Leaf,
    LifetimeAction,
    Listed,
    Operation,
    OperationState,
    Version,
)

# Members of a policy that say nothing of what would be issued.
BESIDE_THE_POINT = ("attributes", "id")

STATES = {
    "completed": OperationState.COMPLETED,
    "cancelled": OperationState.CANCELLED,
    "canceled": OperationState.CANCELLED,
    "failed": OperationState.FAILED,
}


class _Attributes(msgspec.Struct):
    enabled: bool = True
    nbf: int | None = None
    exp: int | None = None
    created: int | None = None


class _Bundle(msgspec.Struct):
    id: str
    attributes: _Attributes
    x5t: str | None = None
    cer: str | None = None
    tags: dict[str, str] | None = None
    policy: dict[str, Any] | None = None


class _Page(msgspec.Struct):
    value: list[_Bundle] | None = None
    next_link: str | None = msgspec.field(default=None, name="nextLink")


class _Issuer(msgspec.Struct):
    name: str | None = None


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Operation(msgspec.Struct):
    status: str
    request_id: str
    issuer: _Issuer | None = None
    csr: str | None = None
    error: _Error | None = None


class _Key(msgspec.Struct):
    exportable: bool | None = None
    kty: str | None = None
    key_size: int | None = None
    crv: str | None = None
    reuse_key: bool | None = None


class _Names(msgspec.Struct):
    dns_names: list[str] | None = None
    ip_addresses: list[str] | None = msgspec.field(default=None, name="ipAddresses")


class _Subject(msgspec.Struct):
    subject: str | None = None
    sans: _Names | None = None
    validity_months: int | None = None


class _Trigger(msgspec.Struct):
    lifetime_percentage: int | None = None
    days_before_expiry: int | None = None


class _Action(msgspec.Struct):
    action_type: str | None = None


class _Lifetime(msgspec.Struct):
    trigger: _Trigger | None = None
    action: _Action | None = None


class _Policy(msgspec.Struct):
    key_props: _Key | None = None
    x509_props: _Subject | None = None
    lifetime_actions: list[_Lifetime] | None = None
    issuer: _Issuer | None = None


def read_certificate(body: bytes, ref: CertificateRef) -> Certificate:
    """Read a whole certificate: the answer to GET and to merge."""
    bundle = msgspec.json.decode(body, type=_Bundle)
    der = base64.b64decode(bundle.cer) if bundle.cer else None
    tags = bundle.tags or {}
    created = _instant(bundle.attributes.created) or _missing("attributes.created")
    version = Version(
        id=_version_id(bundle.id),
        created=created,
        not_before=_instant(bundle.attributes.nbf) or created,
        not_after=_instant(bundle.attributes.exp) or _missing("attributes.exp"),
        enabled=bundle.attributes.enabled,
        leaf=_leaf(der) if der else None,
        made_for=tags.get(RENEWAL_TAG, ""),
        made_by=tags.get(INSTANCE_TAG, ""),
    )
    return Certificate(ref=ref, version=version, policy=read_policy(bundle.policy or {}), tags=tags)


def read_operation(body: bytes, retry_after: timedelta | None) -> Operation:
    """Read a pending operation. A state that is new to us counts as in progress: waiting harms nothing."""
    operation = msgspec.json.decode(body, type=_Operation)
    error = operation.error or _Error()
    return Operation(
        state=STATES.get(operation.status.lower(), OperationState.IN_PROGRESS),
        request_id=operation.request_id,
        issuer=(operation.issuer or _Issuer()).name or "",
        csr=base64.b64decode(operation.csr) if operation.csr else b"",
        error_code=error.code or "",
        error_message=error.message or "",
        retry_after=retry_after,
    )


def read_page(body: bytes, vault: str) -> tuple[tuple[Listed, ...], str | None]:
    """Read a page of a vault's list and its nextLink."""
    page = msgspec.json.decode(body, type=_Page)
    return tuple(_listed(item, vault) for item in page.value or ()), page.next_link


def read_policy(policy: Mapping[str, Any]) -> IssuancePolicy:
    """Read the facts of an issuance policy."""
    read = msgspec.convert(policy, _Policy)
    key, wanted = read.key_props or _Key(), read.x509_props or _Subject()
    names = wanted.sans or _Names()
    action, trigger = _lifetime(read.lifetime_actions or [])
    curve = key.crv or ""
    asked = [name.lower() for name in names.dns_names or ()] + list(names.ip_addresses or ())
    return IssuancePolicy(
        issuer=(read.issuer or _Issuer()).name or "Unknown",
        subject=wanted.subject or "",
        names=tuple(sorted(set(asked))),
        action=action,
        trigger_percentage=trigger.lifetime_percentage,
        trigger_days=trigger.days_before_expiry,
        validity_months=wanted.validity_months or 12,  # Key Vault: 12 where the policy does not say
        key_type=key.kty or "RSA",
        key_size=key.key_size or CURVE_SIZES.get(curve, 2048),
        curve=curve,
        exportable=key.exportable is not False,
        reuse_key=bool(key.reuse_key),
        fingerprint=_fingerprint(policy),
    )


def _fingerprint(policy: Mapping[str, Any]) -> str:
    said = {name: value for name, value in policy.items() if name not in BESIDE_THE_POINT}
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def _lifetime(actions: list[_Lifetime]) -> tuple[LifetimeAction, _Trigger]:
    """Return the action that counts: a renewal, if there is one, else a mail."""
    for wanted in (LifetimeAction.AUTO_RENEW, LifetimeAction.EMAIL_CONTACTS):
        for item in actions:
            if item.action and (item.action.action_type or "").lower() == wanted.lower():
                return wanted, item.trigger or _Trigger()
    return LifetimeAction.NONE, _Trigger()


def _listed(item: _Bundle, vault: str) -> Listed:
    return Listed(
        ref=CertificateRef(vault, item.id.split("/certificates/")[-1].split("/")[0].lower()),
        sha1=base64.urlsafe_b64decode(item.x5t + "=" * (-len(item.x5t) % 4)).hex() if item.x5t else "",
        enabled=item.attributes.enabled,
        created=_instant(item.attributes.created),
        not_before=_instant(item.attributes.nbf),
        not_after=_instant(item.attributes.exp),
        tags=item.tags or {},
    )


def _leaf(der: bytes) -> Leaf:
    """Read a leaf; one that cannot be read is a fact about this certificate, not a fault of the vault."""
    try:
        return read_leaf(der)
    except ValueError:
        return unreadable(der)


def _version_id(identifier: str) -> str:
    return identifier.rstrip("/").rsplit("/", 1)[-1].lower()


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _missing(member: str) -> datetime:
    raise BadInput(member, "the vault's answer lacks it")
