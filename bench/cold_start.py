"""Cold start: a process that indexes the app in Microsoft's worker library, beside one that indexes an empty app with as many functions."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from statistics import median

from bench.plain_apps import ROOT, empty_app
from bench.table import Figure, Run, seconds, times
from localazure.environment import inherited

ROUNDS = 9
BUDGET = 1.3
UNCOMPILED = "PYTHONDONTWRITEBYTECODE"  # set, it would make each process compile again what had changed
SETTINGS = {
    "PERENNIAL_VAULTS": "kv-orders=renew",
    "PERENNIAL_TABLES": "https://account.table.example",
    "PERENNIAL_QUEUES": "https://account.queue.example",
}


def measure(run: Run) -> Generator[Figure]:
    """Start both by turns, each once before it counts."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        _, kinds = index(ROOT)
        empty = empty_app(Path(name) / "empty", kinds)
        index(empty)
        ours, reference = [], []
        for number in range(3 if run.quick else ROUNDS):
            ours.append(index(ROOT)[0])
            reference.append(index(empty)[0])
            run.say(f"  {number + 1}: {seconds(ours[-1])}, empty {seconds(reference[-1])}")
    mine, empty_time = median(ours), median(reference)
    yield Figure(
        what="cold start: process start to indexed",
        ours=f"{seconds(mine)} ({times(mine, empty_time)})",
        beside=f"{seconds(empty_time)}: an empty app with as many functions ({sum(kinds.values())})",
        budget=f"≤ {BUDGET} ×",
        kept=mine <= BUDGET * empty_time,
        means="what a scaled-out instance costs before its first event; the SDKs are imported when first used",
    )


def index(folder: Path) -> tuple[float, Mapping[str, int]]:
    """Index an app in a process of its own; return the seconds from start to end, and its functions by kind."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.indexing", str(folder)],
        cwd=ROOT,
        env={name: value for name, value in inherited().items() if name != UNCOMPILED} | SETTINGS,
        capture_output=True,
        check=True,
        text=True,
    )
    return time.perf_counter() - began, json.loads(done.stdout.splitlines()[-1])
