"""One local Azure for all tests of this folder; each test takes names of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from localazure.client import LocalAzure
from tests.localazure.outside import Outside

VAULT_PACE = {"self_issuance": 0.1, "issuer": 0.1, "cancellation": 0.1, "deletion": 0.1, "near_expiry": 0.1}
SERIAL = itertools.count(1)


@pytest.fixture(scope="session")
def azure() -> Iterator[LocalAzure]:
    """A local Azure whose retry waits are a hundredth of Azure's."""
    with LocalAzure.start(accounts=40, pace=0.01, vault_pace=VAULT_PACE) as running:
        yield running


@pytest.fixture
def vault(azure: LocalAzure) -> str:
    """A new vault whose name was never used before (clients remember challenges by host)."""
    name = f"kv-test-{next(SERIAL)}"
    azure.create_vault(name)
    return name


@pytest.fixture
def account() -> str:
    """A storage account that no other test uses."""
    return f"st{next(SERIAL):03}"


@pytest.fixture(scope="session")
def outside(azure: LocalAzure) -> Iterator[Outside]:
    """A plain client of the local Azure."""
    client = Outside(azure)
    yield client
    client.close()
