"""What a proof is given, and its negative gives otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perennial.decisions.renewal import CHECKS, Check


@pytest.fixture(scope="session")
def checks() -> Sequence[Check]:
    """The product's precedence."""
    return CHECKS
