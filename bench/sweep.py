"""Sweeps: the first one of a fleet and those after it, beside a script that lists the vaults and reads each certificate with the SDK."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from bench.local import App, Local
from bench.machine import peak_memory
from bench.table import Figure, Run, seconds
from localazure.operator import Operator

VAULTS = 4
SIZES = (1_000, 10_000)
LARGE = 50_000
STEADY = 3  # sweeps of an unchanged fleet
PAGE = 25  # Key Vault: items in a page of a list, at most
FASTER, MEMORY = 20, 200
NETWORK = 0.02  # seconds that each request to a vault takes longer, for ours and the script alike
SAMPLE = 10  # the script reads each tenth certificate, and its reading counts tenfold
WALK_BOUND = 180.0  # seconds
LOOK_BOUND = 0.036  # seconds for each certificate's first look, on top of a minute: six minutes more for 10,000


@dataclass(frozen=True, slots=True)
class Swept:
    """What one size showed, in seconds and calls."""

    count: int
    first: float
    known: float
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
    if len(found) == 1:
        return
    small, large = found[0], found[-1]
    growth = (large.steady / small.steady) / (large.count / small.count)
    yield Figure(
        what=f"an unchanged fleet, {small.count:,} → {large.count:,} certificates: cost of one",
        ours=f"{seconds(small.steady / small.count)} → {seconds(large.steady / large.count)}",
        means=f"{growth:.2f} × a certificate's share: cost grows with the fleet, no faster, if this is about 1",
    )


def _sweep(local: Local, count: int, run: Run) -> Swept:
    vaults = local.vaults("fleet", VAULTS)
    for vault in vaults:
        local.azure.fill(vault, count // VAULTS, datetime.now(UTC) + timedelta(days=300))
    with local.app("st000", dict.fromkeys(vaults, "renew")) as app:
        began = time.perf_counter()
        first = app.sweep(VAULTS, WALK_BOUND)
        run.say(f"  {count:,} certificates: first sweep {seconds(first)}, {count:,} looks queued")
        app.wait("look", count, 60 + LOOK_BOUND * count, run.say)
        known = time.perf_counter() - began
        run.say(f"  all known after {seconds(known)}")
        near, _ = _steady(local, app, vaults, run, STEADY)
        local.azure.fault("keyvault", delay=NETWORK)
        steady, calls = _steady(local, app, vaults, run, STEADY)
        memory = peak_memory(app.host.process.pid)
    script = _script(local, vaults, SAMPLE)
    local.azure.clear_faults()
    near_script = _script(local, vaults, SAMPLE)
    run.say(f"  list and GET each: {seconds(script)}, without the network {seconds(near_script)}")
    expected = sum(math.ceil(count // VAULTS / PAGE) for _ in vaults)
    return Swept(count, first, known, steady, calls, expected, script, near, near_script, memory)


def _steady(local: Local, app: App, vaults: Sequence[str], run: Run, count: int) -> tuple[float, int]:
    """Sweep the unchanged fleet some times; return the median of the seconds, and the calls of one sweep."""
    took = []
    for _ in range(count):
        local.azure.clear_requests("keyvault")
        took.append(app.sweep(VAULTS, WALK_BOUND))
        run.say(f"  unchanged: {seconds(took[-1])}")
    return median(took), len(local.asked(vaults))


def _script(local: Local, vaults: Sequence[str], nth: int) -> float:
    """Do what a script does: list each vault and read every certificate, or each nth of them; return the seconds that all would take."""
    with Operator(local.azure) as person:
        began, reading = time.perf_counter(), 0.0
        for vault in vaults:
            client = person.client(vault)
            for number, listed in enumerate(client.list_properties_of_certificates()):
                if number % nth == 0:
                    before = time.perf_counter()
                    client.get_certificate(listed.name or "")
                    reading += time.perf_counter() - before
        return time.perf_counter() - began + reading * (nth - 1)


def _figures(swept: Swept, *, main: bool) -> Iterator[Figure]:
    count = f"{swept.count:,} certificates in {VAULTS} vaults"
    sampled = f"list, then GET each with the SDK (each {SAMPLE}th is read, and counts for {SAMPLE})"
    script = f"{seconds(swept.script)}: {sampled}"
    yield Figure(
        what=f"first sweep, {count}",
        ours=f"{seconds(swept.first)} to walk, {seconds(swept.known)} until each was looked at",
        beside=f"{seconds(swept.near_script)}: {sampled}",
        means="a walk spreads the looks at what it sees first, 25 a second and vault, to spare the vaults",
    )
    yield Figure(
        what=f"sweep of an unchanged fleet, {count}",
        ours=f"{seconds(swept.steady)} ({swept.script / swept.steady:.1f} × faster)",
        beside=script,
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
            means="sweeps and looks together fit an instance of 512 MB: pages are streamed",
        )
