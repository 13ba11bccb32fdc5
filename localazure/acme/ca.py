"""One CA: its books, its conduct, and the mischief that it was told to do."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from localazure.acme.conduct import PROFILES, Conduct, Trouble, Window
from localazure.acme.jws import Signed
from localazure.acme.limits import Buckets
from localazure.acme.problems import Json, Problem
from localazure.acme.signing import Hierarchy
from localazure.acme.store import Account, Books

NONCES = 10_000  # remembered; the oldest go bad first


class Nonces:
    """Nonces that may be used once."""

    def __init__(self) -> None:
        self._good: dict[str, None] = {}
        self._uses = 0

    def issue(self) -> str:
        """Return a fresh one."""
        nonce = secrets.token_urlsafe(24)
        self._good[nonce] = None
        if len(self._good) > NONCES:
            del self._good[next(iter(self._good))]
        return nonce

    def use(self, nonce: object, refusal: int) -> None:
        """Use one up; with `refusal` n every nth is refused though it is good. Raises Problem."""
        self._uses += 1
        known = isinstance(nonce, str) and nonce in self._good
        if known:
            del self._good[str(nonce)]
        if not known or (refusal and self._uses % refusal == 0):
            raise Problem("badNonce", "JWS has an invalid anti-replay nonce")


class Ca:
    """A CA under a name; everything else hangs on it."""

    def __init__(self, name: str, clock: Callable[[], datetime], conduct: Conduct | None = None) -> None:
        self.name, self.clock = name, clock
        self.conduct = conduct or Conduct()
        self.books, self.buckets, self.nonces = Books(), Buckets(), Nonces()
        self.hierarchy = Hierarchy(name, clock())
        self.troubles: list[Trouble] = []
        self.windows: list[Window] = []
        self._ids = itertools.count(1)

    @property
    def host(self) -> str:
        """The host name that it answers under, which is also its CAA identity."""
        return f"{self.name}.example"

    @property
    def default_profile(self) -> str:
        """The profile of an order that names none."""
        return next(iter(self.conduct.profiles), next(iter(PROFILES)))

    def new_id(self) -> str:
        """Return an id that nothing else here has."""
        return str(next(self._ids))

    def later(self, seconds: float) -> datetime:
        """Return the moment that is so many seconds from now."""
        return self.clock() + timedelta(seconds=seconds)

    def strike(self, kind: str, *, after: bool = False) -> None:
        """Let the first trouble for a kind of request take its turn. Raises Problem."""
        for trouble in self.troubles:
            if trouble.on == kind and trouble.after_effect == after:
                if trouble.times is not None:
                    trouble.times -= 1
                    if trouble.times == 0:
                        self.troubles.remove(trouble)
                raise Problem(
                    trouble.type,
                    trouble.detail,
                    trouble.status,
                    retry_after=trouble.retry_after,
                    subproblems=trouble.subproblems,
                )


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a CA; `base` is the address that the client knows it by, `ids` come from the path."""

    ca: Ca
    base: str
    ids: tuple[str, ...]
    method: str = "POST"
    signed: Signed | None = None
    signer: Account | None = None  # None: signed by a key that comes along, or not signed

    @property
    def now(self) -> datetime:
        """The CA's time."""
        return self.ca.clock()

    @property
    def jws(self) -> Signed:
        """The signed request; a route that is called without one does not ask for it."""
        assert self.signed is not None
        return self.signed

    @property
    def account(self) -> Account:
        """The account that signed; a route that takes a bare key does not ask for it."""
        assert self.signer is not None
        return self.signer

    def url(self, *parts: str) -> str:
        """Return an address at this CA."""
        return "/".join((self.base, *parts))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: JSON, PEM text, or nothing."""

    body: Json | str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()  # address and relation

    def retry_after(self, seconds: float, *, when: bool) -> Answer:
        """Return it with a Retry-After header where that is wanted."""
        if not when or not seconds:
            return self
        return Answer(self.body, self.status, self.headers | {"Retry-After": f"{seconds:g}"}, self.links)


def stamp(moment: datetime) -> str:
    """Return a time as RFC 3339 to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
