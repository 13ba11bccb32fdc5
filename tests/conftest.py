"""What every test shares: a foreign time zone, one local Azure per worker, and a count of what is left running."""

from __future__ import annotations

import itertools
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

from localazure.client import LocalAzure
from tests.leftovers import Running, running

if TYPE_CHECKING:
    from tests.dns.bind import Bind

# Nothing may depend on the machine's zone; this one is far from UTC and changes its clocks.
os.environ["TZ"] = "Pacific/Auckland"
time.tzset()

# The same examples in each run, and no deadline: a busy machine is no fault. HYPOTHESIS_PROFILE=default searches anew.
hypothesis.settings.register_profile("house", derandomize=True, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

MARK = "PYTEST_SESSION_MARK"
PATIENCE = 5.0  # seconds that what was stopped may take to be gone
VAULT_PACE = {"self_issuance": 0.1, "issuer": 0.1, "cancellation": 0.1, "deletion": 0.1, "near_expiry": 0.1}
SERIAL = itertools.count(1)
ACCOUNTS = 400
ACCOUNT_SERIAL = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Iterator[None]:
    """Whoever starts a process or listens on a port stops it: compared before and after, it is the same."""
    os.environ[MARK] = uuid.uuid4().hex
    before = running(f"{MARK}={os.environ[MARK]}")
    yield
    waited = threading.Event()
    until = time.monotonic() + PATIENCE
    while (left := _more(before)) and time.monotonic() < until:
        waited.wait(0.05)
    assert not left, f"left running by the tests: {'; '.join(left)}"


def _more(before: Running) -> list[str]:
    after = running(f"{MARK}={os.environ[MARK]}")
    return [*(after.processes - before.processes), *(f"port {port}" for port in after.ports - before.ports)]


@pytest.fixture(scope="session")
def azure() -> Iterator[LocalAzure]:
    """A local Azure whose retry waits are a hundredth of Azure's."""
    with LocalAzure.start(accounts=ACCOUNTS, pace=0.01, vault_pace=VAULT_PACE) as started:
        yield started


@pytest.fixture(scope="session")
def bind() -> Iterator[Bind]:
    """BIND as a small internet on loopback."""
    from tests.dns.bind import running as bind_running

    with bind_running() as started:
        yield started


@pytest.fixture
def vault(azure: LocalAzure) -> str:
    """A new vault whose name was never used before (clients remember challenges by host)."""
    name = f"kv-test-{next(SERIAL)}"
    azure.create_vault(name)
    return name


@pytest.fixture
def zone(azure: LocalAzure) -> Iterator[str]:
    """A zone of the local Azure's DNS that no other test uses."""
    name = f"zone-{next(SERIAL)}.test"
    azure.dns.zone(name)
    yield name
    azure.dns.remove(name)


@pytest.fixture(scope="session")
def new_account() -> Callable[[], str]:
    """A function that names a storage account which nobody has used."""
    return lambda: f"st{next(ACCOUNT_SERIAL):03}"


@pytest.fixture
def account(new_account: Callable[[], str]) -> str:
    """A storage account that no other test uses."""
    return new_account()
