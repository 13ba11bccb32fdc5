"""The app on a local Azure as a benchmark meets it: its log, its tables and queues, and what it asked of the vaults."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from bench.plain_apps import ROOT
from localazure.client import Host, LocalAzure
from localazure.operator import OperatorCredential
from perennial.adapters.account import azure_tables
from perennial.adapters.queues import StorageQueues
from perennial.ports.tables import Tables

BY_HAND = "0 0 3 1 1 *"  # once a year: clock and sweep turn when a benchmark says so
POLL = 0.02  # seconds between two looks into a log
TOLD_EVERY = 20.0  # seconds between two words on what is waited for


class TookTooLongError(Exception):
    """What a benchmark waited for did not come within its bound."""


@dataclass(slots=True)
class Log:
    """How many units of work of each kind a host has logged, read on from where it was read to."""

    path: Path
    offset: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def count(self, event: str) -> int:
        """Return how many there are by now."""
        with self.path.open("rb") as log:
            log.seek(self.offset)
            whole, end, _ = log.read().rpartition(b"\n")
        self.offset += len(whole) + len(end)
        starts = (line.partition(b'{"event":"') for line in whole.splitlines())
        self.counts.update(rest.partition(b'"')[0].decode() for head, found, rest in starts if found and not head)
        return self.counts[event]


class App:
    """A running host with an app."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.log = Log(host.process.log)
        self._http = urllib3.PoolManager(retries=False, timeout=120)
        self._swept = 0.0  # when the last sweep was asked for, in seconds of the wall clock

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to the host; return the answer's document. Raises RuntimeError where it is refused."""
        text = None if body is None else msgspec.json.encode(body)
        answer = self._http.request(method, f"{self.host.url}/{path}", body=text)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data[:300]!r}")
        return msgspec.json.decode(answer.data) if answer.data else None

    def sweep(self, vaults: int, bound: float) -> float:
        """Sweep, and return the seconds until all of so many vaults were walked.

        Two walks that end at once may both tell the sweep's end, so the walks are counted. A sweep's tick is a whole second, and
        a second sweep of one tick is none, so this one begins in a second of its own.
        """
        ended = self.log.count("walk")
        threading.Event().wait(max(int(self._swept) + 1 - time.time(), 0))
        began, self._swept = time.perf_counter(), time.time()
        self.ask("POST", "api/sweeps")
        self.wait("walk", ended + vaults, bound)
        return time.perf_counter() - began

    def tick(self, bound: float) -> float:
        """Turn the clock once, and return the seconds that it took."""
        ended = self.log.count("find-due")
        began = time.perf_counter()
        self.ask("POST", "admin/functions/find_due", {"input": ""})
        self.wait("find-due", ended + 1, bound)
        return time.perf_counter() - began

    def wait(self, event: str, count: int, bound: float, say: Callable[[str], None] | None = None) -> None:
        """Wait for so many units of work, and tell how it goes. Raises TookTooLongError after so many seconds."""
        pause, began, told = threading.Event(), time.monotonic(), 0.0
        while (done := self.log.count(event)) < count:
            took = time.monotonic() - began
            if took > bound:
                raise TookTooLongError(f"{done:,} of {count:,} units of work ({event}) after {bound:g} s")
            if say is not None and took - told > TOLD_EVERY:
                told = took
                say(f"    {done:,} of {count:,} ({event}) after {took:.0f} s")
            pause.wait(POLL)


class Local:
    """A local Azure with storage accounts and vaults that nobody else uses."""

    def __init__(self, azure: LocalAzure, folder: Path) -> None:
        self.azure = azure
        self._folder = folder
        self._credential = OperatorCredential(azure)

    @classmethod
    @contextlib.contextmanager
    def start(cls, *, accounts: int = 2, vault_pace: Mapping[str, float] | None = None) -> Iterator[Local]:
        """Start one, with storage reached without a proxy in between; it ends with the block."""
        options = ["--direct-storage"]
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as name,
            LocalAzure.start(accounts=accounts, vault_pace=vault_pace, options=options) as azure,
            contextlib.closing(cls(azure, Path(name))) as local,
        ):
            yield local

    def close(self) -> None:
        """Close the connections."""
        self._credential.close()

    def vaults(self, label: str, count: int) -> list[str]:
        """Create vaults; nobody is told of their events."""
        names = [f"kv-{label}-{number}" for number in range(count)]
        for name in names:
            self.azure.create_vault(name)
        return names

    @contextlib.contextmanager
    def app(
        self,
        account: str,
        modes: Mapping[str, str],
        settings: Mapping[str, str] | None = None,
        *,
        folder: Path = ROOT,
        off: Sequence[str] = (),
    ) -> Iterator[App]:
        """Run a host with an app, ours if no other is given, without the functions that are off; it ends with the block."""
        given = {"PERENNIAL_DUE_SCHEDULE": BY_HAND, "PERENNIAL_SWEEP_SCHEDULE": BY_HAND} | dict(settings or {})
        given |= {f"AzureWebJobs__{function}__Disabled": "true" for function in off}
        variables = self.azure.environment(account=account, vaults=modes, topic=account, settings=given)
        log = self._folder / f"host-{uuid.uuid4().hex[:8]}.log"
        with self.azure.host(folder, variables, log=log) as host, contextlib.closing(App(host)) as app:
            yield app

    def tables(self, account: str) -> Tables:
        """Return the app's own table adapter over an account."""
        return azure_tables(lambda name: self.table(account, name), lambda: uuid.uuid4().hex)

    def table(self, account: str, name: str) -> TableClient:
        """Return the SDK's client of a table."""
        address = self.azure.environment(account=account)["PERENNIAL_TABLES"]
        return TableClient(address, name, credential=self._credential, **self._reach())

    def queues(self, account: str) -> StorageQueues:
        """Return the app's own queue adapter over an account."""
        address = self.azure.environment(account=account)["PERENNIAL_QUEUES"]
        encoded = TextBase64EncodePolicy()
        return StorageQueues(
            lambda queue: QueueClient(
                address, queue.value, credential=self._credential, message_encode_policy=encoded, **self._reach()
            )
        )

    def asked(self, vaults: Sequence[str], method: str = "") -> list[dict[str, Any]]:
        """Return the app's requests to vaults, with a token and outside the challenge, oldest first."""
        hosts = {f"{vault}.vault.azure.net" for vault in vaults}
        seen = self.azure.requests("keyvault", authenticated=True)
        ours = (one for one in seen if one["identity"] == "perennial" and one["host"] in hosts)
        return [one for one in ours if method in ("", one["method"])]

    def _reach(self) -> dict[str, Any]:
        return {"connection_verify": self.azure.ready.ca, "use_env_settings": False}
