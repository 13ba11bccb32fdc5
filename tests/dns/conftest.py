"""Azure DNS zones for tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from localazure.client import LocalAzure
from tests.dns.arm_stage import Stage
from tests.dns.places import azure_tools

SERIAL = itertools.count(1)


@pytest.fixture
def stage(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A new zone."""
    name = f"arm-{next(SERIAL)}.test"
    azure.dns.zone(name)
    yield Stage(azure, azure_tools(azure, monkeypatch), name)
    azure.clear_faults()
    azure.dns.remove(name)
