"""A stand-in behind TLS and a proxy, and both kinds of client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.keyvault.certificates import (
    CertificateClient,
)

from localazure.keyvault import Pace
from tests.localazure.keyvault.house import House, Room
from tests.localazure.keyvault.sdk.entrance import Entrance
from tests.localazure.keyvault.sdk.scenario import Opening

SOON = 0.05
SWIFT = Pace(
    self_issuance=SOON, issuer=SOON, cancellation=SOON, deletion=SOON, recovery=SOON, purge=SOON, near_expiry=SOON
)


@pytest.fixture(scope="session")
def entrance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrance]:
    """Run a stand-in that is quick enough for the SDK's own polling, behind TLS and a proxy."""
    house = House(SWIFT)
    opened = Entrance(house, tmp_path_factory.mktemp("ca"))
    yield opened
    opened.close()
    house.close()


@pytest.fixture
def room(entrance: Entrance) -> Room:
    """Give a vault that nobody has used: the SDK caches a challenge by host."""
    return entrance.house.room()


@pytest.fixture(params=["sync", "aio"])
def opening(request: pytest.FixtureRequest, entrance: Entrance) -> Opening:
    """Return what opens a client of a room: of one kind, then of the other."""
    return entrance.client if request.param == "sync" else entrance.aio_client


@pytest.fixture
def client(opening: Opening, room: Room) -> Iterator[CertificateClient]:
    """Open a client that may do everything."""
    with opening(room) as opened:
        yield opened
