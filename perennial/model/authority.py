"""CAs that sign our CSRs: how one is set up, what one suggests, what stands in its way, and what we keep of our account with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AuthorityKind(StrEnum):
    """How a CA is spoken to."""

    ACME = "acme"  # RFC 8555
    EXTERNAL = "external"  # a person or an agent takes the CSR away and brings the chain back


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySetting:
    """One CA, as the setting PERENNIAL_AUTHORITIES names it."""

    name: str  # what the tag perennial-issuer says
    kind: AuthorityKind = AuthorityKind.ACME
    directory: str = ""  # ACME: https address of the directory
    contact: tuple[str, ...] = ()  # ACME: mailto: addresses of the account
    agree_terms: bool = False  # ACME: a person has read the CA's terms of service; no account is made without
    profile: str = ""  # ACME: the profile to order; empty: the CA's default
    chain: str = (
        ""  # ACME: common name of the issuer of the chain's last certificate that is preferred; empty: the CA's default
    )
    key: str = ""  # ACME: name of the account's key in the vault of PERENNIAL_KEYS; empty: acme- and the CA's name
    eab_key_id: str = ""  # ACME: external account binding (RFC 8555 §7.3.4)
    eab_secret: str = ""  # ACME: name of the setting PERENNIAL_SECRET_… that holds the binding's HMAC key, base64url
    limits: Mapping[str, str] = field(
        default_factory=dict
    )  # ACME: limits other than Let's Encrypt's, such as {"orders": "300/3h"}
    instructions: str = ""  # external: what to order, and where, in a sentence for a person
    root: str = ""  # external: common name of the root that a chain must lead to, and may leave out; empty: any, and it must be there


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A CA's renewal window for one certificate (RFC 9773 §4.2)."""

    start: datetime
    end: datetime
    ask_again: datetime  # from Retry-After, kept within the RFC's bounds
    explanation: str = ""  # address of a page that says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What would make an order fail, found before it is placed."""

    code: str  # the same words as a failed order's: dns-not-ours, caa-forbids, not-delegated, account-gone, …
    what: str
    fix: str  # what a person does about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An ACME account, as its row keeps it. Its key stays in Key Vault."""

    authority: str
    directory: str
    url: str = ""  # the account's address at the CA, its `kid`; empty: none was found or made yet
    key_id: str = ""  # the versioned address of its key in Key Vault
    next_key_id: str = ""  # a rollover's new key, saved before the CA is told of it
    contact: tuple[str, ...] = ()  # as the CA knows it
    made: datetime | None = None
    gone: str = ""  # what the CA said when it no longer knew the account: no other is made before a person asks
    remake: str = (
        ""  # a person's reason to make another account in place of a lost one; the next use does it, and clears this
    )
    roll: str = (
        ""  # a person's reason to put another key in place of the account's; the next use does it, and clears this
    )
    actor: str = ""  # who asked for that
    asked_at: datetime | None = None  # when


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one of a CA's limits has seen within its span: the instants that count, oldest first."""

    authority: (
        str  # the CA's name; of what all accounts with one directory share, that directory's hash (limits.keeper)
    )
    bucket: str  # such as orders, domain:example.com, set:HASH, failed:www.example.com
    spent: tuple[datetime, ...] = ()
    blocked_until: datetime | None = None  # the CA's own Retry-After
    issued_at: datetime | None = None  # of a set of names: when a certificate for exactly these was last issued
    latest: datetime | None = None  # the latest instant that it has ever held: the row's age counts from there
