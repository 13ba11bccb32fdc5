"""How a CA behaves: its profiles, paces and limits, and what it is made to do wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from localazure.orders import Count, Order, OrderError, Seconds

HOUR, DAY = 3600.0, 86400.0

type CaName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{1,40}$")]
type Spoilt = Literal["", "wrong-order", "no-intermediate", "expired", "other-key", "other-names"]
type Kind = Literal[
    "directory",
    "new-nonce",
    "new-account",
    "account",
    "key-change",
    "new-order",
    "order",
    "authorization",
    "challenge",
    "finalize",
    "certificate",
    "revoke",
    "renewal-info",
    "validation",  # not a request: the challenge fails with the problem
    "issuance",  # not a request: the order fails with the problem after finalize was taken
]


class Profile(msgspec.Struct, frozen=True):
    """What a profile means (Let's Encrypt, "Profiles", 2026-07-14); times in seconds."""

    description: str
    lifetime: float
    order: float
    pending: float  # of a pending authorization
    reuse: float  # of a valid authorization
    names: int
    common_name: bool
    addresses: bool


PROFILES = {
    "classic": Profile("The profile you have always had", 90 * DAY, 7 * DAY, 7 * DAY, 30 * DAY, 100, True, False),
    "tlsserver": Profile("For TLS servers, without relics", 45 * DAY, 8 * HOUR, HOUR, 7 * HOUR, 25, False, False),
    "shortlived": Profile("Six days", 160 * HOUR, 8 * HOUR, HOUR, 7 * HOUR, 25, False, True),
}


class Limit(Order):
    """A token bucket: so many at once, refilled evenly over so many seconds."""

    count: Count
    seconds: Seconds


class Conduct(Order):
    """All that can be set; the defaults are a CA that does its work at once and asks no DNS."""

    validation: Literal["always", "dns"] = "always"
    dns_server: str = ""  # 127.0.0.1:PORT, asked over UDP
    caa: bool = True  # with validation "dns": CAA is looked up too
    validation_delay: Seconds = 0  # the TXT is looked up when it has passed
    finalize_delay: Seconds = 0
    retry_after: Seconds = 0  # on answers about what is not finished; 0: no such header
    nonce_refusal: Annotated[int, msgspec.Meta(ge=0)] = 0  # every so many signed requests one is refused; 0: none
    eab: dict[str, str] = msgspec.field(
        default_factory=dict
    )  # key id to HMAC key, base64url; not empty: accounts need a binding
    profiles: list[str] = msgspec.field(
        default_factory=lambda: list(PROFILES)
    )  # those offered; empty: no profiles, lifetimes of classic
    lifetimes: dict[str, Seconds] = msgspec.field(default_factory=dict)  # seconds, instead of a profile's own
    ari: bool = True
    ari_retry_after: Seconds = 21600  # Let's Encrypt's
    order_reuse: bool = True  # as Boulder: the same account and names get their pending or ready order again
    authorization_reuse: bool = True
    rejected: list[str] = msgspec.field(default_factory=list)  # globs of names that this CA will not have
    chain: Spoilt = ""
    limits: dict[str, Limit] = msgspec.field(default_factory=dict)  # orders, domain, set, failed, accounts
    down: Literal["", "503", "drop"] = ""

    def check(self) -> None:
        """Refuse what cannot be meant. Raises OrderError."""
        if self.validation == "dns" and ":" not in self.dns_server:
            raise OrderError("dns_server", "validation by dns needs dns_server, as 127.0.0.1:PORT")
        for field, given, known in (
            ("profiles", self.profiles, PROFILES),
            ("lifetimes", self.lifetimes, PROFILES),
            ("limits", self.limits, ("orders", "domain", "set", "failed", "accounts")),
        ):
            if unknown := [one for one in given if one not in known]:
                raise OrderError(field, f"{unknown[0]} is none of {', '.join(known)}")

    def lifetime(self, profile: str) -> float:
        """Return the seconds that a certificate of this profile lives."""
        return self.lifetimes.get(profile, PROFILES[profile].lifetime)


class Trouble(Order):
    """`POST /acme/{ca}/problems`: a problem document for the next requests of a kind."""

    on: Kind
    type: str = "serverInternal"  # without the urn
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    detail: str = "This is a problem that localazure was asked for."
    subproblems: list[dict[str, object]] = msgspec.field(default_factory=list)
    retry_after: Seconds | str | None = None  # the header: seconds, or an HTTP date
    after_effect: bool = False
    times: Count | None = 1  # null: until they are cleared


class Window(Order):
    """`POST /acme/{ca}/windows`: an answer to renewalInfo, for some certificates or all; the newest that fits is used."""

    start: datetime | None = None
    end: datetime | None = None
    explanation: str = ""
    name: str = ""  # a name that the certificate has; empty: all
    serial: str = ""  # hexadecimal, as the CA's report shows it; empty: all
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200  # another than 200 instead of an answer
    body: str | None = None  # sent as it is: a garbled answer
    retry_after: Seconds | str | None = None

    def check(self) -> None:
        """Refuse half a window. Raises OrderError."""
        if self.body is None and self.status == 200 and (self.start is None or self.end is None):
            raise OrderError("start", "a window needs start and end, or else a status or a body")
        for field, moment in (("start", self.start), ("end", self.end)):
            if moment is not None and moment.tzinfo is None:
                raise OrderError(field, "must say its UTC offset")
