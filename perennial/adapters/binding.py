"""A door's way to the queue `looks`: the output binding of its invocation. Imports no SDK, since doors must wake fast."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from perennial.errors import BadInput
from perennial.model.messages import Look


class BindingIntake:
    """Writes JSON; the binding encodes it as base64 and is flushed when the invocation ends well."""

    def __init__(self, put: Callable[[str], None]) -> None:
        """Take the binding's setter."""
        self._put = put
        self._used = False

    def put(self, message: Look) -> None:
        """Queue a look; a second one would replace the first, so it is refused."""
        if self._used:
            raise BadInput("message", "one invocation queues one look")
        self._used = True
        self._put(msgspec.json.encode(message).decode())
