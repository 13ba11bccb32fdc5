"""One dead webhook among ten: how long the notices of the other nine take, beside the same without a dead one. All of it real: host, Azurite, TLS."""

from __future__ import annotations

import base64
import itertools
import socket
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import batched

from bench.filling import fill
from bench.local import TOLD_EVERY, Local, TookTooLongError
from bench.table import Figure, Run, percentile, seconds
from localazure.receiver import Receiver
from perennial.model.inventory import Entry
from perennial.model.messages import Nudge
from perennial.model.notices import Delivery, NoticeKind, Subscription
from perennial.ports.tables import DELIVERIES, INVENTORY

NOTICES = 5_000
WEBHOOKS = 10
SENDERS = 8
BOUND = 120.0  # seconds for each of the two runs; what was delivered by then is said
SHARE = 0.9  # of what is delivered beside none that is dead
LONGEST = 45.0  # seconds that the others' p95 may grow: two of a webhook's own limits of 20 s, and a little
SECRET = "whsec_" + base64.b64encode(b"for a benchmark on loopback only").decode()
VAULT = "kv-notices-0"


def measure(run: Run) -> Generator[Figure]:
    """Let a host work off the same notices twice."""
    count = run.size(NOTICES)
    with Local.start(accounts=2) as local:
        local.vaults("notices", 1)
        alive = _times(local, "st000", count, run, dead=False)
        others = _times(local, "st001", count, run, dead=True)
    expected = count // WEBHOOKS * (WEBHOOKS - 1)
    before, after = percentile(alive, 0.95), percentile(others, 0.95)
    yield Figure(
        what=f"{count:,} notices for {WEBHOOKS} webhooks, one of which never answers: the others' p95, from the start of the work",
        ours=f"{seconds(after)}; {len(others):,} of {expected:,} delivered in at most {BOUND:.0f} s",
        beside=f"{seconds(before)}; {len(alive):,} of {expected:,} delivered: none is dead",
        budget=f"≤ {LONGEST:.0f} s longer",
        kept=after - before <= LONGEST and len(others) >= SHARE * len(alive),
        means="five notices at once wait 20 s each for what never answered yet, the rest stand back; then it is left alone",
    )


def _times(local: Local, account: str, count: int, run: Run, *, dead: bool) -> list[float]:
    """Queue everything, start a host, and return the seconds after which each notice of the nine came."""
    paths = [f"/hook-{number}" for number in range(WEBHOOKS)]
    ready = local.azure.ready
    receiver = Receiver(dict.fromkeys(paths, SECRET))
    with ExitStack() as stack:
        stack.enter_context(receiver.serving(ready.certificate, ready.key))
        silent = stack.enter_context(_silence())
        targets = [receiver.url(path) for path in paths]
        if dead:
            targets[-1] = f"https://localhost:{silent}/hook"
        _queue(local, account, targets, count)
        settings = {"PERENNIAL_WEBHOOK_RANGES": "127.0.0.0/8 ::1/128", "PERENNIAL_SECRET_BENCH": SECRET}
        app = stack.enter_context(local.app(account, {VAULT: "observe"}, settings))
        began = datetime.now(UTC)
        wanted = count // WEBHOOKS * (WEBHOOKS - 1)
        pause, told = threading.Event(), 0.0
        while (came := sum(len(receiver.received(path)) for path in paths[:-1])) < wanted:
            took = (datetime.now(UTC) - began).total_seconds()
            if app.host.process.poll() is not None:
                raise TookTooLongError("the host ended")
            if took > BOUND:
                break
            if took - told > TOLD_EVERY:
                told = took
                run.say(f"    {came:,} of {wanted:,} delivered after {took:.0f} s")
            pause.wait(0.2)
        first = {one.id + path: one.at for path in paths[:-1] for one in reversed(receiver.received(path))}
    if not first:
        raise TookTooLongError(f"nothing was delivered in {BOUND:.0f} s")
    run.say(
        f"  {'one dead' if dead else 'none dead'}: {len(first):,} came in {seconds((max(first.values()) - began).total_seconds())}"
    )
    return [(at - began).total_seconds() for at in first.values()]


def _queue(local: Local, account: str, targets: Sequence[str], count: int) -> None:
    """Write what `announce` writes: a row for each notice and webhook, and a message for each row."""
    tables, now = local.tables(account), datetime.now(UTC).replace(microsecond=0)
    for number, target in enumerate(targets):
        hook = Subscription(name=f"hook-{number}", channel="webhook", target=target, secret="BENCH", created=now)
        tables.subscriptions.put(hook)
    rows = [_delivery(number // WEBHOOKS, f"hook-{number % WEBHOOKS}", now) for number in range(count)]
    later = now + timedelta(days=5)
    names = sorted({row.subject.partition(":")[2] for row in rows})
    entries = [Entry(vault=VAULT, certificate=name, first_seen=now, next_check=later, read_at=later) for name in names]
    tables.inventory.put(entries[0])  # makes the table
    tables.deliveries.put(rows[0])
    queues = local.queues(account)
    queues.send(Nudge(subject=rows[0].subject, delivery=rows[0].key))
    with local.table(account, "inventory") as table:
        fill(table, INVENTORY, entries)
    with local.table(account, "deliveries") as table, ThreadPoolExecutor(SENDERS) as pool:
        subjects = batched(rows, WEBHOOKS, strict=False)  # each a partition
        sent = pool.map(lambda row: queues.send(Nudge(subject=row.subject, delivery=row.key)), rows[1:])
        for _ in itertools.chain(pool.map(lambda batch: fill(table, DELIVERIES, batch), subjects), sent):
            pass


def _delivery(number: int, hook: str, now: datetime) -> Delivery:
    return Delivery(
        subject=f"{VAULT}:cert-{number:05}",
        notice=f"{number:032x}",
        subscription=hook,
        kind=NoticeKind.NEW_VERSION,
        opened=now,
        body='{"version":"0"}',
        time=now,
        version=f"{number:032x}",
        version_created=now,
        next_attempt=now + timedelta(minutes=10),
    )


@contextmanager
def _silence() -> Iterator[int]:
    """Listen on a port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield listener.getsockname()[1]
