"""Many bad days in one host: a vault for each, one certificate in it, one subscriber of it; what befell it, and how it ended."""

from __future__ import annotations

import json
import ssl
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from socket import create_server
from threading import Event, Thread
from typing import Any

from localazure.client import await_until
from tests.channels.receiver import Behaviour, Got, Receiver, answering
from tests.journeys.fault_rows import Row
from tests.journeys.outcome import still_amiss
from tests.journeys.running import PATIENCE, App, Journey, Json, near_expiry
from tests.journeys.waits import end_waits, rows_of

DAY = timedelta(days=1)
PREFIX = "www"
NEWS = "Certificate.NewVersion"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = {
    "PERENNIAL_RENEWAL_LADDER": "1s",
    "PERENNIAL_MAX_RENEWALS_PER_DAY": "1000",
    "PERENNIAL_SECRET_SHOP": SECRET,
    "PERENNIAL_WEBHOOK_RANGES": "127.0.0.0/8 ::1/128",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
}


@dataclass(frozen=True, slots=True)
class End:
    """How a row ended."""

    amiss: str  # empty: as it must
    struck: int  # how often its fault did strike
    creates: int
    told: int  # messages about the new version, taken or not


class Storm:
    """Runs rows: those whose fault can't name its vault one after another, then all others at once."""

    def __init__(self, journey: Journey, rows: Mapping[str, Row]) -> None:
        self.journey = journey
        self.rows = rows
        self.vaults = {name: journey.vault("bad") for name in rows}
        self.modes = dict.fromkeys(self.vaults.values(), "renew")
        self._names: dict[str, str] = {}
        self._faults: dict[str, Json] = {}
        self._moods: dict[str, list[Behaviour]] = {}
        self._taken: dict[str, list[Json]] = defaultdict(list)
        self._receiver = Receiver(0, behaviour=self._answer)

    def run(self) -> dict[str, End]:
        """Let everything happen; return how each row ended."""
        for vault in self.modes:
            (self._names[vault],) = self.journey.azure.fill(vault, 1, datetime.now(UTC) + 60 * DAY, prefix=PREFIX)
        with self._listening() as port, self.journey.app(self.modes, hear=[], settings=SETTINGS) as app:
            for name, row in self.rows.items():
                self._subscribe(app, row, self.vaults[name], port)
            self._one_by_one(app)
            for name, row in self.rows.items():
                if not row.alone:
                    self._put_in_the_way(name)
                    self._notify(app, name)
            wrong = still_amiss(self.journey, app, self._names, self.told)
            return {name: self._end(name, wrong.get(vault, "")) for name, vault in self.vaults.items()}

    def _subscribe(self, app: App, row: Row, vault: str, port: int) -> None:
        topic = {"channel": "event-grid", "vaults": vault}
        hook = {"channel": "webhook", "target": f"https://localhost:{port}/{vault}", "secret": "SHOP", "vaults": vault}
        status, answer = app.ask("PUT", f"subscriptions/{vault}", hook if row.mood else topic)
        assert status == 201, answer

    def _one_by_one(self, app: App) -> None:
        """Let the faults strike that cannot name their vault; no message of an earlier row disturbs a later one."""
        for name in (name for name, row in self.rows.items() if row.alone and not row.late):
            self._put_in_the_way(name)
            self._notify(app, name)
            await_until(partial(self._spent, name), PATIENCE)
        late = [name for name, row in self.rows.items() if row.late]
        if not late:
            return
        for name in late:
            self._notify(app, name)
        await_until(lambda: all(self._looked_at(app, name) for name in late), PATIENCE)
        await_until(self._nothing_on_its_way, PATIENCE)  # the time machine must not write under an attempt
        self.journey.lose_messages("looks")
        for name in late:
            end_waits(self.journey, [self.vaults[name]])
            self._put_in_the_way(name)  # not before: the time machine's own calls are none of the app's
            self._notify(app, name)
            await_until(partial(self._spent, name), PATIENCE)

    def _put_in_the_way(self, name: str) -> None:
        row, vault = self.rows[name], self.vaults[name]
        if row.mood:
            self._moods[vault] = [row.mood]
        else:
            self._faults[name] = self.journey.azure.fault(**self._filled(row.fault, vault))

    def _notify(self, app: App, name: str) -> None:
        """Deliver the event as Event Grid does: until it is taken."""
        vault = self.vaults[name]
        event = near_expiry(vault, self._names[vault])
        await_until(lambda: app.notify("certificate_near_expiry", event) in (200, 202), PATIENCE)

    def _looked_at(self, app: App, name: str) -> bool:
        return bool(app.looks(self.vaults[name], self._names[self.vaults[name]]))

    def _nothing_on_its_way(self) -> bool:
        """Tell whether each notice so far was taken."""
        return all(row["state"] != "open" for row in rows_of(self.journey, "deliveries"))

    def _filled(self, fault: Mapping[str, Any], vault: str) -> dict[str, Any]:
        def filled(text: str) -> str:
            return text.replace("{vault}", vault).replace("{certificate}", self._names[vault])

        return {key: filled(value) if key in ("path", "body") else value for key, value in fault.items()}

    def _struck(self, name: str) -> int:
        row = self.rows[name]
        if row.mood:
            return 1 - len(self._moods[self.vaults[name]])
        fault = self._faults[name]
        return sum(one["fault"] == fault["id"] for one in self.journey.azure.requests(fault["service"]))

    def _spent(self, name: str) -> bool:
        return self._struck(name) >= int(self._faults[name]["times"])

    def told(self, vault: str) -> list[Json]:
        """Return what a vault's subscriber took, in any way."""
        return self.journey.told(vault, self._names[vault]) + self._taken[vault]

    def _attempts(self, vault: str) -> list[Json]:
        """Return what a vault's subscriber was sent, taken or not."""
        sent = [one for one in list(self._receiver.got) if _addressee(one) == vault]
        return self.journey.told(vault, self._names[vault]) + [json.loads(one.body) for one in sent]

    def _end(self, name: str, amiss: str) -> End:
        vault = self.vaults[name]
        news = [one for one in self._attempts(vault) if str(one["type"]).endswith(NEWS)]
        return End(amiss, self._struck(name), len(self.journey.creates(vault)), len(news))

    def _answer(self, connection: ssl.SSLSocket, stopping: Event) -> None:
        """Answer as the path's mood is to the first that tells of the new version, and well to all others."""
        got = self._receiver.got[-1]
        vault = _addressee(got)
        if NEWS in got.body and self._moods.get(vault):
            self._moods[vault].pop()(connection, stopping)
            return
        self._taken[vault].append(json.loads(got.body))
        answering("204 No Content")(connection, stopping)

    @contextmanager
    def _listening(self) -> Iterator[int]:
        """Serve the webhooks under the name localhost, whose certificate the app trusts."""
        ready = self.journey.azure.ready
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ready.certificate, ready.key)
        with create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.1)
            thread = Thread(target=self._receiver.serve, args=(listener, context))
            thread.start()
            try:
                yield listener.getsockname()[1]
            finally:
                self._receiver.stopping.set()
                thread.join()


def _addressee(request: Got) -> str:
    return request.line.split()[1].lstrip("/")
