"""The fleet that the demo plants is as mixed as the story says."""

from __future__ import annotations

from collections import Counter

from localazure.demo.acts import ACTS
from localazure.demo.fleet import BILLING, FLEET, ORDERS


def test_two_vaults() -> None:
    """Twelve certificates in one vault, eight in the other, no name twice."""
    assert Counter(seed.vault for seed in FLEET) == {ORDERS: 12, BILLING: 8}
    assert len({(seed.vault, seed.name) for seed in FLEET}) == len(FLEET)


def test_mixed() -> None:
    """Each vault has what is due and what is not, and the fleet most reasons to leave a certificate alone."""
    for vault in (ORDERS, BILLING):
        assert {seed.due for seed in FLEET if seed.vault == vault} == {True, False}
    assert len({seed.observed for seed in FLEET}) >= 9
    assert len({seed.finding for seed in FLEET if seed.finding}) >= 6


def test_twelve_acts() -> None:
    """The story has twelve acts."""
    assert len(ACTS) == 12
