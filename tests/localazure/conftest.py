"""A plain client of the local Azure, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localazure.client import LocalAzure
from tests.localazure.outside import Outside


@pytest.fixture(scope="session")
def outside(azure: LocalAzure) -> Iterator[Outside]:
    """A plain client of the local Azure."""
    client = Outside(azure)
    yield client
    client.close()
