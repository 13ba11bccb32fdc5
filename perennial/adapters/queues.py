"""Messages on Azure Queue Storage, as base64 of JSON: what the Functions queue trigger expects."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

import msgspec
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from perennial.errors import BadInput, Unavailable
from perennial.model.messages import Look, Nudge, Queue, Walk

type Message = Look | Nudge | Walk

QUEUES: dict[type[Message], Queue] = {Look: Queue.LOOKS, Nudge: Queue.NOTICES, Walk: Queue.SWEEPS}
WEEK = timedelta(days=7)  # Queue Storage: the longest initial delay


class StorageQueues:
    """The queues of the account; each is made when the service first says that there is none."""

    def __init__(self, open_client: Callable[[Queue], QueueClient]) -> None:
        """Take how to open a client that encodes messages as base64."""
        self._open = open_client
        self._clients: dict[Queue, QueueClient] = {}

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> None:
        """Put a message on its queue."""
        if not timedelta(0) <= delay <= WEEK:
            raise BadInput("delay", f"{delay} is not between nothing and seven days")
        queue = QUEUES[type(message)]
        if queue not in self._clients:
            self._clients[queue] = self._open(queue)
        client, text = self._clients[queue], msgspec.json.encode(message).decode()
        try:
            try:
                _put(client, text, delay)
            except ResourceNotFoundError:
                _make(client)
                _put(client, text, delay)
        except AzureError as error:
            raise Unavailable(f"queue {queue}: {type(error).__name__}: {error}") from error


def _put(client: QueueClient, text: str, delay: timedelta) -> None:
    # Rounded up, so that nobody sees it early; it lives seven days from then.
    hidden = math.ceil(delay.total_seconds())
    client.send_message(text, visibility_timeout=hidden, time_to_live=hidden + int(WEEK.total_seconds()))


def _make(client: QueueClient) -> None:
    try:
        client.create_queue()
    except ResourceExistsError:
        return
