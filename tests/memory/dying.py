"""A host that dies before or after any effect: ports are wrapped, and the wrapper counts what the ports mark as effects."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from perennial.ports.queue import Queues
from perennial.ports.tables import Table, Tables
from perennial.ports.vault import Vaults
from perennial.workflows.world import World


class Died(BaseException):
    """The process is gone: nothing in the product may catch this."""


@dataclass(slots=True)
class Death:
    """Comes at the effect of this number (from 1), before or after it took place."""

    at: int
    after: bool = False
    effects: int = 0

    def passes(self, *, after: bool) -> None:
        """Note one side of an effect."""
        self.effects += not after
        if self.effects == self.at and self.after is after:
            raise Died


class Mortal:
    """A port that dies with its host."""

    def __init__(self, port: object, protocol: type, death: Death) -> None:
        self._port = port
        self._protocol = protocol
        self._death = death

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if vars(getattr(self._protocol, name, None) or object).get("port") != "effect":
            return method

        def dying(*args: Any, **named: Any) -> Any:
            self._death.passes(after=False)
            answer = method(*args, **named)
            self._death.passes(after=True)
            return answer

        return dying


def mortal(world: World, death: Death) -> World:
    """Return a world whose tables, queues and vaults die together."""
    tables: dict[str, Any] = {
        column.name: Mortal(getattr(world.tables, column.name), Table, death) for column in fields(Tables)
    }
    queues: Any = Mortal(world.queues, Queues, death)
    vaults: Any = Mortal(world.vaults, Vaults, death)
    return replace(world, tables=Tables(**tables), queues=queues, vaults=vaults)
