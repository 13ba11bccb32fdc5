"""A CA as one account of ours sees it: its directory, kept for a day, and one method for each request of RFC 8555."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from acme.jws import JWS
from acme.messages import Directory as AcmeDirectory
from acme.messages import ExternalAccountBinding
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from requests.adapters import BaseAdapter

from perennial.authorities.acme import problems
from perennial.authorities.acme.answers import (
    AccountObject,
    Answer,
    Authorization,
    Directory,
    Order,
)
from perennial.authorities.acme.network import Network, NoAnswer, Refusal
from perennial.authorities.acme.signing import thumbprint
from perennial.authorities.acme.together import Together

KEPT = timedelta(days=1)  # how long a directory holds
LONGEST_ADDRESS = 300  # characters


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, where it is, and when to look at it again."""

    url: str
    order: Order
    retry_after: timedelta | None = None


class Directories:
    """The directory of one CA, asked for once a day and process, however many orders begin at once."""

    def __init__(self, url: str, wire: BaseAdapter | None = None) -> None:
        self.url = url
        self.tls, self.wire = url.startswith("https://"), wire
        self.network = Network(tls=self.tls, wire=wire)  # without a key: for what needs no signature
        self._kept: tuple[datetime, Directory] | None = None
        self._asked = Together[Directory]()

    def get(self, now: datetime) -> Directory:
        """Return the directory. Raises Refusal, NoAnswer, and IssuerError where there is none at its address."""
        try:
            return self._known(now) or self._asked.ask(self.url, lambda: self._fetched(now))
        except Refusal as refusal:
            if refusal.status in (400, 401, 403, 404, 405, 410):
                raise problems.failure("no-directory", f"{self.url}: {refusal}") from refusal
            raise

    def _known(self, now: datetime) -> Directory | None:
        kept = self._kept
        return kept[1] if kept is not None and now < kept[0] else None

    def _fetched(self, now: datetime) -> Directory:
        """Ask, unless another thread has just been answered."""
        known = self._known(now)
        if known is None:
            known = read(self.network.fetch(self.url), Directory)
            self._kept = now + KEPT, known
        return known


class Session:
    """Signed requests. Each raises Refusal, NoAnswer and StaleNonces, and VaultError where the key's vault does not sign."""

    def __init__(self, directory: Directory, network: Network, *, key_id: str = "") -> None:
        """Take a network with a key; where it has no account's address, requests carry the key itself, as newAccount must."""
        self.directory = directory
        self.account = network.address
        self.key_id = key_id
        self._network = network

    def is_of(self, directory: Directory, account: str, key_id: str) -> bool:
        """Tell whether it was made for these; with each day's directory comes a new one, without nonces as old as the last."""
        return self.directory is directory and (self.account, self.key_id) == (account, key_id)

    @property
    def _jwk(self) -> JWKEC:
        assert isinstance(self._network.key, JWKEC)
        return self._network.key

    def value(self, token: str) -> str:
        """Return the TXT value for a challenge (RFC 8555 §8.4): a digest of the token and of the key's thumbprint."""
        proof = f"{token}.{encoded(thumbprint(self._jwk))}"
        return encoded(hashlib.sha256(proof.encode()).digest())

    def post(self, url: str, payload: Mapping[str, object] | None = None) -> Answer:
        """Send a payload; None is a POST-as-GET."""
        return self._network.send(url, payload, self.directory.new_nonce)

    def find_account(self) -> str:
        """Return the address of the account that this key has; empty: none (RFC 8555 §7.3.1)."""
        try:
            return self.post(self.directory.new_account, {"onlyReturnExisting": True}).location
        except Refusal as refusal:
            if refusal.problem.code == "accountDoesNotExist":
                return ""
            raise

    def make_account(self, contact: tuple[str, ...], binding: tuple[str, str] | None) -> str:
        """Make an account, agreeing to the terms; one that this key has already is returned (RFC 8555 §7.3)."""
        payload: dict[str, object] = {"termsOfServiceAgreed": True}
        if contact:
            payload["contact"] = list(contact)
        if binding is not None:
            payload["externalAccountBinding"] = self._bind(*binding)
        return self.post(self.directory.new_account, payload).location

    def _bind(self, key_id: str, secret: str) -> dict[str, Any]:
        """Sign this key's public half with what the CA gave us (RFC 8555 §7.3.4)."""
        directory = AcmeDirectory({"newAccount": self.directory.new_account})
        return ExternalAccountBinding.from_data(self._jwk.public_key(), key_id, secret, directory)

    def change_contact(self, contact: tuple[str, ...]) -> None:
        """Tell the CA whom to write to."""
        self.post(self.account, {"contact": list(contact)})

    def status(self) -> str:
        """Ask the CA how the account stands."""
        return read(self.post(self.account), AccountObject).status

    def change_key(self, successor: JWKEC) -> None:
        """Put another key in this one's place; the new one signs too (RFC 8555 §7.3.5)."""
        url = self.directory.key_change
        body = msgspec.json.encode({"account": self.account, "oldKey": self._jwk.public_key().to_json()})
        inner = JWS.sign(body, key=successor, alg=ES256, nonce=None, url=url)
        self.post(url, msgspec.json.decode(inner.json_dumps()))

    def order(self, identifiers: list[dict[str, str]], profile: str, replaces: str) -> Placed:
        """Place an order; `replaces` is the identifier of the certificate that it renews (RFC 9773 §5)."""
        payload: dict[str, object] = {"identifiers": identifiers}
        payload |= {"profile": profile} if profile else {}
        payload |= {"replaces": replaces} if replaces else {}
        answer = self.post(self.directory.new_order, payload)
        placed = _placed(answer.location, answer)
        if not answer.location or not placed.order.authorizations or not placed.order.finalize:
            raise NoAnswer("it accepted an order and did not say where it is")
        return placed

    def look(self, order: str) -> Placed:
        """See how an order stands."""
        return _placed(order, self.post(order))

    def authorization(self, url: str) -> Authorization:
        """Read an authorization."""
        return read(self.post(url), Authorization)

    def answer(self, challenge: str) -> timedelta | None:
        """Tell the CA to look; return when it would be asked what it saw."""
        return self.post(challenge, {}).retry_after

    def finalize(self, order: str, url: str, csr: bytes) -> Placed:
        """Send the CSR (DER)."""
        return _placed(order, self.post(url, {"csr": encoded(csr)}))


def read[T](answer: Answer, kind: type[T]) -> T:
    """Read an answer's body. Raises NoAnswer where it is something else."""
    try:
        return answer.read(kind)
    except msgspec.MsgspecError as garbled:
        raise NoAnswer(f"its answer cannot be read: {garbled}") from garbled


def encoded(raw: bytes) -> str:
    """Return base64url without padding, as JOSE writes bytes."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _placed(url: str, answer: Answer) -> Placed:
    order = read(answer, Order)
    addresses = (url, order.finalize, order.certificate or "", *order.authorizations)
    if not all(not address or is_usable(address) for address in addresses):
        raise NoAnswer("its order names an address that is none")
    return Placed(url, order, answer.retry_after)


def is_usable(address: str) -> bool:
    """Tell whether an address can be asked, and kept: a claim's memory separates addresses by blanks, and takes 32 K in all."""
    return address.startswith("http") and len(address) <= LONGEST_ADDRESS and not any(map(str.isspace, address))
