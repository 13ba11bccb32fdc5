"""`python -m tests.mutation MODULE…`: change the product in every small way, and see that a test notices."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.mutation.stories import story
from tests.mutation.trying import Mutant, in_fork, try_functions, try_rest


def main() -> int:
    """Try the modules that the command names, one after the other, and list what survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", type=Path, help="source files")
    parser.add_argument("--tests", nargs="*", default=[], help="files or folders of tests; those that tell its story")
    parser.add_argument("--results", type=Path, help="a file to add each result to, one JSON object a line")
    parser.add_argument("--every", type=int, default=1, help="try one mutant of so many, to have an answer soon")
    chosen = parser.parse_args()
    for path in (one for one in chosen.modules if one.name != "__init__.py"):
        _try(path, chosen.tests or story(path), chosen.results, chosen.every)
    return 0


def _try(path: Path, tests: list[str], results: Path | None, every: int) -> None:
    module = ".".join(path.with_suffix("").parts)
    found: Counter[str] = Counter()

    def told(mutant: Mutant) -> None:
        found[mutant.result] += 1
        if results:
            with results.open("a") as file:
                file.write(json.dumps(asdict(mutant)) + "\n")
        if mutant.result != "killed":
            line = f"{path}:{mutant.line} {mutant.function}: {mutant.change} {mutant.result}"
            sys.stderr.write(f"{line}\n")

    def both() -> str:
        try_rest(module, tests, told, every)
        try_functions(module, tests, told, every)
        return json.dumps(found)

    said = in_fork(both, 36000)
    sys.stdout.write(f"{path}: {said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
