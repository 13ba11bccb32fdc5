"""Where the contract of Vaults is played: a vault, the port that is tried on it, and a person who sets the scene."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.keyvault.certificates import (
    CertificateClient,
    CertificateContentType,
    CertificatePolicy,
)
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from localazure.client import LocalAzure
from perennial.errors import Unclear, Unreachable, VaultError
from perennial.model.certificate import CertificateRef, IssuancePolicy
from perennial.ports.vault import Vaults
from tests.memory import minting
from tests.memory.vault import MemoryVaults

SERIAL = itertools.count(1)
PATIENCE = 60.0  # seconds; recorded traffic: Self takes 1 to 21 s
PAUSE = threading.Event()


class Stage(Protocol):
    """A vault of its own, and what may happen to it."""

    vault: str

    @property
    def vaults(self) -> Vaults:
        """The port under test."""

    def seed(self, issuer: str = "Self") -> CertificateRef:
        """Put a self-signed certificate there, with this issuer in its policy and the tag `owner`."""

    def begin(self, issuer: str = "Unknown") -> CertificateRef:
        """Let a person begin a certificate that has no version yet."""

    def interfere(self, ref: CertificateRef) -> None:
        """Let a person begin an operation on a certificate."""

    def delete(self, ref: CertificateRef) -> None:
        """Let a person delete a certificate."""

    def wait(self, ref: CertificateRef) -> None:
        """Return when no operation of the certificate is in progress."""


class Breakable(Stage, Protocol):
    """A stage whose service can be broken."""

    def throttle(self, retry_after: timedelta | None) -> None:
        """Answer 429 from now on."""

    def forbid(self) -> None:
        """Take all rights away."""

    def fail(self, method: str, *, after_effect: bool) -> None:
        """Let the next call answer 500, before or after it took effect."""

    def calls(self) -> int:
        """Count the requests that reached the vault with a token."""


@dataclass
class MemoryStage:
    """The fake."""

    vaults: MemoryVaults
    now: list[datetime]
    vault: str = "kv-memory"

    @classmethod
    def build(cls, *, real_certificates: bool) -> MemoryStage:
        """Open an empty vault."""
        now = [datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)]
        stage = cls(MemoryVaults(lambda: now[0], real_certificates=real_certificates), now)
        stage.vaults.add_vault(stage.vault)
        return stage

    def seed(self, issuer: str = "Self") -> CertificateRef:
        """Import one."""
        ref = self._fresh()
        self.vaults.import_certificate(
            ref,
            self.now[0] - timedelta(days=60),
            self.now[0] + timedelta(days=30),
            policy=_policy(ref, issuer),
            tags={"owner": "ada"},
        )
        return ref

    def begin(self, issuer: str = "Unknown") -> CertificateRef:
        """Begin one."""
        ref = self._fresh()
        self.vaults.begin_first_operation(ref, _policy(ref, issuer))
        return ref

    def interfere(self, ref: CertificateRef) -> None:
        """Begin an operation."""
        self.vaults.begin_foreign_operation(ref)

    def delete(self, ref: CertificateRef) -> None:
        """Delete it."""
        self.vaults.delete(ref)

    def wait(self, ref: CertificateRef) -> None:
        """Move the clock."""
        self.now[0] += timedelta(seconds=30)

    def throttle(self, retry_after: timedelta | None) -> None:
        """Answer 429."""
        self.vaults.throttle(self.vault, self.now[0] + timedelta(days=1), retry_after)

    def forbid(self) -> None:
        """Take the role away."""
        self.vaults.close(self.vault)

    def fail(self, method: str, *, after_effect: bool) -> None:
        """Fail as the adapter would say it."""
        kind: type[VaultError] = Unreachable if method in ("get", "pending", "page") else Unclear
        self.vaults.fail_next(method, kind(self.vault, "500"), after_effect=after_effect)

    def calls(self) -> int:
        """Count the calls."""
        return self.vaults.calls.total()

    def _fresh(self) -> CertificateRef:
        return CertificateRef(self.vault, f"cert-{next(SERIAL)}")


def _policy(ref: CertificateRef, issuer: str) -> IssuancePolicy:
    host = f"{ref.name}.example"
    return IssuancePolicy(issuer=issuer, subject=f"CN={host}", names=(host,))


class SdkStage:
    """A vault that speaks REST; the person is an ordinary SDK client."""

    METHODS: ClassVar = {
        "get": "GET",
        "pending": "GET",
        "page": "GET",
        "create": "POST",
        "merge": "POST",
        "discard": "DELETE",
    }

    def __init__(self, vault: str, vaults: Vaults, person: CertificateClient, azure: LocalAzure | None) -> None:
        self.vault = vault
        self.vaults = vaults
        self.person = person
        self.azure = azure
        self.host = person.vault_url.removeprefix("https://")
        self._made: list[str] = []

    def seed(self, issuer: str = "Self") -> CertificateRef:
        """Import one with yesterday's dates and change its policy."""
        name = self._name()
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=60)
        der = minting.certificate(f"{name}.example", (f"{name}.example",), start, start + timedelta(days=90))
        pem = minting.key(0).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
        policy = CertificatePolicy("Unknown", content_type=CertificateContentType.pem)
        self.person.import_certificate(name, pem, policy=policy, tags={"owner": "ada"})
        if issuer != "Unknown":
            self.person.update_certificate_policy(name, CertificatePolicy(issuer))
        return CertificateRef(self.vault, name)

    def begin(self, issuer: str = "Unknown") -> CertificateRef:
        """Begin one."""
        name = self._name()
        wanted = {"subject": f"CN={name}.example", "sans": {"dns_names": [f"{name}.example"]}}
        self._create(name, {"policy": {"issuer": {"name": issuer}, "x509_props": wanted}})
        return CertificateRef(self.vault, name)

    def interfere(self, ref: CertificateRef) -> None:
        """Begin an operation under the stored policy."""
        self._create(ref.name, {"tags": {"owner": "bob"}})

    def delete(self, ref: CertificateRef) -> None:
        """Delete it; the deletion goes on after the answer."""
        self.person.begin_delete_certificate(ref.name)

    def wait(self, ref: CertificateRef) -> None:
        """Poll."""
        until = time.monotonic() + PATIENCE
        while self.person.get_certificate_operation(ref.name).status == "inProgress":
            assert time.monotonic() < until
            PAUSE.wait(0.05 if self.azure else 2)

    def clear(self) -> None:
        """Delete what was made here, as far as the vault lets; it stays recoverable as long as the vault keeps what is deleted."""
        for name in self._made:
            with contextlib.suppress(HttpResponseError):  # a test deleted it, or its operation is not over
                self.person.begin_delete_certificate(name)

    def throttle(self, retry_after: timedelta | None) -> None:
        """Answer 429."""
        seconds = {"retry_after": retry_after.total_seconds()} if retry_after else {}
        self._local.fault("keyvault", path=f"{self.host}/*", status=429, **seconds)

    def forbid(self) -> None:
        """Take the app's data actions away in this vault."""
        self._local.grant("perennial", [], self.vault)

    def fail(self, method: str, *, after_effect: bool) -> None:
        """Answer 500 once."""
        self._local.fault(
            "keyvault",
            method=self.METHODS[method],
            path=f"{self.host}/*",
            status=500,
            times=1,
            after_effect=after_effect,
        )

    def calls(self) -> int:
        """Ask what was asked."""
        return len(self._local.requests("keyvault", host=self.host, authenticated=True))

    @property
    def _local(self) -> LocalAzure:
        assert self.azure is not None
        return self.azure

    def _create(self, name: str, body: object) -> None:
        request = HttpRequest("POST", f"/certificates/{name}/create", json=body)
        self.person.send_request(request).raise_for_status()

    def _name(self) -> str:
        self._made.append(f"cert-{next(SERIAL)}-{time.time_ns() % 10**9}")
        return self._made[-1]
