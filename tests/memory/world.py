"""A world whose every port is in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypedDict, Unpack

from perennial.issuers.vault import ByVault
from perennial.model.mode import Mode
from perennial.ports.channel import Channel
from perennial.ports.issuer import Issuer
from perennial.ports.queue import Queues
from perennial.ports.tables import Tables
from perennial.ports.vault import Vaults
from perennial.settings import Settings
from perennial.workflows.places import Places
from perennial.workflows.world import World
from tests.memory.channel import MemoryChannel
from tests.memory.queue import MemoryQueues
from tests.memory.tables import memory_tables
from tests.memory.vault import MemoryVaults

SETTINGS = Settings(
    vaults={"kv-orders": Mode.RENEW, "kv-watched": Mode.OBSERVE},
    tables="https://tables.example",
    queues="https://queues.example",
    topic="https://topic.example/api/events",
)


class Overrides(TypedDict, total=False):
    """What a test may put in place of the memory's own."""

    settings: Settings
    tables: Tables
    vaults: Vaults
    queues: Queues
    channels: dict[str, Channel]
    issuers: dict[str, Issuer]
    places: Places


def make_world(now: datetime, **overrides: Unpack[Overrides]) -> World:
    """Return a world at an instant. Its vaults exist and are empty; their clock stands still unless a test gives its own."""
    settings = overrides.get("settings", SETTINGS)
    if "vaults" not in overrides:
        memory = MemoryVaults(lambda: now)
        for vault in settings.vaults:
            memory.add_vault(vault)
        overrides["vaults"] = memory
    made = World(
        now=now,
        settings=settings,
        tables=memory_tables(),
        vaults=overrides["vaults"],
        queues=MemoryQueues(),
        channels={"memory": MemoryChannel()},
        issuers={"vault": ByVault(overrides["vaults"], settings.instance)},
    )
    return replace(made, **overrides)
