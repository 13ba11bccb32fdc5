"""What channels need to know of the settings."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Protocol


class Needs(Protocol):
    """The part of the settings that a channel may see; perennial.settings.Settings has it."""

    @property
    def instance(self) -> str:
        """The installation's name, in the source of every event."""

    @property
    def topic(self) -> str:
        """The Event Grid topic's endpoint; empty: none."""

    @property
    def webhook_ranges(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The private ranges that webhooks may reach."""
