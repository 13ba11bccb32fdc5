"""What to start of the local Azure, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localazure.keyvault.pace import Pace
from localazure.retry import RetryPolicy

PORTS = {
    "proxy": 7080,
    "identity": 7081,
    "dns": 7053,
    "management": 7090,
    "host": 7071,
    "blob": 10000,
    "queue": 10001,
    "table": 10002,
}
HOST_TIMEOUT = 60.0  # seconds until the app must be indexed and listening


class StartError(Exception):
    """The local Azure cannot start; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start, and where."""

    folder: Path  # for the CA's certificate and Azurite's, e.g. .local
    env_file: Path
    ready_file: Path | None = None
    app: Path | None = None  # None: no host
    free_ports: bool = False
    direct_storage: bool = False
    accounts: int = 0  # further storage accounts: st000, st001, ...
    vaults: Mapping[str, str] = field(default_factory=lambda: {"kv-orders": "renew", "kv-payments": "observe"})
    settings: Mapping[str, str] = field(default_factory=dict)  # further ones, for the host and the env file
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    pace: Pace = field(default_factory=Pace)
