"""An ACME CA in memory (RFC 8555, RFC 9773): HTTP requests in, HTTP answers out, under a clock that a test turns."""

from __future__ import annotations

import base64
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from localazure.acme import jws
from localazure.acme.problems import Problem as Garbled
from tests.memory import acme_orders as orders
from tests.memory.acme_books import Account, Authorization, Books, Json, Leaf, Order, Problem, Trouble
from tests.memory.acme_replies import Reply, refused, shown

DAY = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Conduct:
    """How it behaves."""

    life: timedelta = 90 * DAY
    validation_delay: timedelta = timedelta(seconds=5)
    finalize_delay: timedelta = timedelta(seconds=5)
    reuse: timedelta = timedelta(0)  # for so long a name that was proved needs no other proof
    again: timedelta = timedelta(hours=6)  # Retry-After of renewal information
    nonce_refusal: int = 0  # every so many signed requests one is refused; 0: none
    down: Literal["", "503", "drop"] = ""  # 503 is no problem document


class Lost(Exception):
    """The connection broke before an answer was there."""


class MemoryCa:
    """One CA at https://HOST. `texts` is what it sees in the DNS."""

    def __init__(
        self,
        host: str,
        clock: Callable[[], datetime],
        texts: Callable[[str], list[str]],
        conduct: Conduct | None = None,
    ) -> None:
        self.host, self.clock, self.texts = host, clock, texts
        self.conduct = conduct or Conduct()
        self.books = Books()
        self.troubles: list[Trouble] = []
        self.struck: Counter[str] = Counter()  # troubles that somebody ran into, by kind
        self.loses: Counter[str] = Counter()  # so many of the next effects of a kind are answered by nobody
        self.asked: Counter[str] = Counter()  # requests, by kind
        self.on_account: Callable[[Account], None] = lambda _: None
        self.on_order: Callable[[Order], None] = lambda _: None
        self.on_work: Callable[[str, tuple[str, ...]], None] = lambda *_: None  # what changes an order, and its names
        self.on_leaf: Callable[[Leaf], None] = lambda _: None
        self.on_failed: Callable[[Authorization], None] = lambda _: None
        self._numbers = itertools.count(1)
        self._nonces: set[str] = set()
        self._signed = 0

    @property
    def base(self) -> str:
        """The beginning of all its addresses."""
        return f"https://{self.host}"

    @property
    def directory(self) -> str:
        """The address of its directory."""
        return f"{self.base}/directory"

    def new_id(self) -> str:
        """Return an id that nothing else here has."""
        return str(next(self._numbers))

    def strike(self, kind: str, host: str = "") -> None:
        """Raise the problem that requests of a kind run into now."""
        now = self.clock()
        self.troubles = [one for one in self.troubles if one.until > now]
        for trouble in self.troubles:
            if trouble.on == kind and trouble.host in ("", host):
                self.struck[trouble.problem.kind] += 1
                raise trouble.problem

    def request(self, method: str, path: str, body: bytes) -> Reply:
        """Answer a request. Raises Lost."""
        if self.conduct.down:
            self.struck[f"down: {self.conduct.down}"] += 1
            if self.conduct.down == "drop":
                raise Lost
            return Reply(503, b"<html>Service Unavailable</html>")
        try:
            reply = self._answer(method, path, body)
        except Garbled as garbled:
            reply = refused(Problem(garbled.kind, garbled.detail, garbled.status))
        except Problem as problem:
            reply = refused(problem)
        if method == "GET":
            return reply
        nonce = base64.urlsafe_b64encode(f"nonce-{next(self._numbers):010d}-".encode()).rstrip(b"=").decode()
        self._nonces.add(nonce)
        return Reply(reply.status, reply.body, {**reply.headers, "Replay-Nonce": nonce})

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        kind, *ids = path.strip("/").split("/")
        self.asked[kind] += 1
        match (method, kind):
            case ("GET", "directory"):
                return shown(self._directory())
            case ("GET", "renewal-info"):
                return self._window(ids[0])
            case ("HEAD", "new-nonce"):
                return Reply(200)
        signed, account = self._authenticated(kind, path, body)
        self.strike(kind)
        reply = self._done(kind, ids, signed, account)
        if signed.payload and kind in orders.EFFECTS and self.loses[kind]:
            self.loses[kind] -= 1
            self.struck[f"answer lost: {kind}"] += 1
            raise Lost
        return reply

    def _done(self, kind: str, ids: list[str], signed: jws.Signed, account: Account | None) -> Reply:
        if kind == "new-account":
            return self._new_account(signed)
        assert account is not None
        match kind:
            case "account":
                return shown({"status": "valid", **(signed.body() if signed.payload else {})})
            case "key-change":
                return self._change_key(signed, account)
            case _:
                return orders.ROUTES[kind](self, ids, signed, account)

    def _directory(self) -> Json:
        names = {"newNonce": "new-nonce", "newAccount": "new-account", "newOrder": "new-order"}
        names |= {"keyChange": "key-change", "renewalInfo": "renewal-info"}
        addresses = {name: f"{self.base}/{path}" for name, path in names.items()}
        return {**addresses, "meta": {"caaIdentities": [self.host]}}

    def _authenticated(self, kind: str, path: str, body: bytes) -> tuple[jws.Signed, Account | None]:
        signed = jws.read(body)
        self._signed += 1
        nonce = str(signed.header.get("nonce"))
        good = nonce in self._nonces
        self._nonces.discard(nonce)
        if not good or (self.conduct.nonce_refusal and self._signed % self.conduct.nonce_refusal == 0):
            self.struck["badNonce"] += 1
            raise Problem("badNonce", "JWS has an invalid anti-replay nonce")
        if signed.header.get("url") != f"{self.base}{path}":
            raise Problem("unauthorized", "the url is another", 403)
        if kind == "new-account":
            jws.verify(signed, signed.header["jwk"])
            return signed, None
        account = self.books.accounts.get(str(signed.header.get("kid")).rpartition("/")[2])
        if account is None:
            raise Problem("accountDoesNotExist", "Account not found")
        if account.gone:
            raise Problem("unauthorized", "Account is not valid, has status 'deactivated'", 403)
        jws.verify(signed, account.jwk)
        return signed, account

    def _new_account(self, signed: jws.Signed) -> Reply:
        jwk = signed.header["jwk"]
        known = self.books.account_of(jws.thumbprint(jwk))
        if known is not None and known.gone:
            raise Problem("unauthorized", "An account with the provided public key exists but is deactivated", 403)
        if known is None and signed.body().get("onlyReturnExisting"):
            raise Problem("accountDoesNotExist", "No account exists with the provided key")
        if known is None:
            known = Account(self.new_id(), jwk, jws.thumbprint(jwk))
            self.books.accounts[known.id] = known
            self.on_account(known)
        return shown({"status": "valid"}, where=f"{self.base}/account/{known.id}")

    def _change_key(self, signed: jws.Signed, account: Account) -> Reply:
        inner = jws.read(signed.body())
        jws.verify(inner, inner.header["jwk"])
        if jws.thumbprint(inner.body()["oldKey"]) != account.thumbprint:
            raise Problem("malformed", "oldKey is not the account's key")
        account.jwk = inner.header["jwk"]
        account.thumbprint = jws.thumbprint(account.jwk)
        return shown({"status": "valid"})

    def _window(self, ari_id: str) -> Reply:
        self.strike("renewal-info")
        leaf = self.books.by_ari_id.get(ari_id)
        if leaf is None:
            raise Problem("malformed", "Certificate not found", 404)
        start, end = (instant.isoformat() for instant in leaf.windows[-1])
        reply = shown({"suggestedWindow": {"start": start, "end": end}})
        return Reply(200, reply.body, {"Retry-After": str(int(self.conduct.again.total_seconds()))})
