"""What a vault holds."""

from __future__ import annotations

import uuid
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localazure.keyvault.keys import PrivateKey

if TYPE_CHECKING:
    from localazure.keyvault.keyring import Key

Json = dict[str, Any]
CONTACTS = "CONTACTS"  # the contacts are a row of the same index as the certificates (seen in recorded continuations)
IN_PROGRESS, COMPLETED, CANCELLED, FAILED = "inProgress", "completed", "cancelled", "failed"
RETENTION = 90  # days


def new_id() -> str:
    """Return 32 hex digits, as versions and request ids are."""
    return uuid.uuid4().hex


@dataclass(slots=True)
class Version:
    """One version; without `der` it is the unfinished one that stands in for a first version still pending."""

    id: str
    created: int
    updated: int
    nbf: int
    exp: int
    enabled: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    key: PrivateKey | None = None
    der: bytes = b""
    chain: tuple[bytes, ...] = ()  # the whole chain in stored order, leaf included
    preserve_order: bool | None = None
    content_type: str = "application/x-pkcs12"
    exportable: bool = True


@dataclass(slots=True)
class Operation:
    """The pending operation of a name; it stays readable after its end. `draft` is the version seen while it runs."""

    request_id: str
    issuer: str
    csr: bytes
    key: PrivateKey
    props: Json  # `x509_props` as they were when the CSR was made
    draft: Version
    enabled: bool = True
    status: str = IN_PROGRESS
    cancellation_requested: bool = False
    error: Json | None = None


@dataclass(slots=True)
class Certificate:
    """A name: its policy, its finished versions and its operation."""

    name: str
    policy: Json
    versions: dict[str, Version] = field(default_factory=dict)
    current: Version | None = None
    draft: Version | None = None  # of an operation that never finished
    operation: Operation | None = None
    deleted_at: int | None = None
    state: str = ""  # or "deleting", "deleted", "recovering", "purging"

    @property
    def latest(self) -> Version | None:
        """The version that a GET without version shows: while a renewal is pending the old one."""
        return self.current or self.draft

    @property
    def pending(self) -> bool:
        """Whether an operation is in progress."""
        return self.operation is not None and self.operation.status == IN_PROGRESS

    def version(self, identifier: str) -> Version | None:
        """Return a version by id, the unfinished one included."""
        if self.draft and self.draft.id == identifier:
            return self.draft
        return self.versions.get(identifier)


@dataclass(slots=True)
class Issuer:
    """An issuer object and how its CA behaves."""

    name: str
    provider: str
    created: int
    updated: int
    credentials: Json | None = None
    org_details: Json | None = None
    enabled: bool = True


@dataclass(slots=True)
class Conduct:
    """How an integrated CA behaves: seconds until it answers (None: the usual pace) and a failure, (code, message)."""

    delay: float | None = None
    failure: tuple[str, str] | None = None


class Vault:
    """One vault. Names compare lower-cased; `index` is sorted and holds deleted names too."""

    def __init__(self, name: str, throttle: bool) -> None:
        self.name, self.throttle = name, throttle
        self.host = f"{name.lower()}.vault.azure.net"
        self.index: list[str] = []
        self.live: dict[str, Certificate] = {}
        self.deleted: dict[str, Certificate] = {}
        self.issuers: dict[str, Issuer] = {}
        self.conduct: dict[str, Conduct] = {}
        self.keys: dict[str, Key] = {}  # those that are no certificate's
        self.deleted_keys: dict[str, Key] = {}
        self.contacts: list[Json] = []

    def add(self, certificate: Certificate) -> None:
        """Put a certificate among the live ones."""
        self.live[certificate.name.lower()] = certificate
        self.enter(certificate.name.upper())

    def enter(self, row: str) -> None:
        """Put a row into the index, once."""
        place = bisect_left(self.index, row)
        if place == len(self.index) or self.index[place] != row:
            insort(self.index, row)

    def leave(self, row: str) -> None:
        """Take a row out of the index."""
        place = bisect_left(self.index, row)
        if place < len(self.index) and self.index[place] == row:
            del self.index[place]
