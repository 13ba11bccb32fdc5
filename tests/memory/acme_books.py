"""What an ACME CA in memory keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

type Json = dict[str, Any]

PREFIX = "urn:ietf:params:acme:error:"


class Problem(Exception):
    """An answer that is an error (RFC 8555 §6.7); `kind` is its type without the prefix."""

    def __init__(self, kind: str, detail: str, status: int = 400, wait: int | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status, self.wait = kind, detail, status, wait

    @property
    def document(self) -> Json:
        """The problem document."""
        return {"type": PREFIX + self.kind, "detail": self.detail, "status": self.status}


@dataclass(slots=True, kw_only=True)
class Trouble:
    """A problem for requests of a kind, or (`validation`, `issuance`) for what comes of them."""

    on: str
    problem: Problem
    until: datetime
    host: str = ""  # only of this name; empty: of all


@dataclass(slots=True)
class Account:
    """An account and its key."""

    id: str
    jwk: Json
    thumbprint: str
    gone: bool = False


@dataclass(slots=True, kw_only=True)
class Authorization:
    """An account's right to a name; `due` is when an answered challenge is looked at."""

    id: str
    account: str
    host: str
    wildcard: bool
    token: str
    expires: datetime
    status: str = "pending"
    due: datetime | None = None
    error: Json | None = None


@dataclass(slots=True, kw_only=True)
class Order:
    """An order; `settled` is what came after finalize."""

    id: str
    account: str
    names: tuple[str, ...]
    placed: datetime
    expires: datetime
    authorizations: tuple[Authorization, ...]
    exempt: bool = False  # it replaces a certificate inside its window: no limit counts it
    settled: str = ""
    due: datetime | None = None  # when a processing order shows its end
    certificate: str = ""
    error: Json | None = None


@dataclass(slots=True, kw_only=True)
class Leaf:
    """A certificate, and when the CA would have it renewed."""

    id: str
    account: str
    names: tuple[str, ...]
    der: bytes
    ari_id: str
    windows: list[tuple[datetime, datetime]]  # as they were told, the newest last
    replaced_by: str = ""
    exempt: bool = False  # as its order was


@dataclass(slots=True)
class Books:
    """Everything that one CA knows."""

    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    by_ari_id: dict[str, Leaf] = field(default_factory=dict)

    def account_of(self, thumbprint: str) -> Account | None:
        """Return the account of a key."""
        return next((one for one in self.accounts.values() if one.thumbprint == thumbprint), None)
