"""Which members each line of the app's log has, read off the calls that write them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from perennial.workflows import walk_end
from tests.architecture.source import modules

#: Members that a call adds with `**`: the function whose result is spread.
SPREAD = {"sweep": frozenset(walk_end.totals([]))}


@cache
def lines() -> dict[str, frozenset[str]]:
    """Return the members of each event, over all places that write it."""
    found: dict[str, frozenset[str]] = {}
    for event, members in _calls():
        found[event] = found.get(event, frozenset({"event"})) | members | SPREAD.get(event, frozenset())
    return found


def _calls() -> Iterator[tuple[str, frozenset[str]]]:
    for path in modules("perennial"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="line" | "warn") | ast.Attribute(value=ast.Name(id="log"), attr="line" | "warn"),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event, frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
