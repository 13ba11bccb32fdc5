"""The stages that the contract of Vaults is played on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract import local
from tests.contract.stages import Breakable, MemoryStage, SdkStage, Stage

FAKES = {"memory": False, "minted": True}


def _local(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SdkStage:
    azure, vault = request.getfixturevalue("azure"), request.getfixturevalue("vault")
    variables = local.point_at(azure, monkeypatch)
    operator = azure.environment(identity="operator")
    person = local.person(vault, local.app_identity(operator))
    return SdkStage(vault, local.vaults(local.app_identity(variables)), person, azure)


@pytest.fixture(params=[*FAKES, *local.places("VAULT")])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A vault: of the fake, of the local Azure, of live Azure where one is set; what was put into a live one is deleted again."""
    if request.param in FAKES:
        yield MemoryStage.build(real_certificates=FAKES[request.param])
    elif request.param == "live":
        vault, identity = local.LIVE["VAULT"], local.live_identity()
        live = SdkStage(vault, local.vaults(identity), local.person(vault, identity), None)
        yield live
        live.clear()
    else:
        yield _local(request, monkeypatch)


@pytest.fixture(params=["memory", "local"])
def breakable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Breakable:
    """A vault whose service can be broken; nobody breaks a live one."""
    return MemoryStage.build(real_certificates=False) if request.param == "memory" else _local(request, monkeypatch)
