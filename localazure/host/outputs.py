"""The queue output binding: what a function returns or sets becomes messages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from localazure.host.functions import QueueOutput
from localazure.host.protos import Message
from localazure.host.storage import Storage, send_creating_queue

MESSAGE_LIMIT = 64 * 1024  # bytes after encoding (Queue service limits)


class OutputFailed(Exception):
    """A value cannot be sent; the invocation fails with this text."""


class QueueOutputs:
    """Sends outputs, then wakes this host's own listener of that queue, as the extension's queue watcher does."""

    def __init__(self, storage: Storage, notify: Callable[[QueueOutput], None], *, use_base64: bool) -> None:
        self._storage = storage
        self._notify = notify
        self._use_base64 = use_base64

    async def send(self, output: QueueOutput, value: Message) -> None:
        """Send a value as one message, or one for each element of a JSON array. Raises OutputFailed or AzureError."""
        client = self._storage.queue(output.connection, output.queue)
        for payload in split_messages(value):
            text = base64.b64encode(payload).decode() if self._use_base64 else payload.decode("utf-8")
            if len(text) > MESSAGE_LIMIT:
                raise OutputFailed(f"a message of {len(text)} bytes is too large for the queue {output.queue}")
            await send_creating_queue(client, text)
        self._notify(output)


def split_messages(value: Message) -> list[bytes]:
    """Return the messages that a value is: text that is a JSON array is split, whether it came as text or as JSON.

    The real host also rewrites the white space of JSON objects; here their text stays as it is.
    """
    if value.bytes is not None:
        return [value.bytes]
    text = next(each for each in (value.string, value.json, value.int, value.double) if each is not None)
    stripped = str(text).strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        return [str(text).encode()]
    try:
        elements = json.loads(stripped)
    except ValueError as malformed:
        raise OutputFailed(f"an output looks like a JSON array and is none: {malformed}") from malformed
    return [
        (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False, separators=(",", ":"))).encode()
        for each in elements
    ]
