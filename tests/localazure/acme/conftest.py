"""CAs of their own for tests: one with an account, and one with a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localazure.acme.ca import Ca
from tests.localazure.acme.subscriber import Subscriber, subscribed
from tests.localazure.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands with the real one until it is moved."""
    return Clock()


@pytest.fixture
def running(clock: Clock) -> Iterator[tuple[Ca, Subscriber]]:
    """Run a CA and give it with an account at it."""
    with subscribed(clock=clock) as found:
        yield found


@pytest.fixture
def ca(running: tuple[Ca, Subscriber]) -> Ca:
    """Give the CA."""
    return running[0]


@pytest.fixture
def subscriber(running: tuple[Ca, Subscriber]) -> Subscriber:
    """Give the account."""
    return running[1]
