"""Somebody with a CA that Perennial does not speak to: the manual's agent beside OpenSSL, or where there is no OpenSSL one in Python."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from localazure import opensslca
from localazure.minting import certificate_authority, intermediate

NAME, ROOT = "corp", "Corp Root"
SETTING = {"name": NAME, "kind": "external", "instructions": "template WebServer", "root": ROOT}
DAY = timedelta(days=1)

type Json = dict[str, Any]


class Agent(Protocol):
    """Has signed what waits, whenever it comes."""

    what: str  # for the reader

    def come(self, app: str) -> list[Json]:
        """Have signed what the app at this address waits for, and post the chains; return what the app answered to each."""

    @property
    def issued(self) -> int:
        """How many certificates its CA has issued."""


class _Script:
    """The shell script of docs/enterprise-ca.md beside `openssl ca`."""

    what = "the shell script of docs/enterprise-ca.md beside `openssl ca`"

    def __init__(self, folder: Path) -> None:
        self._ca, self._state = opensslca.OpenSslCa(folder / "ca"), folder / "state"

    def come(self, app: str) -> list[Json]:
        said = opensslca.agent(app, NAME, self._ca, self._state)
        return [json.loads(line) for line in said.splitlines() if line]

    @property
    def issued(self) -> int:
        return self._ca.issued


class _InPython:
    """A few lines of Python, with a CA of their own."""

    def __init__(self, lacking: str) -> None:
        self.what = f"a signer of the demo's own, since this machine has no {lacking}"
        now = datetime.now(UTC)
        root = certificate_authority(ROOT, now - DAY, now + 3650 * DAY)
        self._ca = intermediate("Corp Issuing", root, now - DAY, now + 3650 * DAY)
        self._signed: dict[str, bytes] = {}

    def come(self, app: str) -> list[Json]:
        http = urllib3.PoolManager(retries=False, timeout=30)
        said: list[Json] = []
        for one in http.request("GET", f"{app}/api/requests?issuer={NAME}").json()["items"]:
            chain = self._signed.setdefault(one["id"], self._sign(one))
            answer = http.request("POST", f"{app}{one['post_to']}?id={one['id']}", body=chain)
            said.append(answer.json())
        http.clear()
        return said

    def _sign(self, request: Json) -> bytes:
        csr, now = x509.load_pem_x509_csr(request["csr"].encode()), datetime.now(UTC)
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        by = self._ca.certificate
        builder = x509.CertificateBuilder(by.subject, csr.subject, csr.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + 90 * DAY)
        leaf = builder.add_extension(names, critical=False).sign(self._ca.key, hashes.SHA256())
        return leaf.public_bytes(Encoding.PEM) + by.public_bytes(Encoding.PEM)

    @property
    def issued(self) -> int:
        return len(self._signed)


@contextmanager
def corporate(lacking: Sequence[str] | None = None) -> Iterator[Agent]:
    """Give an agent and its CA, which are gone when the block ends; `lacking`: programs to do without (None: those that are not here)."""
    missing = opensslca.lacking() if lacking is None else lacking
    with tempfile.TemporaryDirectory(prefix="corp-") as name:
        yield _InPython(missing[0]) if missing else _Script(Path(name))
