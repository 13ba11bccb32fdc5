"""What would make an order fail, seen before it is placed: the DNS, who may issue, the account, the limits."""

from __future__ import annotations

from datetime import datetime

from perennial.authorities.acme import problems
from perennial.authorities.acme.answers import Directory
from perennial.authorities.acme.limits import Budget
from perennial.authorities.acme.turn import is_address, record_of
from perennial.authorities.needs import Tools
from perennial.errors import DnsError
from perennial.model.authority import Account, AuthoritySetting, Obstacle
from perennial.ports.dns import Caa, Resolver

KNOWN_TAGS = frozenset({"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"})
PASSING = frozenset({"dns-down", "dns-busy", "dns-throttled"})  # no answer is no obstacle: the order will tell


def dns_obstacles(names: tuple[str, ...], directory: Directory, account: str, tools: Tools) -> tuple[Obstacle, ...]:
    """Return what in the DNS stands in the way of these names, one fault a name."""
    found = [_of_name(name, directory, account, tools) for name in names if not is_address(name)]
    return tuple(one for one in found if one is not None)


def _of_name(name: str, directory: Directory, account: str, tools: Tools) -> Obstacle | None:
    host = name.removeprefix("*.")
    try:
        # First, since a resolver that validates answers nothing else about such a zone; of the record, whose CNAME may lead into another.
        broken = tools.resolver.broken(record_of(name))
        if broken:
            return obstacle("dnssec-broken", f"{host}: {broken}")
        tools.dns.serves(record_of(name))
        return _forbidden(name, directory, account, tools.resolver)
    except DnsError as error:
        if error.code in PASSING:
            return None
        failure = problems.of_dns(error)
        return Obstacle(code=failure.code, what=failure.what, fix=failure.fix)


def _forbidden(name: str, directory: Directory, account: str, resolver: Resolver) -> Obstacle | None:
    """Say which CAA records do not let this CA issue; a CA that does not say under which names it goes is taken at its word."""
    identities = tuple(one.lower() for one in directory.meta.caa_identities or ())
    host = name.removeprefix("*.")
    records = resolver.caa(host)
    if not identities or not records or allows(records, identities, account, wildcard=name.startswith("*.")):
        return None
    said = ", ".join(f'{record.tag} "{record.value}"' for record in records)
    tag = "issuewild" if name.startswith("*.") and any(record.tag == "issuewild" for record in records) else "issue"
    fix = f'add the record {host} CAA 0 {tag} "{identities[0]}", or choose another CA'
    return Obstacle(code="caa-forbids", what=f"CAA records for {host} do not allow this CA: {said}", fix=fix)


def allows(records: tuple[Caa, ...], identities: tuple[str, ...], account: str, *, wildcard: bool) -> bool:
    """Tell whether CAA records let a CA issue to an account of ours by DNS-01 (RFC 8659 §4, RFC 8657)."""
    if any(record.critical and record.tag not in KNOWN_TAGS for record in records):
        return False
    wild = [record for record in records if record.tag == "issuewild"]
    relevant = wild if wildcard and wild else [record for record in records if record.tag == "issue"]
    return not relevant or any(_names_us(record.value, identities, account) for record in relevant)


def _names_us(value: str, identities: tuple[str, ...], account: str) -> bool:
    issuer, *rest = (part.strip() for part in value.split(";"))
    if issuer.lower() not in identities:
        return False
    parameters = [part.partition("=") for part in rest if "=" in part]
    uris = [text.strip() for tag, _, text in parameters if tag.strip().lower() == "accounturi"]
    methods = [text for tag, _, text in parameters if tag.strip().lower() == "validationmethods"]
    # RFC 8657 §3: several accounturi make a property unsatisfiable, whichever they name. §4 is silent; Boulder treats several methods so too.
    if len(uris) > 1 or len(methods) > 1:
        return False
    mine = not uris or not account or account in uris
    return mine and (not methods or "dns-01" in [one.strip().lower() for one in methods[0].split(",")])


def account_obstacle(
    setting: AuthoritySetting, row: Account | None, directory: Directory, tools: Tools
) -> Obstacle | None:
    """Say what keeps the account from being used, or made."""
    if row is not None and row.gone and not row.remake:
        return obstacle("account-gone", row.gone)
    if row is not None and row.url and row.directory == setting.directory:
        return None
    if not setting.agree_terms:
        return obstacle(
            "terms-not-agreed", "there is no account yet, and nobody has agreed to the CA's terms of service"
        )
    wants = bool(directory.meta.external_account_required)
    if wants and not (setting.eab_key_id and setting.eab_secret and tools.secret(setting.eab_secret)):
        return obstacle("eab-missing", "the CA wants an account to be bound to one that you have with it")
    return None


def profile_obstacle(setting: AuthoritySetting, directory: Directory) -> Obstacle | None:
    """Say that the CA does not offer the profile that a person chose."""
    offered = directory.meta.profiles
    if not setting.profile or offered is None or setting.profile in offered:
        return None
    return obstacle("profile-unknown", f"the CA has no profile {setting.profile}, only {', '.join(sorted(offered))}")


def contact_obstacle(refused: str) -> Obstacle | None:
    """Say that the CA did not take the contact of the settings; orders go on with the old one."""
    return obstacle("account-refused", refused) if refused else None


def limit_obstacle(names: tuple[str, ...], budget: Budget, now: datetime) -> Obstacle | None:
    """Say that the CA's limits have no room for these names today."""
    until = budget.wait(names, exempt=False, now=now, urgent=True)
    return (
        None if until is None else obstacle("rate-limited", f"the CA's limits have room again at {until.isoformat()}")
    )


def obstacle(code: str, what: str) -> Obstacle:
    """Return the obstacle of a failure's code."""
    return Obstacle(code=code, what=what, fix=problems.FAILURES[code].advice)
