"""docs/benchmarks.md: the table with the machine, the date and the load, so that a reader knows what it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.table import Figure, markdown

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

TEXT = """# Benchmarks

Written by `make bench ARGS=--write`; `make bench` prints the same and writes nothing (`ARGS="--only sweep"` measures one
row, `--large` adds the sizes that take long). Each figure stands beside a reference that was measured in the same run on the
same machine: read the ratios, not the milliseconds. Everything runs on one machine and shares its cores: host and app
(Microsoft's worker library), Azurite, the stand-ins for Key Vault and Event Grid, and whoever asks.

Measured {date} on {machine}; load average {loads} (the processes measured are part of it); {minutes} minutes.

{table}
"""


def write(figures: Sequence[Figure], loads: str, took: float) -> None:
    """Write the page."""
    PAGE.write_text(rendered(figures, loads, took, datetime.now(UTC)), encoding="utf-8")


def rendered(figures: Sequence[Figure], loads: str, took: float, now: datetime) -> str:
    """Return the page's text."""
    return TEXT.format(
        date=now.date().isoformat(),
        machine=machine.description(),
        loads=loads,
        minutes=round(took / 60),
        table=markdown(figures),
    )
