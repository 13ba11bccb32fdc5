"""Plain tables for people: text in columns, wrapped where they would be too wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

WIDTH = 118
GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0, widest: int = 60) -> str:
    """Lay rows out under a head; a column is at most so wide, and the last one gets what is left of the width."""
    widths = [min(widest, max(len(row[column]) for row in [head, *rows])) for column in range(len(head))]
    room = WIDTH - indent - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)
    widths[-1] = min(max(20, room), max(len(row[-1]) for row in [head, *rows]))
    rule = ["─" * width for width in widths]
    return "\n".join(line for row in [head, rule, *rows] for line in _lines(row, widths, " " * indent))


def _lines(row: Sequence[str], widths: Sequence[int], indent: str) -> list[str]:
    """Return the lines of one row, as many as its longest cell needs."""
    cells = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines = zip_longest(*cells, fillvalue="")
    return [
        (indent + GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True))).rstrip()
        for parts in lines
    ]


def wrapped(text: str, width: int) -> list[str]:
    """Return a text as lines that are no wider, unless a single word is; never broken at a hyphen, since names have them."""
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]
