"""The app as a journey meets it: a host process, its vaults and account, and the log of what it asked of them."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from localazure.client import LocalAzure, await_until
from localazure.minting import Issuer, certificate_authority
from localazure.operator import Operator, OperatorCredential

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds; the machine may be busy with other tests
SERIAL = itertools.count(1)
BY_HAND = "0 0 3 1 1 *"  # once a year: the clock and the sweep turn when a journey says so

type Json = dict[str, Any]


def near_expiry(vault: str, name: str) -> Json:
    """Return Key Vault's event about a certificate that nears its end, as Event Grid delivers it; a repeat has the same id."""
    return {
        "id": f"near-{vault}-{name}",
        "type": "Microsoft.KeyVault.CertificateNearExpiry",
        "specversion": "1.0",
        "source": f"/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/{vault}",
        "subject": name,
        "time": "2026-01-01T00:00:00Z",
        "data": {"VaultName": vault, "ObjectType": "Certificate", "ObjectName": name, "Version": ""},
    }


def await_past(instant: datetime) -> None:
    """Return when the second of an instant is over; the app's instants are whole seconds."""
    over = instant.replace(microsecond=0) + timedelta(seconds=1)
    await_until(lambda: datetime.now(UTC) >= over, PATIENCE)


@dataclass(slots=True)
class Log:
    """A host's log, read on from where it was read to; a line that holds a JSON object is one unit of work."""

    path: Path
    offset: int = 0
    text: str = ""
    units: list[Json] = field(default_factory=list)

    def read(self) -> list[Json]:
        """Return all units of work so far."""
        with self.path.open("rb") as log:
            log.seek(self.offset)
            whole, end, _ = log.read().rpartition(b"\n")
        self.offset += len(whole) + len(end)
        fresh = whole.decode(errors="replace")
        self.text += f"{fresh}\n" if fresh else ""
        self.units += [json.loads(line) for line in fresh.splitlines() if line.startswith('{"event"')]
        return self.units


class App:
    """A running host with the app, asked over HTTP as people and Event Grid do."""

    def __init__(self, url: str, log: Path, pid: int, kill: Callable[[], object]) -> None:
        """Take where the host listens, where it logs, its process and how to end that as a crash would."""
        self.url = url
        self.log = Log(log)
        self.pid = pid
        self.kill = kill
        self._http = urllib3.PoolManager(retries=False, timeout=60)

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Json]:
        """Send a request to the HTTP API; return status and document."""
        text = None if body is None else json.dumps(body)
        answer = self._http.request(method, f"{self.url}/api/{path}", body=text)
        return answer.status, json.loads(answer.data) if answer.data else {}

    def get(self, path: str) -> Json:
        """Return a document that must be there."""
        status, document = self.ask("GET", path)
        assert status == 200, (path, status, document)
        return document

    def certificate(self, vault: str, name: str) -> Json:
        """Return what the app knows of a certificate; empty where it does not know it yet."""
        status, document = self.ask("GET", f"certificates/{vault}/{name}")
        return document if status == 200 else {}

    def kinds(self, vault: str, name: str) -> list[str]:
        """Return the kinds of a certificate's history, oldest first; none where the app does not know it yet."""
        _, document = self.ask("GET", f"certificates/{vault}/{name}/history?limit=100")
        return [str(item["kind"]) for item in reversed(document.get("items", []))]

    def notify(self, function: str, body: object) -> int:
        """Deliver to a function as Event Grid does; return the status. Text goes as it is."""
        url = f"{self.url}/runtime/webhooks/EventGrid?functionName={function}"
        text = body if isinstance(body, str) else json.dumps(body)
        return self._http.request("POST", url, body=text, headers={"aeg-event-type": "Notification"}).status

    def units(self, **members: object) -> list[Json]:
        """Return the logged units of work with these members."""
        return [unit for unit in self.log.read() if members.items() <= unit.items()]

    def wait_for(self, count: int = 1, **members: object) -> list[Json]:
        """Wait for so many units of work with these members."""
        await_until(lambda: len(self.units(**members)) >= count, PATIENCE)
        return self.units(**members)

    def looks(self, vault: str, name: str) -> list[Json]:
        """Return the looks at a certificate that have ended."""
        return self.units(event="look", certificate=f"{vault}/{name}")

    def announced(self, vault: str, name: str) -> int:
        """Return how many looks have announced a version and ended; what follows then sees it in the rows."""
        return sum("announced" in look["did"] for look in self.looks(vault, name))

    def tick(self) -> None:
        """Turn the clock once."""
        before = len(self.units(event="find-due"))
        self._run("find_due")
        self.wait_for(before + 1, event="find-due")

    def sweep(self, vaults: int = 1) -> list[Json]:
        """Start a sweep, wait for its end, and return its rows; in the second of another's tick it would be that one."""
        newest = self.get("sweeps?limit=1")["items"]
        if newest:
            await_past(datetime.fromisoformat(newest[0]["tick"]))
        status, started = self.ask("POST", "sweeps")
        assert status == 202, started
        await_until(lambda: self.units(event="sweep", tick=started["tick"]), 3 * PATIENCE)  # for thousands of rows
        runs = self.get("sweeps?limit=10")["items"]
        (walks,) = (run["vaults"] for run in runs if run["tick"] == started["tick"])
        assert len(walks) == vaults, walks
        return list(walks)

    def subscribe(self, name: str = "topic") -> None:
        """Let the topic hear of everything."""
        assert self.ask("PUT", f"subscriptions/{name}", {"channel": "event-grid"})[0] == 201

    def renew(self, vault: str, name: str, why: str) -> None:
        """Ask for a renewal as a person does; who asks in the second in which a step was taken has asked before it."""
        await_past(datetime.now(UTC))
        wanted = {"reason": why, "force": True}
        status, answer = self.ask("POST", f"certificates/{vault}/{name}/renew", wanted)
        assert status == 202, answer

    def _run(self, function: str) -> None:
        answer = self._http.request("POST", f"{self.url}/admin/functions/{function}", body='{"input": ""}')
        assert answer.status == 202, answer.status


class Journey:
    """One journey: vaults and a storage account that no other uses, and the hosts that it starts."""

    def __init__(self, azure: LocalAzure, operator: Operator, account: str, folder: Path) -> None:
        self.azure = azure
        self.operator = operator
        self.account = account
        self.vaults: list[str] = []
        self._folder = folder

    def vault(self, label: str = "orders") -> str:
        """Create a vault; nobody is told of its events yet."""
        name = f"kv-{label}-{next(SERIAL)}"
        self.azure.create_vault(name)
        self.vaults.append(name)
        return name

    def ca(self, name: str = "Corp CA") -> Issuer:
        """Return a CA of this process, to sign what a journey begins with."""
        now = datetime.now(UTC)
        return certificate_authority(name, now - timedelta(days=1000), now + timedelta(days=1000))

    def integrated_ca(self, vault: str, name: str = "corp", *, delay: float = 0.1) -> str:
        """Give a vault an integrated CA that takes so many seconds; return its name."""
        self.operator.client(vault).create_issuer(name, "Test")
        self.azure.issuer(vault, name, delay=delay)
        return name

    def pend(self, vault: str, name: str) -> None:
        """Begin a new version as a person or another tool does; with the issuer Unknown it stays pending until a merge."""
        request = HttpRequest("POST", f"/certificates/{name}/create", json={})
        self.operator.client(vault).send_request(request).raise_for_status()

    def is_pending(self, vault: str, name: str) -> bool:
        """Tell whether an operation of a certificate is in progress."""
        try:
            return str(self.operator.client(vault).get_certificate_operation(name).status) == "inProgress"
        except ResourceNotFoundError:
            return False

    def environment(
        self, modes: Mapping[str, str], settings: Mapping[str, str] | None = None, identity: str = "perennial"
    ) -> dict[str, str]:
        """Return the environment of a host: clock and sweep by hand, queues polled often, unless the settings say otherwise."""
        given = {
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.3",
            "PERENNIAL_DUE_SCHEDULE": BY_HAND,
            "PERENNIAL_SWEEP_SCHEDULE": BY_HAND,
        } | dict(settings or {})
        return self.azure.environment(
            account=self.account, identity=identity, vaults=modes, topic=self.account, settings=given
        )

    @contextlib.contextmanager
    def app(
        self,
        modes: Mapping[str, str],
        *,
        folder: Path = ROOT,
        identity: str = "perennial",
        hear: Sequence[str] | None = None,
        by_queue: bool = False,
        settings: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> Iterator[App]:
        """Run a host; from then on it hears the events of the vaults named by `hear` (None: of all of its own), pushed or by the queue."""
        log = self._folder / f"host-{next(SERIAL)}.log"
        with self.azure.host(folder, self.environment(modes, settings, identity), log=log, options=options) as host:
            app = App(host.url, host.process.log, host.process.pid, host.process.kill)
            for vault in modes if hear is None else hear:
                if by_queue:
                    self.azure.create_vault(vault, queue=self.event_queue())
                else:
                    self.azure.create_vault(vault, deliver_to=host.url)
            try:
                yield app
            finally:
                app.close()

    def asked(self, vault: str, identity: str = "perennial") -> list[str]:
        """Return what an identity asked of a vault with its token, as `METHOD path`, oldest first."""
        seen = self.azure.requests("keyvault", host=f"{vault}.vault.azure.net", authenticated=True)
        return [f"{one['method']} {one['path']}" for one in seen if one["identity"] == identity]

    def creates(self, vault: str) -> list[str]:
        """Return the creates that the app sent to a vault."""
        return [one for one in self.asked(vault) if one.startswith("POST ") and one.endswith("/create")]

    def waiting(self, queue: str) -> int:
        """Return how many messages are in a queue, those not yet visible included."""
        with self.queue(queue) as client:
            try:
                return client.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:  # nothing was ever sent
                return 0

    def lose_messages(self, queue: str) -> None:
        """Lose all messages of a queue."""
        with self.queue(queue) as client:
            client.clear_messages()

    def event_queue(self) -> str:
        """Make the queue that events of vaults come by, as a deployment does; return its URL."""
        with self.queue("vault-events") as client, contextlib.suppress(ResourceExistsError):
            client.create_queue()
        return f"{self.environment({})['PERENNIAL_QUEUES']}/vault-events"

    def queue(self, name: str) -> QueueClient:
        """Return a client of one of the account's queues."""
        address = self.environment({})["PERENNIAL_QUEUES"]
        return QueueClient(address, name, credential=OperatorCredential(self.azure), **self._storage())

    def table(self, name: str) -> TableClient:
        """Return a client of one of the app's tables, for what a journey reads or turns back behind its back."""
        address = self.environment({})["PERENNIAL_TABLES"]
        return TableClient(address, name, credential=OperatorCredential(self.azure), **self._storage())

    def _storage(self) -> dict[str, Any]:
        return {"connection_verify": self.azure.ready.ca, "use_env_settings": False}

    def versions(self, vault: str, name: str) -> int:
        """Return how many versions a certificate has."""
        return len(self.operator.versions(vault, name))

    def told(self, vault: str, name: str = "", kind: str = "") -> list[Json]:
        """Return what the topic's subscriber was told of a certificate (or of its vault), by the last part of its type."""
        subject = f"{vault}/{name}" if name else vault
        events = [one for one in self.azure.topic(self.account) if one.get("subject") == subject]
        return [one for one in events if str(one["type"]).endswith(kind)]
