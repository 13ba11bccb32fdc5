"""One request and its answer, free of HTTP, and the world it is handled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localazure.keyvault import errors
from localazure.keyvault.agenda import Agenda
from localazure.keyvault.events import VaultEvent
from localazure.keyvault.keys import KeyForge
from localazure.keyvault.pace import Pace
from localazure.keyvault.store import Certificate, Vault, Version
from localazure.keyvault.x509 import IntegratedAuthority

Json = dict[str, Any]
FIRST_API = "2016-10-01"


@dataclass(slots=True)
class World:
    """What all vaults of one local Azure have in common."""

    emit: Callable[[VaultEvent], None]
    clock: Callable[[], datetime]
    pace: Pace
    agenda: Agenda
    forge: KeyForge
    authority: IntegratedAuthority
    backup_key: bytes

    @property
    def now(self) -> int:
        """The current Unix second."""
        return int(self.clock().timestamp())


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; `name` and `version` come from the path, the body is a JSON object or empty."""

    world: World
    vault: Vault
    name: str
    version: str
    query: dict[str, str]
    body: Json

    @property
    def api(self) -> str:
        """The API version asked for."""
        return self.query["api-version"]

    @property
    def root(self) -> str:
        """The vault's own address, without a slash."""
        return f"https://{self.vault.host}"

    def certificate(self) -> Certificate:
        """Return the live certificate that the path names. Raises Refused."""
        found = self.vault.live.get(self.name.lower())
        if found is None or found.state:
            raise errors.no_certificate(self.name)
        return found

    def chosen(self) -> tuple[Certificate, Version]:
        """Return the certificate and the version that the path names, or the latest. Raises Refused."""
        certificate = self.certificate()
        version = certificate.version(self.version.lower()) if self.version else certificate.latest
        if version is None:
            raise errors.no_certificate(self.name, self.version)
        return certificate, version


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; None is an empty body."""

    body: Json | None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
