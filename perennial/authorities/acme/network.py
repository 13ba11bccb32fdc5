"""Requests to a CA: signed by the account's key in the vault, each with a nonce, errors as they were said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import msgspec
import requests
from acme import errors as acme_errors
from acme.client import ClientNetwork
from acme.jws import JWS
from josepy.errors import DeserializationError
from josepy.json_util import decode_b64jose
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from requests.adapters import BaseAdapter, HTTPAdapter

from perennial.authorities.acme.answers import LONGEST_WAIT, Answer, Problem
from perennial.model.answers import retry_after

AGENT = "perennial (acme-python)"
WAITS = (5, 25)  # seconds for a connection, and for an answer: a look's lease must hold for all of its steps
CONNECTIONS = 32  # kept: one for each of the worker's threads, which share an account
LARGEST = 1_000_000  # bytes of an answer; a chain has some thousands


class Refusal(Exception):
    """The CA answered with an error."""

    def __init__(self, status: int, problem: Problem, wait: timedelta | None) -> None:
        super().__init__(f"{status} {problem.code}: {problem.text}")
        self.status = status
        self.problem = problem
        self.wait = wait  # its Retry-After


class NoAnswer(Exception):
    """The CA gave no answer that can be used; what was asked may have taken effect."""


class StaleNonces(Exception):
    """The CA refused two nonces in a row: nothing was done."""


class Network(ClientNetwork):
    """`acme`'s network, which signs and keeps nonces. It loses Retry-After and 409's problem document, and throws an error's nonce away: not here."""

    def __init__(
        self, key: JWKEC | None = None, account: str = "", *, tls: bool = True, wire: BaseAdapter | None = None
    ) -> None:
        """Take the account's key and address; `tls`: a CA whose directory is reached by TLS names no address without. `wire`: another way there."""
        super().__init__(key, alg=ES256, user_agent=AGENT)
        self.address = account
        self.session.mount("https://", wire or HTTPAdapter(pool_maxsize=CONNECTIONS))
        self.session.auth = _as_signed  # without one, requests would look for a .netrc
        self.session.hooks["response"].append(self._arrived)
        self._scheme = "https://" if tls else "http"

    def fetch(self, url: str) -> Answer:
        """GET without a signature: the directory, renewal information."""
        return _answer(self._reached("GET", url))

    def send(self, url: str, payload: Mapping[str, object] | None, nonces: str) -> Answer:
        """POST a payload, or POST-as-GET; `nonces` is where to get a fresh nonce. Raises Refusal, NoAnswer, StaleNonces."""
        for _ in range(2):  # RFC 8555 §6.5: a bad nonce is answered with a good one
            signed = self._signed(payload, self._a_nonce(nonces), url)
            headers = {"Content-Type": self.JOSE_CONTENT_TYPE}
            response = self._reached("POST", url, data=signed, headers=headers)
            try:
                return _answer(response)
            except Refusal as refusal:
                if refusal.problem.code != "badNonce":
                    raise
                self._forget_but(response)
        raise StaleNonces

    def _forget_but(self, response: requests.Response) -> None:
        """Forget every nonce but the one that came with a refusal: after a quiet night all that were kept are as old as the one that was refused."""
        self._nonces.clear()
        self._keep_nonce(response)

    def _signed(self, payload: Mapping[str, object] | None, nonce: bytes, url: str) -> str:
        """Sign; a POST-as-GET has an empty payload, which is not the payload {} (RFC 8555 §6.3)."""
        body = b"" if payload is None else msgspec.json.encode(payload)
        assert isinstance(self.key, JWKEC)
        signed = JWS.sign(body, key=self.key, alg=ES256, nonce=nonce, url=url, kid=self.address or None)
        return str(signed.json_dumps())

    def _a_nonce(self, url: str) -> bytes:
        """Take a nonce that is at hand, or ask for one; another thread may take the last."""
        try:
            kept: Any = self._nonces.pop()
        except KeyError:
            response = self._reached("HEAD", url, keep=False)
            _answer(response)
            text = response.headers.get(self.REPLAY_NONCE_HEADER, "")
            try:
                kept = decode_b64jose(text)
            except DeserializationError as garbled:
                raise NoAnswer("its nonce cannot be read") from garbled
            if not kept:
                raise NoAnswer("it gave no nonce") from None
        return bytes(kept)

    def _reached(self, method: str, url: str, *, keep: bool = True, **what: Any) -> requests.Response:
        """Send, keep the answer's nonce, whatever it says, and return it."""
        if not url.startswith(self._scheme):
            raise NoAnswer(f"it names an address that is not asked: {url[:200]}")
        try:
            response = self._send_request(method, url, timeout=WAITS, allow_redirects=method != "POST", **what)
        except requests.RequestException as broken:
            raise NoAnswer(_why(broken)) from broken
        if keep:
            self._keep_nonce(response)
        return response

    def _arrived(self, response: requests.Response, **_: Any) -> None:
        """Bound an answer before requests reads it whole, and follow it nowhere that would not be asked."""
        where = urljoin(response.url, response.headers.get("Location", ""))
        if response.is_redirect and not where.startswith(self._scheme):
            raise requests.exceptions.InvalidURL(f"it leads to an address that is not asked: {where[:200]}")
        if response.raw is not None:
            response.raw = _Bounded(response.raw)

    def _keep_nonce(self, response: requests.Response) -> None:
        if self.REPLAY_NONCE_HEADER in response.headers:
            try:
                self._add_nonce(response)
            except acme_errors.NonceError:
                response.headers.pop(self.REPLAY_NONCE_HEADER)


class _Bounded:
    """An answer's body as requests reads it, which ends by an error where it is longer than any answer of a CA."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def stream(self, amount: int, *, decode_content: bool) -> Iterator[bytes]:
        """Read on, and count what was unpacked."""
        read = 0
        for chunk in self._raw.stream(amount, decode_content=decode_content):
            read += len(chunk)
            if read > LARGEST:
                raise requests.exceptions.ContentDecodingError(f"its answer has more than {LARGEST} bytes")
            yield chunk

    def __getattr__(self, name: str) -> Any:  # of urllib3's response, whichever it is
        return getattr(self._raw, name)


def _as_signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request without an Authorization: its signature is in its body."""
    return request


def _answer(response: requests.Response) -> Answer:
    """Return what was answered. Raises Refusal, and NoAnswer where it is no answer of an ACME server."""
    if response.ok and not response.is_redirect:
        return Answer(response.content, response.headers)
    try:
        problem = msgspec.json.decode(response.content, type=Problem)
    except msgspec.MsgspecError:
        problem = Problem(detail=response.reason)
    raise Refusal(response.status_code, problem, retry_after(response.headers, LONGEST_WAIT))


def _why(broken: requests.RequestException) -> str:
    return " ".join(str(broken).split())[:300] or type(broken).__name__
