"""Many seeds at a stretch: python -m tests.simulation --seeds 1000 prints what befell them, and how many were played a minute."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

from tests.simulation.cast import Size
from tests.simulation.play import play
from tests.simulation.violation import Violation


def one(seed: int, certificates: int, days: int) -> tuple[int, str, Counter[str]]:
    """Play a seed; return it with what went wrong, and what befell it."""
    size = Size(certificates=certificates, span=timedelta(days=days))
    try:
        return seed, "", play(seed, size).befell
    except Violation as violation:
        return seed, str(violation), Counter()


def main() -> int:
    """Play the seeds; 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--certificates", type=int, default=20)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    began, befell, broken = time.monotonic(), Counter[str](), list[tuple[int, str]]()
    seeds = range(asked.first, asked.first + asked.seeds)
    with ProcessPoolExecutor(asked.processes) as pool:
        played = pool.map(one, seeds, [asked.certificates] * len(seeds), [asked.days] * len(seeds))
        for seed, wrong, counts in played:
            befell += counts
            if wrong:
                broken.append((seed, wrong))
                print(f"seed {seed}: {wrong}", file=sys.stderr)
    minutes = (time.monotonic() - began) / 60
    told = {"seeds": asked.seeds, "broken": len(broken), "seeds_per_minute": round(asked.seeds / minutes, 1)}
    size = {"certificates": asked.certificates, "days": asked.days, "processes": asked.processes}
    print(json.dumps({**told, **size, "befell": dict(sorted(befell.items()))}, indent=2))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
