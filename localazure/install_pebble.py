"""Fetches Pebble, its challenge test server and lego, where the machine has none, into `.local` of the clone."""

from __future__ import annotations

import sys

from localazure.debian import Missing, Program, program

PACKAGES = {"pebble": "pebble", "pebble-challtestsrv": "pebble", "lego": "lego"}


def find(name: str) -> Program:
    """Return one of the programs. Raises Missing with one line that says how to get it."""
    return program(name, PACKAGES[name])


def main() -> int:
    """Say of each where it is, or how to get it; without any of them everything else still works."""
    try:
        for name in PACKAGES:
            print(f"{name}: {find(name).path}")
    except Missing as missing:
        print(f"{missing} (only tests of ACME need it)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
