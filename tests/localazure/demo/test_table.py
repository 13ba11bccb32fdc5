"""Tables for people."""

from __future__ import annotations

from localazure.demo.table import WIDTH, table, wrapped

LONG = (
    "its policy would issue something else: its issuer is Self, the certificate comes from CN=Example Public Trust CA"
)


def test_columns() -> None:
    """Columns stand under their heads."""
    assert table(("a", "what"), [("1", "x"), ("22", "y")]).splitlines() == ["a   what", "──  ────", "1   x", "22  y"]


def test_fits() -> None:
    """Nothing is wider than a terminal, and nothing is lost by wrapping."""
    text = table(("vault", "claimed", "measured"), [("kv-orders", LONG, LONG)], indent=10)
    assert max(map(len, text.splitlines())) <= WIDTH
    for word in LONG.split():
        assert text.count(word) >= 2


def test_names_stay_whole() -> None:
    """A name is never broken at its hyphens."""
    assert wrapped("policy-does-not-match-certificate and more", 12)[0] == "policy-does-not-match-certificate"


def test_nothing() -> None:
    """An empty cell is an empty line, an empty table has its head."""
    assert wrapped("", 10) == [""]
    assert table(("a", "b"), []).splitlines()[0] == "a  b"
