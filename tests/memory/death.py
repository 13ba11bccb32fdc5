"""A process that dies at a numbered effect: a wrapper before every port, which from then on refuses every call.

Death is a BaseException, and the dead make no more calls, so that no `finally` tidies up what a dead process could not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, cast

from perennial.ports.channel import Channel
from perennial.ports.queue import Queues
from perennial.ports.tables import Table, Tables
from perennial.ports.vault import Vaults
from perennial.workflows.world import World


class Death(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class Reaper:
    """Counts effects, and takes the process at the n-th: before it, or after it took place. n = 0 only counts."""

    at: int = 0
    after: bool = False
    effects: list[str] = field(default_factory=list)
    dead: bool = False
    died: int = 0

    def revive(self) -> None:
        """Start a new process; this reaper strikes once."""
        self.dead = False

    def around(self, world: World) -> World:
        """Return a world each of whose ports is watched."""
        tables = {one.name: self._watch(getattr(world.tables, one.name), Table, one.name) for one in fields(Tables)}
        return replace(
            world,
            tables=Tables(**tables),
            vaults=cast("Vaults", self._watch(world.vaults, Vaults, "vault")),
            queues=cast("Queues", self._watch(world.queues, Queues, "queue")),
            channels={n: cast("Channel", self._watch(one, Channel, n)) for n, one in world.channels.items()},
        )

    def _watch(self, port: object, protocol: type, name: str) -> Any:
        return Watched(self.call, port, protocol, name)

    def call(self, name: str, *, effect: bool, act: Callable[[], Any]) -> Any:
        """Make a call, unless dead, or about to die."""
        if self.dead:
            raise Death
        if not effect:
            return act()
        self.effects.append(name)
        strikes = len(self.effects) == self.at
        if strikes and not self.after:
            self._die()
        result = act()
        if strikes:
            self._die()
        return result

    def _die(self) -> None:
        self.dead = True
        self.died += 1
        raise Death


class Caller(Protocol):
    """Makes a call, or lets the process die of it."""

    def __call__(self, name: str, *, effect: bool, act: Callable[[], Any]) -> Any:
        """Make a call."""


class Watched:
    """A port whose every marked method is called through a reaper."""

    def __init__(self, caller: Caller, port: object, protocol: type, name: str) -> None:
        self._parts = (caller, port, protocol, name)

    def __getattr__(self, method: str) -> Any:
        caller, port, protocol, name = self._parts
        inner = getattr(port, method)
        mark = getattr(getattr(protocol, method, None), "port", None)
        if mark is None:
            return inner

        def call(*args: Any, **keywords: Any) -> Any:
            """Make the call through the reaper."""
            return caller(f"{name}.{method}", effect=mark == "effect", act=lambda: inner(*args, **keywords))

        return call
