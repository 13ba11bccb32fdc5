"""How a dependent service is told."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from perennial.model.notices import Delivery, Subscription
from perennial.ports import effect, look


class Channel(Protocol):
    """One way to tell. An attempt ends within 30 seconds, which is shorter than a delivery's lease."""

    @look
    def refuse(self, subscription: Subscription) -> str:
        """Say what is wrong with a subscription for this channel (target, secret), naming the field and the fix; empty: nothing."""

    @effect
    def send(self, delivery: Delivery, subscription: Subscription, now: datetime) -> str:
        """Deliver once, under the notice's id; return what the other side said, in one line. Raises ChannelError."""
