"""A certificate as its vault shows it: the name, its versions, its issuance policy, its tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

RENEWAL_TAG = "perennial-renewal"  # on what our create made: the version that it was to replace
INSTANCE_TAG = "perennial-by"  # on what our create made: the instance that asked for it


@dataclass(frozen=True, slots=True, order=True)
class CertificateRef:
    """A certificate in a vault; both lower-cased, since Key Vault compares them so."""

    vault: str
    name: str

    def __str__(self) -> str:
        return f"{self.vault}/{self.name}"


class IssuerClass(StrEnum):
    """Whose word a certificate stands on: its own, a private CA's, or a publicly trusted CA's."""

    SELF_SIGNED = "self-signed"
    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """The facts of an X.509 leaf certificate, read from its DER form once and stored as text."""

    sha256: str  # lower-case hex of the DER form
    sha1: str  # lower-case hex: Key Vault's x5t, decoded
    serial: str  # lower-case hex, no leading zeros
    subject: str  # RFC 4514
    issuer: str  # RFC 4514
    common_name: str = ""
    names: tuple[str, ...] = ()  # subjectAltName: DNS names lower-cased, IP addresses as text; sorted
    issuer_class: IssuerClass = IssuerClass.PRIVATE
    key_type: str = "RSA"  # RSA, EC, or what the key calls itself
    key_size: int = 2048  # bits
    curve: str = ""  # P-256, P-384, P-521, P-256K; empty for RSA
    signature_hash: str = "sha256"  # lower-case; empty where the algorithm has none of its own (Ed25519)
    server_auth: bool = True  # extended key usage allows TLS servers, or is absent
    ari_id: str = (
        ""  # RFC 9773 §4.1: key identifier of its issuer and its serial number; empty where it has no such identifier
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a certificate. Without `leaf` it is unfinished: its operation is still pending."""

    id: str  # 32 hex digits
    created: datetime
    not_before: datetime
    not_after: datetime
    enabled: bool = True
    leaf: Leaf | None = None
    made_for: str = ""  # tag perennial-renewal of this version: the version that our create replaced
    made_by: str = (
        ""  # tag perennial-by of this version: the instance that asked for it; empty: not an instance of ours
    )

    @property
    def lifetime(self) -> timedelta:
        """From not-before to not-after."""
        return self.not_after - self.not_before


class LifetimeAction(StrEnum):
    """What Key Vault itself does when a policy's trigger comes."""

    AUTO_RENEW = "AutoRenew"
    EMAIL_CONTACTS = "EmailContacts"
    NONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuancePolicy:
    """The facts of a name's issuance policy; it belongs to the name, not to a version."""

    issuer: str = "Unknown"  # as the vault writes it: Self, Unknown, or the name of an issuer object
    subject: str = ""
    names: tuple[str, ...] = ()  # requested DNS names, lower-cased, sorted
    action: LifetimeAction = LifetimeAction.NONE
    trigger_percentage: int | None = None  # of the lifetime that has passed
    trigger_days: int | None = None  # before expiry
    validity_months: int = 12
    key_type: str = "RSA"
    key_size: int = 2048
    curve: str = ""
    exportable: bool = True
    reuse_key: bool = False
    fingerprint: str = ""  # hash of the whole policy as the vault sent it: tells that a person changed it

    @property
    def by_vault(self) -> bool:
        """Whether Key Vault can get a certificate from this issuer by itself."""
        return self.issuer.lower() not in ("", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a GET of the latest version shows."""

    ref: CertificateRef
    version: Version
    policy: IssuancePolicy = field(default_factory=IssuancePolicy)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An item of a vault's list: no policy, no DER."""

    ref: CertificateRef
    sha1: str  # lower-case hex; empty when the list does not say
    enabled: bool
    created: datetime | None
    not_before: datetime | None
    not_after: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict)


class OperationState(StrEnum):
    """How far a pending operation is."""

    IN_PROGRESS = "inProgress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A pending operation of a certificate. Key Vault keeps at most one per name, finished ones included."""

    state: OperationState
    request_id: str
    issuer: str = ""
    csr: bytes = b""  # DER, PKCS#10
    error_code: str = ""
    error_message: str = ""
    retry_after: timedelta | None = None
