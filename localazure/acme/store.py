"""What a CA keeps: accounts, orders, authorizations, certificates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from localazure.acme.problems import Json

type Identifier = tuple[str, str]  # type ("dns" or "ip") and value
PENDING, READY, PROCESSING, VALID, INVALID = "pending", "ready", "processing", "valid", "invalid"
EXPIRED, DEACTIVATED = "expired", "deactivated"


@dataclass(slots=True)
class Account:
    """An account and its key."""

    id: str
    jwk: Json
    thumbprint: str
    contact: list[str]
    created: datetime
    bound_to: str = ""  # the key id of its external binding
    status: str = VALID


@dataclass(slots=True)
class Authorization:
    """An account's right to a name; `due` is when an answered challenge is looked at."""

    id: str
    account: str
    identifier: Identifier
    wildcard: bool
    profile: str
    expires: datetime
    token: str
    status: str = PENDING
    challenge: str = ""  # the type that was answered
    due: datetime | None = None
    validated: datetime | None = None
    error: Json | None = None


@dataclass(slots=True)
class Order:
    """An order; pending and ready follow from its authorizations, `settled` is what came after."""

    id: str
    account: str
    identifiers: tuple[Identifier, ...]
    profile: str
    profile_asked: bool
    expires: datetime
    authorizations: list[str]
    replaces: str = ""  # the id (ARI) of the certificate that it replaces
    exempt: bool = False  # from all limits: `replaces` was right and within the window
    renewal: bool = False  # these very names had a certificate before
    settled: str = ""  # processing, valid or invalid
    due: datetime | None = None  # when a processing order shows its end
    certificate: str = ""
    error: Json | None = None


@dataclass(slots=True)
class Certificate:
    """A certificate with the chains that it can be had with, the default one first."""

    id: str
    account: str
    identifiers: tuple[Identifier, ...]
    leaf: x509.Certificate
    chains: list[list[x509.Certificate]]
    ari_id: str
    replaced_by: str = ""  # the id of the order that said so
    revoked: int | None = None  # the reason code


@dataclass(slots=True)
class Books:
    """Everything that one CA knows."""

    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    sets: set[frozenset[Identifier]] = field(default_factory=set)  # of names that had a certificate
    _by_ari_id: dict[str, str] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    validations: Counter[str] = field(default_factory=Counter)  # by outcome

    def account_of(self, thumbprint: str) -> Account | None:
        """Return the account of a key."""
        return next((one for one in self.accounts.values() if one.thumbprint == thumbprint), None)

    def by_ari_id(self, ari_id: str) -> Certificate | None:
        """Return the certificate of an id (RFC 9773 §4.1)."""
        return self.certificates.get(self._by_ari_id.get(ari_id, ""))

    def add(self, certificate: Certificate) -> None:
        """Keep a certificate."""
        self.certificates[certificate.id] = certificate
        self._by_ari_id[certificate.ari_id] = certificate.id
        self.sets.add(frozenset(certificate.identifiers))
