"""All that a workflow may touch, handed to it whole: the ports, the settings, and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from perennial.ports.channel import Channel
from perennial.ports.issuer import Issuer
from perennial.ports.queue import Queues
from perennial.ports.tables import Tables
from perennial.ports.vault import Vaults
from perennial.settings import Settings
from perennial.workflows.places import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One invocation's view of everything outside; made anew for each by wiring."""

    now: datetime  # aware UTC, whole seconds; the same throughout one unit of work
    settings: Settings
    tables: Tables
    vaults: Vaults
    queues: Queues
    channels: Mapping[str, Channel]
    issuers: Mapping[str, Issuer]  # "vault", and one per authority by its name
    outlived: Callable[[], bool] = lambda: (
        False
    )  # has this invocation outlived functionTimeout? Then its leases protect nobody
    places: Places = field(default_factory=Places)  # the process's
