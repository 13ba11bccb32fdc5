"""The set of names that a walk has seen."""

from __future__ import annotations

import base64
import zlib

from perennial.workflows.names_seen import NamesSeen


def test_no_name_that_was_seen_is_missed() -> None:
    """What was added is there, also after it went through a column."""
    names = [f"cert-{number}" for number in range(10_000)]
    seen = NamesSeen("tick")
    for name in names:
        seen.add(name)
    again = NamesSeen("tick", seen.text)
    assert all(name in again for name in names)


def test_hardly_a_name_passes_that_was_not_seen() -> None:
    """Among 10,000 seen names one in thirteen others passes; among 100 hardly any; an empty set holds none."""
    for count, most in ((10_000, 0.1), (100, 0.005), (0, 0.0)):
        seen = NamesSeen("tick")
        for number in range(count):
            seen.add(f"cert-{number}")
        others = sum(f"other-{number}" in seen for number in range(5_000))
        assert others <= most * 5_000


def test_each_sweep_mistakes_other_names() -> None:
    """A name that passes by mistake in one sweep hardly ever passes in the next."""
    one, two = NamesSeen("monday"), NamesSeen("tuesday")
    for number in range(10_000):
        one.add(f"cert-{number}")
        two.add(f"cert-{number}")
    wrong = [name for name in (f"other-{number}" for number in range(5_000)) if name in one]
    assert sum(name in two for name in wrong) < len(wrong) / 5


def test_it_fits_a_column() -> None:
    """The text stays below the 32,000 characters of a column, however many names it holds."""
    seen = NamesSeen("tick")
    for number in range(60_000):
        seen.add(f"cert-{number}")
    assert len(seen.text) < 32_000
    assert len(zlib.decompress(base64.b64decode(seen.text))) == 16 * 1024
