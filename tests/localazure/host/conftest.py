"""A local Azure for storage and identity, and Functions hosts of the small app beside this file."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localazure.client import LocalAzure, Process
from tests.localazure.host.hosts import Account, Host

APP = Path(__file__).parent / "app"

type StartHost = Callable[..., contextlib.AbstractContextManager[Host]]


@pytest.fixture(scope="session")
def new_host_account(azure: LocalAzure, new_account: Callable[[], str]) -> Callable[[], Account]:
    """Return a function that gives a storage account nobody has used."""

    def give() -> Account:
        variables = azure.environment(account=new_account())
        jobs = {
            "Jobs__queueServiceUri": variables["AzureWebJobsStorage__queueServiceUri"],
            "Jobs__credential": "managedidentity",
            "Jobs__clientId": variables["AZURE_CLIENT_ID"],
        }
        return Account(variables | jobs | {"TICK": "0 0 3 29 2 *"})

    return give


@pytest.fixture(scope="session")
def start_host(tmp_path_factory: pytest.TempPathFactory) -> StartHost:
    """Return a function that starts a host with settings and options, as a context manager."""
    numbers = itertools.count()

    @contextlib.contextmanager
    def start(account: Account, *options: str, app: Path = APP, **settings: str) -> Iterator[Host]:
        folder = tmp_path_factory.mktemp(f"host{next(numbers)}")
        command = ["localazure.host", "--app", str(app), "--port", "0", *options]
        process = Process(command, account.variables | settings, folder / "ready.json", folder / "log.txt")
        ready = json.loads((folder / "ready.json").read_text())
        host = Host(process, ready["port"], ready)
        try:
            yield host
        finally:
            host.close()
            process.stop()

    return start


@pytest.fixture(scope="session")
def account(new_host_account: Callable[[], Account]) -> Account:
    """Return the account of the host that most tests share."""
    return new_host_account()


@pytest.fixture(scope="session")
def host(start_host: StartHost, account: Account) -> Iterator[Host]:
    """Start the host that most tests share."""
    with start_host(account) as started:
        yield started


@pytest.fixture
def text() -> str:
    """Return a text that no other test uses."""
    return f"t{time.monotonic_ns()}"
