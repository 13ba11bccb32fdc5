"""What journeys share: a person with every right, and a journey that ends with a look at what the app asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localazure.client import LocalAzure
from localazure.operator import Operator
from tests.journeys.rights import asked_too_much
from tests.journeys.running import Journey
from tests.journeys.signing import Signing


@pytest.fixture(scope="session")
def operator(azure: LocalAzure) -> Iterator[Operator]:
    """A person with every right."""
    with Operator(azure) as person:
        yield person


@pytest.fixture
def journey(azure: LocalAzure, operator: Operator, account: str, tmp_path: Path) -> Iterator[Journey]:
    """A journey. When it is over, nothing that the app asked of its vaults was beyond its three data actions."""
    azure.clear_faults()
    under_way = Journey(azure, operator, account, tmp_path)
    yield under_way
    for log in sorted(tmp_path.glob("host-*.log")):  # shown where the journey failed
        lines = [line for line in log.read_text(errors="replace").splitlines() if '"event":"api"' not in line]
        print(log.name, *lines[-60:], sep="\n")
    azure.clear_faults()
    azure.delivery()
    assert asked_too_much(azure.requests("keyvault"), under_way.vaults) == []


@pytest.fixture
def signer(journey: Journey) -> Iterator[Signing]:
    """What a journey of signed certificates has. When it is over, the app has asked its vault of keys for no more than to make keys and sign."""
    made = Signing.over(journey)
    yield made
    assert made.asked_too_much() == []
