"""The ladder of waits between attempts, as a setting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from perennial.settings.readers import Wrong, ladder


def test_rungs() -> None:
    """Rungs may be as short as a second, and rise."""
    assert ladder("1s 10m 1d") == (timedelta(seconds=1), timedelta(minutes=10), timedelta(days=1))


@pytest.mark.parametrize("text", ["0s", "10m 1m", "soon"])
def test_refused(text: str) -> None:
    """A wait of nothing, a ladder that goes down again and what is no duration are refused."""
    with pytest.raises(Wrong):
        ladder(text)
