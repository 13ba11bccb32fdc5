"""One stand-in for all tests of a worker, a vault of its own for each test."""

from collections.abc import Iterator

import pytest

from tests.localazure.keyvault.house import House, Room


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """Run the stand-in."""
    started = House()
    yield started
    started.close()


@pytest.fixture
def room(house: House) -> Room:
    """Give a vault that nobody has used."""
    return house.room()
