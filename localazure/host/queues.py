"""The queue trigger: poll, lease, run, then delete, release or move to the poison queue."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from contextlib import suppress
from datetime import datetime

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from localazure.host.functions import Function, QueueTrigger
from localazure.host.hostjson import QueueOptions
from localazure.host.invocations import Invocations
from localazure.host.protos import Message, TypedData
from localazure.host.storage import Storage, send_creating_queue

logger = logging.getLogger("localazure.host")

POISON = "-poison"
FIRST_POLL = 0.1  # seconds; doubles while the queue is empty
LEASE = 600  # seconds a message is hidden while it is worked on; renewed at half


class QueueListener:
    """Feeds one function from one queue."""

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        storage: Storage,
        invocations: Invocations,
        options: QueueOptions,
        *,
        lease: int = LEASE,
    ) -> None:
        self.trigger = trigger
        self._function = function
        self._queue = storage.queue(trigger.connection, trigger.queue)
        self._poison: QueueClient | None = None
        if not trigger.queue.endswith(POISON):  # a poison queue has none of its own
            self._poison = storage.queue(trigger.connection, trigger.queue + POISON)
        self._invocations = invocations
        self._options = options
        self._lease = lease
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Poll until stopped. What was fetched goes on running; see `drain`."""
        interval = FIRST_POLL
        while not self._stopping:
            if len(self._tasks) > self._options.new_batch_threshold:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                continue
            messages = await self._fetch()
            if messages:
                interval = FIRST_POLL
                continue
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), interval)
                interval = FIRST_POLL
            except TimeoutError:
                interval = min(interval * 2, self._options.max_polling_interval)

    def wake(self) -> None:
        """Poll now: this host has just sent to the queue."""
        self._wake.set()

    def stop(self) -> None:
        """Fetch no more."""
        self._stopping = True
        self._wake.set()

    async def drain(self, seconds: float) -> None:
        """Wait for the messages being worked on, their deletion included, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _fetch(self) -> int:
        """Start a task for each message of one request, and return how many there were."""
        size = self._options.batch_size
        count = 0
        try:
            pages = self._queue.receive_messages(messages_per_page=size, visibility_timeout=self._lease).by_page()
            async for message in await anext(pages):
                count += 1
                task = asyncio.create_task(self._release(message) if self._stopping else self._process(message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (StopAsyncIteration, ResourceNotFoundError):
            pass  # empty, or not made yet: whoever sends first makes it
        except AzureError as broken:
            logger.warning("queue %s cannot be read: %s", self.trigger.queue, _one_line(broken))
        return count

    async def _process(self, message: QueueMessage) -> None:
        """See one message through; storage errors are logged and the lease decides when it comes back."""
        try:
            await self._run_message(message)
        except AzureError as broken:
            logger.warning("message %s of %s: %s", message.id, self.trigger.queue, _one_line(broken))

    async def _run_message(self, message: QueueMessage) -> None:
        count = message.dequeue_count or 1
        if count > self._options.max_dequeue_count:  # a host died in the last attempt
            await self._move_to_poison(message)
            return
        value = self._decode(message.content)
        if value is None:
            logger.warning("message %s of %s is not base64", message.id, self.trigger.queue)
            await self._move_to_poison(message)
            return
        done = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, done))
        result = await self._invocations.run(self._function, value, _metadata(message, value))
        done.set()
        await renewal  # never cancelled: the pop receipt of a renewal under way is needed below
        if result.failure is None:
            await self._queue.delete_message(message)
        elif self._poison is not None and count >= self._options.max_dequeue_count:
            await self._move_to_poison(message)
        elif self._poison is not None:
            await self._release(message, self._options.visibility_timeout)
        # Without a poison queue a failed message stays hidden for the rest of its lease, lest it loop fast.

    async def _renew(self, message: QueueMessage, done: asyncio.Event) -> None:
        """Keep the message hidden while it is worked on; the pop receipt changes with each renewal."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), self._lease / 2)
            if done.is_set():
                return
            try:
                await self._release(message, self._lease)
            except AzureError as lost:
                logger.warning("lease of %s in %s not renewed: %s", message.id, self.trigger.queue, _one_line(lost))

    async def _release(self, message: QueueMessage, seconds: float = 0) -> None:
        """Let the message be seen again after so many seconds (whole ones: the service knows no others)."""
        updated = await self._queue.update_message(message, visibility_timeout=round(seconds))
        message.pop_receipt = updated.pop_receipt

    async def _move_to_poison(self, message: QueueMessage) -> None:
        """Copy the text as it is and delete the message; nothing if there is no poison queue."""
        if self._poison is None:
            return
        logger.warning("message %s of %s goes to %s", message.id, self.trigger.queue, self.trigger.queue + POISON)
        await send_creating_queue(self._poison, message.content)
        await self._queue.delete_message(message)

    def _decode(self, text: str) -> Message | None:
        """Return the value the worker gets, or None if the text is not of the encoding that host.json names."""
        try:
            payload = base64.b64decode(text, validate=True) if self._options.base64 else text.encode()
            return TypedData(bytes=payload) if self.trigger.binary else TypedData(string=payload.decode("utf-8"))
        except (binascii.Error, ValueError):
            return None


def _metadata(message: QueueMessage, value: Message) -> dict[str, Message]:
    """Return the trigger metadata that the host sends: text as it is, all else as JSON."""
    return {
        "QueueTrigger": value,
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": TypedData(json=json.dumps(message.dequeue_count)),
        "InsertionTime": TypedData(json=_json_time(message.inserted_on)),
        "ExpirationTime": TypedData(json=_json_time(message.expires_on)),
        "NextVisibleTime": TypedData(json=_json_time(message.next_visible_on)),
    }


def _json_time(instant: datetime | None) -> str:
    """Return an instant as .NET writes a DateTimeOffset in JSON."""
    return json.dumps(instant.strftime("%Y-%m-%dT%H:%M:%S+00:00") if instant else None)


def _one_line(error: AzureError) -> str:
    """Return the first line of an error, which has the code; the rest repeats the response."""
    return str(error).strip().split("\n", 1)[0]
