"""Sweeps of a fleet that is known and has not changed, beside a script that lists the vaults and reads each certificate with the SDK."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from bench import known
from bench.local import App, Local
from bench.machine import peak_memory
from bench.script import SAMPLED, script
from bench.table import Figure, Run, seconds

VAULTS = 4
SIZES = (1_000, 10_000)
LARGE = 50_000
STEADY = 3  # sweeps
PAGE = 25  # Key Vault: items in a page of a list, at most
FASTER, MEMORY = 20, 200
NETWORK = 0.02  # seconds that each request to a vault takes longer, for ours and the script alike
WALK_BOUND = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Swept:
    """What one size showed, in seconds and calls."""

    count: int
    steady: float
    calls: int
    expected: int
    script: float
    near: float  # steady and script without the network in between
    near_script: float
    memory: float | None


def measure(run: Run) -> Generator[Figure]:
    """Sweep fleets of growing size."""
    found = []
    for whole in (*SIZES, *((LARGE,) if run.large else ())):  # the last of SIZES has budgets
        with Local.start(accounts=1) as local:
            swept = _sweep(local, run.size(whole) // VAULTS * VAULTS, run)
        found.append(swept)
        yield from _figures(swept, main=whole == SIZES[-1])
    small, large = found[0], found[-1]
    growth = (large.steady / small.steady) / (large.count / small.count)
    yield Figure(
        what=f"an unchanged fleet, {small.count:,} → {large.count:,} certificates: cost of one",
        ours=f"{seconds(small.steady / small.count)} → {seconds(large.steady / large.count)}",
        means=f"{growth:.2f} × a certificate's share: cost grows with the fleet, no faster, if this is about 1",
    )


def _sweep(local: Local, count: int, run: Run) -> Swept:
    vaults = local.vaults("fleet", VAULTS)
    with local.app("st000", dict.fromkeys(vaults, "renew")) as app:
        known.make(local, app, vaults, count, datetime.now(UTC) + timedelta(days=300))
        run.say(f"  {count:,} certificates are known")
        app.sweep(VAULTS, WALK_BOUND)  # the first one may find what only time brought about
        near, _ = _steady(local, app, vaults, run)
        local.azure.fault("keyvault", delay=NETWORK)
        steady, calls = _steady(local, app, vaults, run)
        memory = peak_memory(app.host.process.pid)
    plain = script(local, vaults)
    local.azure.clear_faults()
    near_script = script(local, vaults)
    run.say(f"  list and GET each: {seconds(plain)}, without the network {seconds(near_script)}")
    expected = sum(math.ceil(count // VAULTS / PAGE) for _ in vaults)
    return Swept(count, steady, calls, expected, plain, near, near_script, memory)


def _steady(local: Local, app: App, vaults: Sequence[str], run: Run) -> tuple[float, int]:
    """Sweep the unchanged fleet some times; return the median of the seconds, and the calls of one sweep."""
    took = []
    for _ in range(STEADY):
        local.azure.clear_requests("keyvault")
        took.append(app.sweep(VAULTS, WALK_BOUND))
    run.say(f"  unchanged: {', '.join(seconds(one) for one in took)}")
    return median(took), len(local.asked(vaults))


def _figures(swept: Swept, *, main: bool) -> Iterator[Figure]:
    count = f"{swept.count:,} certificates in {VAULTS} vaults"
    yield Figure(
        what=f"sweep of an unchanged fleet, {count}",
        ours=f"{seconds(swept.steady)} ({swept.script / swept.steady:.1f} × faster)",
        beside=f"{seconds(swept.script)}: {SAMPLED}",
        budget=f"≥ {FASTER} × faster" if main else "",
        kept=swept.script >= FASTER * swept.steady if main else None,
        means=f"each request to a vault takes {NETWORK * 1000:.0f} ms longer, as over a network; what the list shows is compared with the rows",
    )
    yield Figure(
        what=f"the same without a network in between, {count}",
        ours=f"{seconds(swept.near)} ({swept.near_script / swept.near:.1f} × faster)",
        beside=f"{seconds(swept.near_script)}: the same script",
        means="on loopback a GET costs next to nothing, so this compares processor time: reading rows and checking rules",
    )
    yield Figure(
        what=f"Key Vault calls of that sweep, {count}",
        ours=f"{swept.calls:,}",
        beside=f"{swept.expected + swept.count:,}: list, then GET each",
        budget=f"⌈N/{PAGE}⌉ = {swept.expected:,}",
        kept=swept.calls <= swept.expected,
        means="as many as the lists have pages",
    )
    if swept.memory is not None:
        yield Figure(
            what=f"most memory of host and app in one process, {count}",
            ours=f"{swept.memory:.0f} MB",
            budget=f"< {MEMORY} MB" if main else "",
            kept=swept.memory < MEMORY if main else None,
            means="sweeps fit an instance of 512 MB: pages are streamed",
        )
