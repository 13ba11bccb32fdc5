"""The mutants of a few lines: each small change is made, and no other."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.sites import sites


def mutants(source: str) -> list[str]:
    """Return every changed form of a source, as text."""
    made = []
    for number, _ in enumerate(sites(ast.parse(source))):
        tree = ast.parse(source)
        list(sites(tree))[number].apply()
        made.append(ast.unparse(ast.fix_missing_locations(tree)))
    return made


@pytest.mark.parametrize(
    ("line", "forms"),
    [
        ("a = b < c", ["a = b <= c", "a = b >= c"]),
        ("a = b and c", ["a = b or c", "a = c", "a = b"]),
        ("a = not b", ["a = b"]),
        ("a = b if c else d", ["a = b", "a = d"]),
        ("a = b + 1", ["a = b - 1", "a = b + 2"]),
        ("f(x=y)", ["pass", "f()"]),
        ("a = min(b, c)", ["a = max(b, c)"]),
        ("a = (b, c, d)", ["a = (c, d)", "a = (b, d)", "a = (b, c)"]),
        ("a = 'two words'", []),
        ("import a", []),
        ("a: list[int]", []),
    ],
)
def test_each_small_change_is_made(line: str, forms: list[str]) -> None:
    """Comparisons, conditions, sums, effects, arguments; no prose, import or annotation."""
    assert mutants(line) == forms


def test_statements_inside_a_function() -> None:
    """A result is lost, an error not raised, a branch turned; the docstring stays."""
    source = "def f(a):\n    'Say.'\n    if a:\n        raise A\n    return g(a)"
    changes = [(site.function, site.line, site.change) for site in sites(ast.parse(source))]
    assert changes == [
        ("f", 3, "if a: → if not a:"),
        ("f", 4, "raise A → pass"),
        ("f", 5, "return g(a) → return None"),
    ]
