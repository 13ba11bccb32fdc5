"""Events: through host, worker and Azurite, beside an app whose one function puts the same message on a queue and does nothing else."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import msgspec

from bench.local import App, Local
from bench.plain_apps import sending_app
from bench.table import Figure, Run, seconds, times
from perennial.model.certificate import CertificateRef
from perennial.model.messages import EventSeen, Look

ROUNDS = 5
EVENTS = 500  # a round
AT_ONCE = 32
ALONE = 100  # events a round that are sent one after another
RATE_BUDGET, DOOR_BUDGET = 0.5, 0.020
SERIAL = itertools.count()
VAULT = "kv-events-0"


@dataclass(slots=True)
class Measured:
    """What one app showed, a value for each round or event."""

    rates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


def measure(run: Run) -> Generator[Figure]:
    """Send to both by turns: many at once, then one after another."""
    ours, reference = Measured(), Measured()
    with ExitStack() as stack:
        local = stack.enter_context(Local.start())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        modes = dict.fromkeys(local.vaults("events", 1), "observe")
        mine = stack.enter_context(local.app("st000", modes, off=["look_at_certificate"]))
        noop = stack.enter_context(local.app("st001", modes, folder=sending_app(folder / "noop", message())))
        for number in range(ROUNDS + 1):
            for app, function, found in ((mine, "certificate_new_version", ours), (noop, "noop", reference)):
                rate, waits = asyncio.run(_send(app, function, run))
                if number:  # the first round is to warm up
                    found.rates.append(rate)
                    found.waits += waits
            run.say(f"  {number}: {ours.rates[-1:]} events/s, no-op {reference.rates[-1:]}")
    yield from _figures(ours, reference)


def _figures(ours: Measured, reference: Measured) -> Iterator[Figure]:
    rate, plain = median(ours.rates), median(reference.rates)
    yield Figure(
        what=f"events a second through host, worker and Azurite, {AT_ONCE} at once",
        ours=f"{rate:.0f}/s ({times(rate, plain)})",
        beside=f"{plain:.0f}/s: a no-op function that puts the same message on a queue",
        budget=f"≥ {RATE_BUDGET} ×",
        kept=rate >= RATE_BUDGET * plain,
        means="parsing an event and checking whose it is costs little beside receiving and storing it",
    )
    wait, alone = median(ours.waits), median(reference.waits)
    yield Figure(
        what="a door, from request to answer, one event after another",
        ours=f"{seconds(wait)}: {seconds(max(wait - alone, 0))} beyond its storage call",
        beside=f"{seconds(alone)}: the same no-op function",
        budget=f"< {seconds(DOOR_BUDGET)} beyond",
        kept=wait - alone < DOOR_BUDGET,
        means="Event Grid waits 30 s for an answer; a door stores one message and is done",
    )


async def _send(app: App, function: str, run: Run) -> tuple[float, list[float]]:
    """Return the rate of events at once, and the seconds that each of some others took alone."""
    url = f"{app.host.url}/runtime/webhooks/EventGrid?functionName={function}"
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, headers={"aeg-event-type": "Notification"}) as client:
        count = run.size(EVENTS)
        began = time.perf_counter()
        await asyncio.gather(*(_post(client, url) for _ in range(count)))
        rate = count / (time.perf_counter() - began)
        return rate, [await _post(client, url) for _ in range(run.size(ALONE))]


async def _post(client: aiohttp.ClientSession, url: str) -> float:
    """Deliver an event; return the seconds until it was acknowledged. Raises RuntimeError where it was not."""
    body = msgspec.json.encode(event(next(SERIAL)))
    began = time.perf_counter()
    async with client.post(url, data=body) as answer:
        if answer.status != 202:
            raise RuntimeError(f"{answer.status} {await answer.text()}")
    return time.perf_counter() - began


def event(number: int) -> dict[str, object]:
    """Return Key Vault's event about a new version, as Event Grid delivers it."""
    return {
        "id": f"00000000-0000-0000-0000-{number:012}",
        "type": "Microsoft.KeyVault.CertificateNewVersionCreated",
        "specversion": "1.0",
        "source": f"/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/{VAULT}",
        "subject": f"cert-{number:05}",
        "time": "2026-01-01T00:00:00Z",
        "data": {
            "Id": f"https://{VAULT}.vault.azure.net/certificates/cert-{number:05}/{number:032x}",
            "VaultName": VAULT,
            "ObjectType": "Certificate",
            "ObjectName": f"cert-{number:05}",
            "Version": f"{number:032x}",
            "NBF": 1767225600,
            "EXP": 1798761600,
        },
    }


def message() -> str:
    """Return a message as long as those that our doors put."""
    seen = EventSeen(id="0" * 36, kind="certificate-new-version")
    look = Look(certificate=CertificateRef(VAULT, "cert-00000"), cause=seen.kind, version="0" * 32, event=seen)
    return msgspec.json.encode(look).decode()
