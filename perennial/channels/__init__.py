"""How a dependent service is told: a channel is one file here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from perennial.channels.needs import Needs
from perennial.ports.channel import Channel

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

type Credential = Callable[[], TokenCredential]
"""Gives the app's identity when it is first needed."""


def _event_grid(settings: Needs, credential: Credential, _: Mapping[str, str]) -> Channel:
    from perennial.channels.event_grid import EventGridChannel  # noqa: PLC0415 - a cold start does not load Azure's SDK

    return EventGridChannel(settings, credential)


def _webhook(settings: Needs, _: Credential, environ: Mapping[str, str]) -> Channel:
    from perennial.channels.webhook import WebhookChannel  # noqa: PLC0415 - loads TLS and the resolver

    return WebhookChannel(settings, environ)


CHANNELS: Mapping[str, Callable[[Needs, Credential, Mapping[str, str]], Channel]] = {
    "event-grid": _event_grid,
    "webhook": _webhook,
}


def build(settings: Needs, credential: Credential, environ: Mapping[str, str]) -> Mapping[str, Channel]:
    """Return every channel by its name; none opens a connection or asks for a token before its first notice."""
    return {name: make(settings, credential, environ) for name, make in CHANNELS.items()}
