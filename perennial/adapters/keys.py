"""Accounts' keys in the app's own Key Vault, over REST through the SDK's authenticated pipeline, as certificates are.

The SDK's CryptographyClient fetches the key again for each client and may check signatures itself; three requests are written here instead.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import HttpRequest, HttpResponse
from azure.keyvault.keys import KeyClient

from perennial.adapters.answers import error_of_look, error_of_write, nothing_was_sent, why
from perennial.errors import Refused, Unclear, Unreachable, VaultError
from perennial.ports.keys import PublicKey

# Seconds; nothing is retried after 429 or Retry-After, which are for the caller to obey.
LOOK: dict[str, Any] = {"retry_total": 1, "retry_connect": 1, "retry_read": 1, "retry_status": 0}
WRITE: dict[str, Any] = {"retry_total": 0}
PATIENCE: dict[str, Any] = {"connection_timeout": 4, "read_timeout": 8}
HALF = 32  # bytes of a coordinate of P-256, and of r and s


class _Jwk(msgspec.Struct):
    kid: str
    kty: str
    crv: str = ""
    x: str = ""
    y: str = ""


class _Bundle(msgspec.Struct):
    key: _Jwk


class _Signature(msgspec.Struct):
    value: str


class KeyVaultKeys:
    """EC keys in one vault. They are made without `exportable`, so that no operation of Key Vault gives them out."""

    def __init__(self, open_client: Callable[[], KeyClient]) -> None:
        """Take how to open the vault's client."""
        self._open = open_client
        self._client: KeyClient | None = None

    def get(self, name: str) -> PublicKey | None:
        """Return the newest version; the path ends in an empty version, as the SDKs send it."""
        return self._look(f"/keys/{quote(name, safe='')}/")

    def read(self, key_id: str) -> PublicKey | None:
        """Return one version."""
        return self._look(_path(key_id))

    def create(self, name: str) -> PublicKey:
        """Make a key, or a new version of it."""
        body = {"kty": "EC", "crv": "P-256", "key_ops": ["sign", "verify"], "attributes": {"exportable": False}}
        response = self._send(f"/keys/{quote(name, safe='')}/create", body)
        if response.status_code != 200:
            raise error_of_write(self._vault, response)
        return self._read(Unclear, response)

    def sign(self, key_id: str, digest: bytes) -> bytes:
        """Sign a digest; the vault answers r and s, each as long as the curve (RFC 7518 §3.4)."""
        response = self._send(f"{_path(key_id)}/sign", {"alg": "ES256", "value": _encoded(digest)}, **LOOK)
        if response.status_code != 200:
            failure = error_of_write(self._vault, response)
            raise failure if not isinstance(failure, Unclear) else error_of_look(self._vault, response)
        try:
            signature = _decoded(msgspec.json.decode(response.content, type=_Signature).value)
        except (msgspec.MsgspecError, ValueError) as garbled:
            raise Unreachable(self._vault, f"its signature cannot be read: {garbled}") from garbled
        if len(signature) != 2 * HALF:
            raise Refused(self._vault, f"its signature has {len(signature)} bytes, not {2 * HALF}: the key is no P-256")
        return signature

    def _look(self, path: str) -> PublicKey | None:
        try:
            response = self._opened().send_request(HttpRequest("GET", path), **LOOK, **PATIENCE)
        except (AzureError, ValueError) as error:  # ValueError: a challenge for another host than the vault's
            raise Unreachable(self._vault, why(error)) from error
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise error_of_look(self._vault, response)
        return self._read(Unreachable, response)

    def _send(self, path: str, body: object, **retries: Any) -> HttpResponse:
        request = HttpRequest("POST", path, json=body)
        try:
            return self._opened().send_request(request, **(retries or WRITE), **PATIENCE)
        except (ClientAuthenticationError, ValueError) as error:  # no token: only the empty challenge request went out
            raise Unreachable(self._vault, why(error)) from error
        except AzureError as error:  # a signature that nobody heard of has no effect
            kind = Unreachable if retries or nothing_was_sent(error) else Unclear
            raise kind(self._vault, why(error)) from error

    def _read(self, failure: type[VaultError], response: HttpResponse) -> PublicKey:
        try:
            jwk = msgspec.json.decode(response.content, type=_Bundle).key
            x, y = _decoded(jwk.x), _decoded(jwk.y)
        except (msgspec.MsgspecError, ValueError) as error:
            raise failure(self._vault, f"its answer cannot be read: {error}") from error
        if not jwk.kty.startswith("EC") or jwk.crv != "P-256":
            raise Refused(self._vault, f"the key {jwk.kid} is {jwk.kty} {jwk.crv}, not EC P-256", code="BadParameter")
        return PublicKey(id=jwk.kid, x=x.rjust(HALF, b"\0"), y=y.rjust(HALF, b"\0"))

    def _opened(self) -> KeyClient:
        if self._client is None:
            self._client = self._open()
        return self._client

    @property
    def _vault(self) -> str:
        return urlsplit(self._opened().vault_url).hostname or self._opened().vault_url


def _path(key_id: str) -> str:
    """Return the path of a key's address. The host is the client's: a row that names another vault reaches it not."""
    return urlsplit(key_id).path.rstrip("/")


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
