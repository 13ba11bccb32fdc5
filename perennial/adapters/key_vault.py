"""The certificates of Azure Key Vaults, over REST through the SDK's authenticated pipeline.

The SDK's own models drop members of a policy that they do not know, and its create polls in a thread; so requests are written here, and only
signing in, TLS and transport are the SDK's. Its retries are off for writes, and for looks confined to one after a broken connection:
429 and Retry-After are for the caller to obey.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import HttpRequest, HttpResponse
from azure.keyvault.certificates import CertificateClient

from perennial.adapters.answers import error_of_look, error_of_write, nothing_was_sent, why
from perennial.adapters.bundles import read_certificate, read_operation, read_page
from perennial.errors import BadInput, Refused, Unclear, Unreachable, VaultError
from perennial.model.answers import retry_after
from perennial.model.certificate import Certificate, CertificateRef, Operation
from perennial.ports.vault import ListPage

NEVER_AGAIN: dict[str, Any] = {"retry_total": 0}
ONCE_IF_BROKEN: dict[str, Any] = {"retry_total": 1, "retry_connect": 1, "retry_read": 1, "retry_status": 0}
LIST = "/certificates?"
FIRST_PAGE = LIST + "maxresults=25"  # Key Vault: the most, and the default


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many seconds one call waits for what. The first call to a vault is two requests, since it asks for the challenge."""

    connect: float = 4
    look: float = 6  # for an answer
    write: float = 10  # likewise; a vault makes a key meanwhile

    @property
    def longest(self) -> float:
        """The longest call in all: a write that connects once, or a look whose second request breaks and is repeated."""
        return max(self.connect + 2 * self.write, 2 * self.connect + 3 * self.look)


PATIENCE = Patience()


class KeyVaults:
    """Every vault of the fleet, each through a client of its own."""

    def __init__(self, open_client: Callable[[str], CertificateClient], patience: Patience = PATIENCE) -> None:
        """Take how to open a client by the vault's name."""
        self._open = open_client
        self._look_waits = {**ONCE_IF_BROKEN, **_waits(patience.connect, patience.look)}
        self._write_waits = {**NEVER_AGAIN, **_waits(patience.connect, patience.write)}
        self._clients: dict[str, CertificateClient] = {}

    def get(self, certificate: CertificateRef) -> Certificate | None:
        """Return the latest version; the path ends in an empty version, as the SDKs send it (recorded traffic)."""
        response = self._look(certificate.vault, f"{_path(certificate)}/")
        if response is None:
            return None
        return _read(certificate.vault, Unreachable, lambda: read_certificate(response.content, certificate))

    def pending(self, certificate: CertificateRef, request_id: str = "") -> Operation | None:
        """Return the pending operation; the request id filters on the other side (Key Vault: 404 where it is another's)."""
        confined = f"?request_id={quote(request_id, safe='')}" if request_id else ""
        response = self._look(certificate.vault, f"{_path(certificate)}/pending{confined}")
        if response is None:
            return None
        found = _operation(certificate.vault, Unreachable, response)
        return found if request_id in ("", found.request_id) else None

    def page(self, vault: str, more: str | None = None) -> ListPage:
        """Return a page of the vault's list; `more` is the path and query of the page's nextLink, never a host."""
        if more is not None and not more.startswith(LIST):
            raise Refused(vault, "the continuation is not a place in a list")
        response = self._look(vault, more or FIRST_PAGE, continues=more is not None)
        if response is None:
            raise Unreachable(vault, "404 to its list")
        items, link = _read(vault, Unreachable, lambda: read_page(response.content, vault))
        return ListPage(items, _place(vault, str(response.request.url), link))

    def create(self, certificate: CertificateRef, tags: Mapping[str, str]) -> Operation:
        """Begin a new version: no policy in the body, so the stored one is kept to the byte."""
        body = {"tags": dict(tags)}
        response = self._send("POST", certificate.vault, f"{_path(certificate)}/create", body)
        if response.status_code not in (200, 202):
            raise error_of_write(certificate.vault, response, creating=True)
        return _operation(certificate.vault, Unclear, response)

    def merge(self, certificate: CertificateRef, chain: tuple[bytes, ...], tags: Mapping[str, str]) -> Certificate:
        """Merge a chain into the pending operation."""
        body = {"x5c": [base64.b64encode(der).decode() for der in chain], "tags": dict(tags)}
        response = self._send("POST", certificate.vault, f"{_path(certificate)}/pending/merge", body)
        if response.status_code not in (200, 201):
            raise error_of_write(certificate.vault, response)
        return _read(certificate.vault, Unclear, lambda: read_certificate(response.content, certificate))

    def discard(self, certificate: CertificateRef) -> bool:
        """Delete the pending operation."""
        response = self._send("DELETE", certificate.vault, f"{_path(certificate)}/pending", None)
        if response.status_code in (200, 204, 404):
            return response.status_code != 404
        raise error_of_write(certificate.vault, response)

    def _look(self, vault: str, path: str, *, continues: bool = False) -> HttpResponse | None:
        """Send a GET; None is 404."""
        try:
            response = self._client(vault).send_request(HttpRequest("GET", path), **self._look_waits)
        except (AzureError, ValueError) as error:  # ValueError: a challenge for another host than the vault's
            raise Unreachable(vault, why(error)) from error
        if response.status_code == 404:
            return None
        if response.status_code == 400 and continues:
            raise Refused(vault, "400 to its continuation", code="BadParameter")
        if response.status_code != 200:
            raise error_of_look(vault, response)
        return response

    def _send(self, method: str, vault: str, path: str, body: Mapping[str, object] | None) -> HttpResponse:
        """Send a write once."""
        client = self._client(vault)
        request = HttpRequest(method, path, json=body) if body is not None else HttpRequest(method, path)
        try:
            return client.send_request(request, **self._write_waits)
        except (ClientAuthenticationError, ValueError) as error:  # no token: only the empty challenge request went out
            raise Unreachable(vault, why(error)) from error
        except AzureError as error:
            kind = Unreachable if nothing_was_sent(error) else Unclear
            raise kind(vault, why(error)) from error

    def _client(self, vault: str) -> CertificateClient:
        if vault not in self._clients:
            self._clients[vault] = self._open(vault)
        return self._clients[vault]


def _waits(connect: float, read: float) -> dict[str, Any]:
    return {"connection_timeout": connect, "read_timeout": read}


def _path(certificate: CertificateRef) -> str:
    return f"/certificates/{quote(certificate.name, safe='')}"


def _place(vault: str, asked: str, link: str | None) -> str | None:
    """Return the path and query of a nextLink, if it stays on the vault's own host."""
    if not link:
        return None
    ours, theirs = urlsplit(asked), urlsplit(link)
    if theirs.hostname != ours.hostname or theirs.path.rstrip("/") != "/certificates":
        raise Unreachable(vault, f"its list goes on at {theirs.hostname}{theirs.path}")
    return f"{LIST}{theirs.query}"


def _operation(vault: str, failure: type[VaultError], response: HttpResponse) -> Operation:
    return _read(vault, failure, lambda: read_operation(response.content, retry_after(response.headers)))


def _read[R](vault: str, failure: type[VaultError], read: Callable[[], R]) -> R:
    """Read a body; one that cannot be read is no answer."""
    try:
        return read()
    except (msgspec.MsgspecError, BadInput, ValueError) as error:
        raise failure(vault, f"its answer cannot be read: {error}") from error
