"""How a dependent service is told: a channel is one file here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from perennial.channels.needs import Needs
from perennial.ports.channel import Channel

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

type Credential = Callable[[], TokenCredential]
"""Gives the app's identity when it is first needed."""


def _event_grid(settings: Needs, credential: Credential, _: Mapping[str, str]) -> Channel:
    from perennial.channels.event_grid import EventGridChannel

    return EventGridChannel(settings, credential)


def _webhook(settings: Needs, _: Credential, environ: Mapping[str, str]) -> Channel:
    from perennial.channels.webhook import WebhookChannel

    return WebhookChannel(settings, environ)


type Maker = Callable[[Needs, Credential, Mapping[str, str]], Channel]

CHANNELS: Mapping[str, Maker] = {
    "event-grid": _event_grid,
    "webhook": _webhook,
}


class Channels(Mapping[str, Channel]):
    """Every channel by its name, each made when it is first asked for: most invocations tell nobody."""

    def __init__(self, makers: Mapping[str, Callable[[], Channel]]) -> None:
        self._makers = makers
        self._made: dict[str, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        # Two threads may make one each; setdefault lets the first stand, and neither has opened anything yet.
        if name not in self._made:
            self._made.setdefault(name, self._makers[name]())
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def build(settings: Needs, credential: Credential, environ: Mapping[str, str]) -> Mapping[str, Channel]:
    """Return the channels of an installation; none opens a connection, asks for a token or reads a secret before its first notice."""
    return Channels({name: _made_by(make, settings, credential, environ) for name, make in CHANNELS.items()})


def _made_by(make: Maker, settings: Needs, credential: Credential, environ: Mapping[str, str]) -> Callable[[], Channel]:
    return lambda: make(settings, credential, environ)
