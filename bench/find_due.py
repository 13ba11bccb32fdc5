"""The clock: one tick over a large inventory and a long past of deliveries, beside the same tick before there was a past."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

from bench.filling import BATCH, Repeater, fill, repeated
from bench.local import Local
from bench.table import Figure, Run, seconds
from perennial.model.inventory import FLEET, Entry
from perennial.model.notices import Attempt, Delivery, DeliveryState, NoticeKind
from perennial.ports.tables import DELIVERIES, INVENTORY

VAULTS = 4
CERTIFICATES = 5_000
DELIVERIES_EACH = BATCH  # 500,000
FILL_BOUND = 150.0  # seconds; what is in the tables by then is measured
TICKS = 5
DUE = 40  # certificates due at each tick
TICK_BOUND = 60.0  # seconds: the next tick


def measure(run: Run) -> Generator[Figure]:
    """Tick before and after the past is filled in."""
    count = run.size(CERTIFICATES)
    with Local.start(accounts=1) as local:
        vaults = local.vaults("due", VAULTS)
        names = [(vaults[number % VAULTS], f"cert-{number:05}") for number in range(count)]
        with local.app("st000", dict.fromkeys(vaults, "observe"), off=["look_at_certificate", "sweep_vault"]) as app:
            app.tick(TICK_BOUND)  # makes the tables
            _fill_inventory(local, names)
            first = _ticks(local, names, app.tick)
            run.say(f"  {count:,} certificates: {seconds(first)} a tick")
            filled = _fill_deliveries(local, names, run)
            later = _ticks(local, names, app.tick)
            run.say(f"  and {filled:,} closed deliveries: {seconds(later)} a tick")
            _forget_that_it_pruned(local)
            daily = app.tick(TICK_BOUND * 4)
    asked = count * DELIVERIES_EACH
    short = f" ({asked:,} asked, as many as were written in {FILL_BOUND:.0f} s)" if filled < asked else ""
    yield Figure(
        what=f"find_due, {count:,} certificates, {DUE} due, {filled:,} closed deliveries{short}",
        ours=f"{seconds(later)} a tick",
        beside=f"{seconds(first)}: the same tick without deliveries",
        budget=f"< {TICK_BOUND:.0f} s, when the next is due",
        kept=later < TICK_BOUND,
        means="a tick asks for what is due and open, so the past costs it nothing",
    )
    yield Figure(
        what=f"the day's first tick, which looks for what is old among {filled:,} closed deliveries",
        ours=seconds(daily),
        beside=f"{seconds(later)}: any other tick",
        budget=f"< {TICK_BOUND:.0f} s",
        kept=daily < TICK_BOUND,
        means="closing times are no key, so once a day the whole table is gone through; nothing was old enough to go",
    )


def _forget_that_it_pruned(local: Local) -> None:
    """Make the next tick the first of its day."""
    fleet = local.tables("st000").fleet
    stored = fleet.get(FLEET, FLEET)
    if stored is not None:
        fleet.put(replace(stored.value, pruned=None))


def _ticks(local: Local, names: Sequence[tuple[str, str]], tick: Callable[[float], float]) -> float:
    """Make some certificates due, tick, and so on; return the median of the seconds."""
    took = []
    tables = local.tables("st000")
    for number in range(TICKS):
        now = datetime.now(UTC)
        for vault, name in names[number * DUE : (number + 1) * DUE]:
            tables.inventory.put(_entry(vault, name, now - timedelta(minutes=1)))
        took.append(tick(TICK_BOUND * 2))
    return median(took)


def _entry(vault: str, name: str, check: datetime) -> Entry:
    seen = check - timedelta(days=30)
    return Entry(vault=vault, certificate=name, first_seen=seen, next_check=check, read_at=check + timedelta(days=5))


def _fill_inventory(local: Local, names: Sequence[tuple[str, str]]) -> None:
    later = datetime.now(UTC) + timedelta(days=5)
    with local.table("st000", "inventory") as table:
        for vault in sorted({vault for vault, _ in names}):
            fill(table, INVENTORY, [_entry(vault, name, later) for of, name in names if of == vault])


def _fill_deliveries(local: Local, names: Sequence[tuple[str, str]], run: Run) -> int:
    """Give each certificate its past, as long as time allows; return how many deliveries there are."""
    first, *others = names
    local.tables("st000").deliveries.put(_delivery(*first, 0))  # makes the table
    with local.table("st000", "deliveries") as table:
        past = [_delivery(*first, number) for number in range(DELIVERIES_EACH)]
        with closing(Repeater.of(table, DELIVERIES, past, first, str(local.azure.ready.ca))) as repeater:
            return (1 + repeated(repeater, others, FILL_BOUND, run.say)) * DELIVERIES_EACH


def _delivery(vault: str, name: str, number: int) -> Delivery:
    """Return a delivery that was made within the last weeks: none is old enough to be pruned."""
    opened = datetime.now(UTC) - timedelta(hours=number + 1)
    return Delivery(
        subject=f"{vault}:{name}",
        notice=f"{number:032x}",
        subscription="orders",
        kind=NoticeKind.NEW_VERSION,
        opened=opened,
        body='{"version":"0"}',
        time=opened,
        version=f"{number:032x}",
        version_created=opened,
        state=DeliveryState.DELIVERED,
        attempts=(Attempt(opened, "204 No Content", delivered=True),),
        closed=opened,
    )
