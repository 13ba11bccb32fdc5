"""Plain tables for people, in as many columns of text as a terminal has."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 118
GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 2) -> str:
    """Lay rows out under a head; the last column is wrapped where it would pass the width."""
    columns = range(len(head) - 1)
    widths = [max(len(row[column]) for row in [head, *rows]) for column in columns]
    room = max(30, WIDTH - indent - sum(widths) - len(GAP) * len(widths))
    last = max((len(row[-1]) for row in [head, *rows]), default=0)
    rule = ["─" * width for width in [*widths, min(room, last)]]
    lines: list[str] = []
    for row in [head, rule, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        for number, part in enumerate(textwrap.wrap(row[-1], room, break_on_hyphens=False) or [""]):
            before = cells if number == 0 else [" " * width for width in widths]
            lines.append((" " * indent + GAP.join([*before, part])).rstrip())
    return "\n".join(lines)
