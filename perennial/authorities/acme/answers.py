"""What a CA answers (RFC 8555 §7.1, RFC 9773 §4.2), as typed values. Members that nobody reads here are dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from requests.utils import parse_header_links

from perennial.model.answers import retry_after

PROBLEM = "urn:ietf:params:acme:error:"
LONGEST_WAIT = timedelta(
    days=7
)  # that is believed: the longest span of Let's Encrypt's limits. Whoever says more is asked again then


class Identifier(msgspec.Struct, frozen=True):
    """What an authorization is about."""

    type: str = ""
    value: str = ""


class Problem(msgspec.Struct, frozen=True):
    """A problem document (RFC 8555 §6.7)."""

    type: str = ""
    title: str | None = None
    detail: str | None = None
    identifier: Identifier | None = None
    subproblems: tuple[Problem, ...] | None = None

    @property
    def code(self) -> str:
        """The type without its prefix."""
        return self.type.removeprefix(PROBLEM)

    @property
    def text(self) -> str:
        """The CA's own words, those about single names included."""
        own = " ".join((self.detail or self.title or self.code or "no reason was given").split())
        parts = [
            f"{one.identifier.value}: {one.text}" if one.identifier else one.text for one in self.subproblems or ()
        ]
        return "; ".join((own, *parts))[:1500]


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """What a directory says of its CA."""

    terms_of_service: str | None = None
    caa_identities: tuple[str, ...] | None = None
    external_account_required: bool | None = None
    profiles: Mapping[str, str] | None = None


class Directory(msgspec.Struct, frozen=True, rename="camel"):
    """Where a CA's services are."""

    new_nonce: str
    new_account: str
    new_order: str
    key_change: str = ""
    renewal_info: str | None = None
    meta: Meta = Meta()


class AccountObject(msgspec.Struct, frozen=True):
    """An account, as its CA sees it."""

    status: str = "valid"


class Order(msgspec.Struct, frozen=True):
    """An order."""

    status: str
    authorizations: tuple[str, ...] = ()
    finalize: str = ""
    certificate: str | None = None
    expires: str | None = None
    error: Problem | None = None


class Challenge(msgspec.Struct, frozen=True):
    """A challenge of an authorization."""

    type: str
    url: str = ""
    token: str = ""
    status: str = ""
    error: Problem | None = None


class Authorization(msgspec.Struct, frozen=True):
    """An authorization."""

    identifier: Identifier
    status: str
    challenges: tuple[Challenge, ...] = ()
    wildcard: bool | None = None


class Window(msgspec.Struct, frozen=True):
    """When a CA would have a certificate renewed."""

    start: datetime
    end: datetime


class RenewalInfo(msgspec.Struct, frozen=True, rename={"window": "suggestedWindow", "explanation": "explanationURL"}):
    """A CA's renewal information."""

    window: Window
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no error."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def location(self) -> str:
        """Where the thing that it is about is."""
        return self.headers.get("Location", "")

    @property
    def retry_after(self) -> timedelta | None:
        """When to ask again."""
        return retry_after(self.headers, LONGEST_WAIT)

    def read[T](self, kind: type[T]) -> T:
        """Read the body. Raises msgspec.MsgspecError where it is something else."""
        return msgspec.json.decode(self.body, type=kind)

    def alternates(self) -> tuple[str, ...]:
        """Return where other chains are (RFC 8555 §7.4.2); requests' own `links` keeps but one of a kind."""
        links = parse_header_links(self.headers.get("Link", ""))
        return tuple(link["url"] for link in links if link.get("rel") == "alternate" and "url" in link)


def bounded(wait: timedelta) -> timedelta:
    """Return a CA's wait as far as it is believed: none that is over, and no year, which would let a certificate die in silence."""
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
