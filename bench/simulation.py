"""The simulation: how many seeds a minute, each a fleet's years of bad days."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from importlib.util import find_spec

from bench.plain_apps import ROOT
from bench.table import Figure, Run

MODULE = "tests.simulation"
SEEDS = 30
BOUND = 240.0  # seconds


def measure(run: Run) -> Generator[Figure]:
    """Run some seeds in a process of their own."""
    if find_spec(f"{MODULE}.__main__") is None:
        run.say("  there is no simulation to run")
        return
    seeds = max(run.size(SEEDS), 2)
    began = time.perf_counter()
    command = [sys.executable, "-m", MODULE, "--seeds", str(seeds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=BOUND)
    took = time.perf_counter() - began
    words = (done.stdout or done.stderr).strip().splitlines()
    run.say(f"  {words[-1] if words else 'no output'}")
    yield Figure(
        what=f"simulation, {seeds} seeds",
        ours=f"{60 * seeds / took:.0f} seeds a minute",
        budget="every promise held in each",
        kept=done.returncode == 0,
        means="real workflows on tables, queues and vaults in memory and a clock that jumps",
    )
