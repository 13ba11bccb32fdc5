"""A door's way to the queue `looks`: the output binding of its invocation. Imports no SDK, since doors must wake fast."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perennial.model.messages import Look


class BindingIntake:
    """Writes JSON; the binding encodes it as base64 and is flushed when the invocation ends well.

    A binding holds one value, so several looks become one JSON array, which the host splits into messages.
    """

    def __init__(self, put: Callable[[str], None]) -> None:
        """Take the binding's setter."""
        self._put = put
        self._looks: list[Look] = []

    def put(self, message: Look) -> None:
        """Queue a look beside those that were put before."""
        self._looks.append(message)
        one = self._looks[0] if len(self._looks) == 1 else self._looks
        self._put(msgspec.json.encode(one).decode())
