"""`python -m bench`: measure, print the table, and end with 1 where a figure is over its budget."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

from azure.core.exceptions import AzureError
from urllib3.exceptions import HTTPError

from bench import (
    acme_calls,
    acme_fleet,
    cold_start,
    dead_webhook,
    events,
    find_due,
    first_sweep,
    machine,
    page,
    renewals,
    simulation,
    sweep,
)
from bench.filling import RefusedError
from bench.local import TookTooLongError
from bench.table import Figure, Row, Run, markdown, over_budget
from localazure.client import LocalAzureError

# What the pieces of a benchmark raise; a fault in its own code ends the run.
FAULTS = (TookTooLongError, RefusedError, LocalAzureError, AzureError, HTTPError, RuntimeError, OSError)

ROWS = (
    Row("cold-start", cold_start.measure),
    Row("events", events.measure),
    Row("sweep", sweep.measure),
    Row("first-sweep", first_sweep.measure),
    Row("find-due", find_due.measure),
    Row("renewals", renewals.measure),
    Row("acme-calls", acme_calls.measure),
    Row("acme-fleet", acme_fleet.measure),
    Row("dead-webhook", dead_webhook.measure),
    Row("simulation", simulation.measure),
)


def main(arguments: Sequence[str] | None = None, rows: Sequence[Row] = ROWS) -> int:
    """Measure what was asked for; 1 where a budget was not kept."""
    given = _parser(rows).parse_args(arguments)
    run = Run(_say, quick=given.quick, large=given.large)
    load, began = machine.load(), time.monotonic()
    _say(f"{machine.description()}; load {load}")
    figures: list[Figure] = []
    for row in rows:
        if given.only and row.name not in given.only:
            continue
        _say(f"{row.name}:")
        before = time.monotonic()
        for figure in _measured(row, run):
            figures.append(figure)
            _say(f"  {' | '.join(cell for cell in figure.cells[:5] if cell)}")
        _say(f"  took {time.monotonic() - before:.0f} s; load now {machine.load()}")
    loads = f"{load} before, {machine.load()} after"
    print(f"\n{markdown(figures)}")
    if given.write:
        page.write(figures, loads, time.monotonic() - began)
    missed = over_budget(figures)
    for figure in missed:
        print(f"over budget: {figure.what}: {figure.ours}, budget {figure.budget}", file=sys.stderr)
    return 1 if missed else 0


def _measured(row: Row, run: Run) -> Iterator[Figure]:
    """Measure a row; one that outlasts its bound, or cannot be measured, is over its budget, and the others are measured all the same."""
    with closing(row.measure(run)) as figures:
        try:
            yield from figures
        except FAULTS as fault:
            ours = f"not measured to its end: {' '.join(str(fault).split())[:200] or type(fault).__name__}"
            yield Figure(what=row.name, ours=ours, budget="the row's own bound", kept=False)


def _say(text: str) -> None:
    print(text, flush=True)


def _parser(rows: Sequence[Row]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=[row.name for row in rows], help="one row; may be repeated")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    kind.add_argument("--quick", action="store_true", help="a twentieth of every size: shows that all of it works")
    parser.add_argument(
        "--large", action="store_true", help="also 50,000 certificates, and 1,000 seeds of the simulation"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
