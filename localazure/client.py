"""A synchronous client of the local Azure, for demos and tests: starts it, and asks and disturbs it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import urllib3

from localazure.acme.client import LocalCa
from localazure.dns.client import DnsClient
from localazure.environment import DEFAULT_ACCOUNT, Ready, environment, inherited

START_TIMEOUT = 240.0  # seconds; the first start installs Azurite by npm
STOP_TIMEOUT = 15.0  # seconds
POLL = 0.03  # seconds between looks at something that is awaited
ROOT = Path(__file__).parent.parent

type Json = dict[str, Any]


class LocalAzureError(Exception):
    """The local Azure did not start, or refused an order; the text says why."""


class Process:
    """A child in a session of its own, which ends with this process at the latest (`--die-with-parent`)."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], ready: Path, log: Path) -> None:
        """Start it and wait until it has written its ready file. Raises LocalAzureError with its last words."""
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", *command, "--ready", str(ready), "--die-with-parent"],
                cwd=ROOT,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            await_until(lambda: ready.exists() or self._child.poll() is not None, START_TIMEOUT)
        except BaseException:
            self.stop()
            raise
        if not ready.exists():
            words = " | ".join(log.read_text(errors="replace").strip().splitlines()[-5:])
            raise LocalAzureError(f"{command[0]} ended with code {self._child.returncode}: {words}")

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._child.poll()

    def stop(self) -> int:
        """End it politely, or after a while not; return its exit code."""
        self._child.terminate()
        try:
            return self._child.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it and its whole group at once, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        return self._child.wait()


def await_until(condition: Callable[[], object], timeout: float) -> None:
    """Return when the condition holds. Raises LocalAzureError when it does not in so many seconds."""
    until = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > until:
            raise LocalAzureError(f"waited {timeout:g} s in vain")
        pause.wait(POLL)


class LocalAzure:
    """A running local Azure, reached through its management port."""

    def __init__(self, ready: Ready, log: Path | None = None) -> None:
        """Talk to the one that wrote this ready file."""
        self.ready = ready
        self.log = log
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(60))

    @classmethod
    @contextlib.contextmanager
    def start(
        cls,
        *,
        accounts: int = 0,
        pace: float = 1.0,
        vault_pace: Mapping[str, float] | None = None,
        options: Sequence[str] = (),
    ) -> Iterator[LocalAzure]:
        """Start one on free ports, without a host and without vaults; it ends with the block."""
        with tempfile.TemporaryDirectory(prefix="localazure-") as name:
            folder = Path(name)
            ready = folder / "ready.json"
            paces = " ".join(f"{what}={seconds}" for what, seconds in (vault_pace or {}).items())
            command = ["localazure", "up", "--no-host", "--free-ports", "--folder", name, "--vaults", ""]
            command += ["--accounts", str(accounts), "--pace", str(pace), "--vault-pace", paces, *options]
            process = Process(command, inherited(), ready, folder / "log.txt")
            azure = cls(Ready.read(ready), folder / "log.txt")
            try:
                yield azure
            finally:
                azure.close()
                process.stop()

    @property
    def dns_server(self) -> str:
        """Where the DNS server listens, as the setting PERENNIAL_DNS_SERVERS names one."""
        return f"127.0.0.1:{self.ready.dns}"

    @property
    def dns(self) -> DnsClient:
        """The zones of Azure DNS."""
        return DnsClient(self._ask)

    def close(self) -> None:
        """Close the connections to the management port."""
        self._http.clear()

    def environment(
        self,
        *,
        account: str = DEFAULT_ACCOUNT,
        identity: str = "perennial",
        vaults: Mapping[str, str] | None = None,
        topic: str = "perennial",
        settings: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Return the whole environment of an app or host process: what it inherits, where Azure is, further settings."""
        found = environment(self.ready, account=account, identity=identity, vaults=vaults, topic=topic)
        return inherited() | found | dict(settings or {})

    @contextlib.contextmanager
    def host(
        self,
        app: Path,
        variables: Mapping[str, str],
        *,
        port: int = 0,
        log: Path | None = None,
        options: Sequence[str] = (),
    ) -> Iterator[Host]:
        """Run a Functions host with an app; it ends with the block. Its output is added to the log, which outlives it if it is named."""
        with tempfile.TemporaryDirectory(prefix="localazure-host-") as name:
            ready = Path(name) / "ready.json"
            command = ["localazure.host", "--app", str(app.resolve()), "--port", str(port), *options]
            process = Process(command, variables, ready, log or Path(name) / "log.txt")
            try:
                yield Host(process, msgspec.json.decode(ready.read_bytes())["port"])
            finally:
                process.stop()

    def create_vault(
        self,
        name: str,
        *,
        deliver_to: str | None = None,
        queue: str | None = None,
        schema: str = "cloudevents",
        throttle: bool = False,
        keys_of: str | None = None,
    ) -> None:
        """Create a vault, or change the host (base URL) or the storage queue (URL) that gets its events, or the identity whose keys it keeps."""
        order = {"name": name, "schema": schema, "throttle": throttle, "deliver_to": deliver_to, "queue": queue}
        order["keys_of"] = keys_of
        self._ask("POST", "/vaults", order)

    def fill(self, vault: str, count: int, not_after: datetime, *, prefix: str = "cert") -> list[str]:
        """Fill a vault with certificates, without events; return their names."""
        order = {"count": count, "not_after": not_after.isoformat(), "prefix": prefix}
        names: list[str] = self._ask("POST", f"/vaults/{vault}/certificates", order)["names"]
        return names

    def autorotate(self, vault: str) -> Json:
        """Let a vault renew its due AutoRenew certificates now."""
        return self._ask("POST", f"/vaults/{vault}/autorotation")

    def issuer(
        self, vault: str, issuer: str, *, delay: float | None = None, failure: tuple[str, str] | None = None
    ) -> None:
        """Set the delay (seconds) and the failure (code, message; None recovers) of a vault's integrated CA."""
        named = {"code": failure[0], "message": failure[1]} if failure else None
        self._ask("POST", f"/issuers/{vault}/{issuer}", {"delay": delay, "failure": named})

    def grant(self, identity: str, actions: Sequence[str], vault: str | None = None) -> Json:
        """Set an identity's data actions, on all vaults or on one."""
        return self._ask("PUT", f"/grants/{identity}", {"actions": list(actions), "vault": vault})

    def ca(self, name: str, **conduct: object) -> LocalCa:
        """Make a CA, or reach the one of this name and set its conduct: members of `acme.conduct.Conduct`, else defaults.

        One that validates by the DNS asks the local Azure's own server, unless another is named.
        """
        if conduct.get("validation") == "dns":
            conduct.setdefault("dns_server", self.dns_server)
        self._ask("PUT", f"/acme/{name}", conduct)
        return LocalCa(name, self._ask)

    def requests(
        self, service: str | None = None, *, host: str | None = None, authenticated: bool | None = None
    ) -> list[Json]:
        """Return what was asked, oldest first, confined to a service, a host name, or requests with a token."""
        seen: list[Json] = self._ask("GET", f"/requests{'?service=' + service if service else ''}")["requests"]
        return [one for one in seen if host in (None, one["host"]) and authenticated in (None, one["authenticated"])]

    def clear_requests(self, service: str | None = None) -> None:
        """Forget what was asked."""
        self._ask("DELETE", f"/requests{'?service=' + service if service else ''}")

    def fault(self, service: str, **fields: object) -> Json:
        """Add a fault: method, path, status, retry_after, headers, delay, drop, after_effect, times, body."""
        return self._ask("POST", "/faults", {"service": service, **fields})

    def clear_faults(self) -> None:
        """Take away all faults."""
        self._ask("DELETE", "/faults")

    def events(self, **confine: str) -> list[Json]:
        """Return what the vaults emitted, oldest first; vault, type (its last part), name and state confine it."""
        query = "&".join(f"{name}={value}" for name, value in confine.items())
        events: list[Json] = self._ask("GET", f"/events?{query}")["events"]
        return events

    def dead_letters(self) -> list[Json]:
        """Return the deliveries that were given up."""
        letters: list[Json] = self._ask("GET", "/events?state=none")["dead_letters"]
        return letters

    def redeliver(self, event_id: str, copies: int = 1) -> Json:
        """Deliver an event again, now."""
        return self._ask("POST", f"/events/{event_id}/redeliver", {"copies": copies})

    def delivery(self, *, vault: str | None = None, **disorder: object) -> Json:
        """Disturb deliveries: duplicate, drop, delay, reorder; nothing given ends it."""
        return self._ask("PUT", "/delivery", {"vault": vault, **disorder})

    def topic(self, name: str = "perennial") -> list[Json]:
        """Return the CloudEvents that the subscriber of a custom topic got, oldest first."""
        return [entry["event"] for entry in self._ask("GET", f"/topic?topic={name}")["events"]]

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Json:
        """Ask the management port. Raises LocalAzureError with its words."""
        answer = self._http.request(
            method,
            f"http://127.0.0.1:{self.ready.management}{path}",
            body=None if body is None else msgspec.json.encode(body),
        )
        content: Json = msgspec.json.decode(answer.data) if answer.data else {}
        if answer.status >= 400:
            raise LocalAzureError(f"{method} {path}: {answer.status} {content.get('error')}")
        return content


class Host:
    """A running Functions host."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    def output(self) -> str:
        """Return what it has written so far."""
        return self.process.log.read_text(errors="replace")
