"""The simulation: how many seeds a minute, each a small fleet's year of bad days."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from importlib.util import find_spec
from typing import Any

from bench.plain_apps import ROOT
from bench.table import Figure, Run
from localazure.environment import inherited

MODULE = "tests.simulation"
SEEDS, MANY = 6, 1000  # the many take hours
BOUND = 40.0  # seconds for a seed


def measure(run: Run) -> Generator[Figure]:
    """Play some seeds in processes of their own, one a core."""
    if find_spec(MODULE) is None or find_spec(f"{MODULE}.__main__") is None:
        run.say("  there is no simulation to run")
        return
    seeds = run.size(MANY if run.large else SEEDS)
    told, code = _play(seeds, os.cpu_count() or 1)
    if told is None:
        run.say(f"  no end after {seeds * BOUND:.0f} s")
    numbers = told or {}
    yield Figure(
        what=f"simulation, {numbers.get('seeds')} seeds of {numbers.get('certificates')} certificates and {numbers.get('days')} days",
        ours=f"{numbers.get('seeds_per_minute')} seeds a minute on {numbers.get('processes')} cores, {numbers.get('broken')} broken",
        budget="every promise held in each",
        kept=code == 0,
        means="the real workflows on vaults, tables and queues in memory, under a clock that jumps from one event to the next",
    )


def _play(seeds: int, processes: int) -> tuple[dict[str, Any] | None, int]:
    """Return what the simulation tells of itself (None: it did not end in time), and its exit code."""
    command = [sys.executable, "-m", MODULE, "--seeds", str(seeds), "--processes", str(processes)]
    with subprocess.Popen(
        command, cwd=ROOT, env=inherited(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        try:
            output, _ = child.communicate(timeout=seeds * BOUND)
        except BaseException as ended:  # its own processes end with it, also when a person interrupts
            os.killpg(child.pid, signal.SIGKILL)
            if isinstance(ended, subprocess.TimeoutExpired):
                return None, 1
            raise
    return json.loads(output or "{}"), child.returncode
