"""What a proof is given, and its negative gives otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def spoil() -> Callable[[object], None]:
    """Return what a proof does to its stage before it begins: nothing. A negative breaks a port there instead."""
    return lambda _: None
