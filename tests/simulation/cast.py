"""Who plays: how large a fleet is, how rough its days are, and the certificates that a seed gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from perennial.model.certificate import CertificateRef, IssuancePolicy, IssuerClass, LifetimeAction
from perennial.model.mode import Mode

BEGIN = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WATCHED = 3  # the fourth vault is only observed, until somebody switches it on


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large and how long, and how often something goes wrong (1: about ten things a certificate and year)."""

    certificates: int = 20
    vaults: int = 4
    span: timedelta = 90 * DAY
    rough: float = 1.0
    mishaps: bool = True  # deaths and failures at a numbered effect, which depend on how many ticks there were
    real_certificates: bool = False


class Kind(StrEnum):
    """How a certificate is kept alive."""

    SELF = "self"  # by its vault, self-signed
    CA = "ca"  # by its vault, through an integrated CA
    AUTO = "auto"  # by Key Vault's own rotation, until that is late
    CSR = "csr"  # through an authority that its tag names, half of them through the first of two
    ACME = "acme"  # through a list of CAs that speak ACME
    NOTHING = "nothing"  # imported, and nothing can renew it
    FOREIGN = "foreign"  # by another manager, as its tag says
    STRANGER = "stranger"  # by Terraform or the like, which leaves no tag


WEIGHTS = {
    Kind.SELF: 22,
    Kind.CA: 22,
    Kind.AUTO: 16,
    Kind.CSR: 16,
    Kind.ACME: 24,
    Kind.NOTHING: 8,
    Kind.FOREIGN: 8,
    Kind.STRANGER: 8,
}

#: Integrated CAs, by the lifetime of what they issue (None: as the policy asks).
CAS: Mapping[str, timedelta | None] = {"six-days": 6 * DAY, "weeks": 47 * DAY, "months": None}

#: Authorities that sign CSRs, likewise.
SIGNERS: Mapping[str, timedelta] = {"short": 6 * DAY, "long": 90 * DAY}


#: CAs that speak ACME, likewise; and the lists of them that tags name.
ACME: Mapping[str, timedelta] = {"le": 12 * DAY, "backup": 6 * DAY}
LISTS = ("le", "le backup", "le backup", "backup le")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One certificate as it is at the beginning."""

    ref: CertificateRef
    kind: Kind
    policy: IssuancePolicy
    lifetime: timedelta
    issuer_class: IssuerClass
    age: timedelta
    tags: Mapping[str, str] = field(default_factory=dict)


def vaults_of(size: Size) -> dict[str, Mode]:
    """Return the vaults: the last of several is only observed."""
    names = [f"kv-{chr(ord('a') + number)}" for number in range(size.vaults)]
    return {name: Mode.OBSERVE if number == WATCHED else Mode.RENEW for number, name in enumerate(names)}


def cast(size: Size, dice: Random) -> list[Role]:
    """Return the fleet that these dice give."""
    names = [f"kv-{chr(ord('a') + number)}" for number in range(size.vaults)]
    return [
        _role(CertificateRef(names[number % size.vaults], f"c{number:03d}"), dice)
        for number in range(size.certificates)
    ]


def _role(ref: CertificateRef, dice: Random) -> Role:
    kind = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    host = f"{ref.name}.{ref.vault}.example"
    action = LifetimeAction.AUTO_RENEW if kind is Kind.AUTO else LifetimeAction.EMAIL_CONTACTS
    months = dice.choice((1, 3, 12))
    issuer, life, issuer_class = _issuer(kind, months, dice)
    tags = {"perennial-owner": "team"} if dice.random() < 0.5 else {}
    if kind is Kind.CSR:
        signer = dice.choice(list(SIGNERS))
        others = [other for other in SIGNERS if other != signer]
        listed = [signer, *others] if int(ref.name[1:]) % 2 else [signer]  # no dice: seeds stay what they were
        life, tags["perennial-issuer"] = SIGNERS[signer], ", ".join(listed)
    if kind is Kind.ACME:
        tags["perennial-issuer"] = dice.choice(LISTS)
        life, issuer_class = ACME[tags["perennial-issuer"].split()[0]], IssuerClass.PUBLIC
    if kind is Kind.FOREIGN:
        tags["Acmebot"] = "yes"
    wild = (f"*.{host}",) if kind is Kind.ACME and dice.random() < 0.5 else ()
    policy = IssuancePolicy(
        issuer=issuer,
        subject=f"CN={host}",
        names=(*wild, host),
        action=action,
        trigger_percentage=dice.choice((80, 85, 90)) if kind is Kind.AUTO else None,
        validity_months=months,
        key_type="EC",
        key_size=256,
        curve="P-256",  # as all of the memory's keys are
    )
    aged = dice.random() * (1.1 if dice.random() < 0.1 else 0.95)  # some have died before our time
    age = timedelta(seconds=int(life.total_seconds() * aged))
    return Role(ref=ref, kind=kind, policy=policy, lifetime=life, issuer_class=issuer_class, age=age, tags=tags)


def _issuer(kind: Kind, months: int, dice: Random) -> tuple[str, timedelta, IssuerClass]:
    self_signed = kind is Kind.SELF or (kind is Kind.AUTO and dice.random() < 0.5)
    if self_signed:
        return "Self", months * timedelta(days=30), IssuerClass.SELF_SIGNED
    if kind in (Kind.CA, Kind.AUTO):
        name = dice.choice(list(CAS))
        return name, CAS[name] or months * timedelta(days=30), IssuerClass.PUBLIC
    return "Unknown", dice.choice((6, 30, 90, 365)) * DAY, IssuerClass.PRIVATE
