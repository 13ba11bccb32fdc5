"""Event Grid's system topics: what a vault emits is pushed to the functions that subscribe to it, or left in a storage queue."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import aiohttp

from localazure.deliveries import Deliveries, Delivery, Disorder, PublishedEvent, Subscriber
from localazure.envelope import Json, envelope
from localazure.eventqueues import EventQueues, messages_url
from localazure.keyvault.events import VaultEvent
from localazure.retry import Outcome, RetryPolicy

log = logging.getLogger("localazure.eventgrid")

FUNCTIONS = {  # the subscriptions' includedEventTypes, each with its function
    "Microsoft.KeyVault.CertificateNearExpiry": "certificate_near_expiry",
    "Microsoft.KeyVault.CertificateNewVersionCreated": "certificate_new_version",
    "Microsoft.KeyVault.CertificateExpired": "certificate_expired",
}
AT_ONCE = 64  # deliveries under way at the same time
REMEMBERED = 50_000  # events


class SystemTopics:
    """Takes events from the vaults, delivers them, and remembers what became of each."""

    def __init__(self, clock: Callable[[], datetime], policy: RetryPolicy, queues: EventQueues | None = None) -> None:
        """Take the clock, when to try again, and how a storage queue is reached (None: not at all)."""
        self._clock = clock
        self._policy = policy
        self._queues = queues
        self._deliveries = Deliveries(policy)
        self._subscribers: dict[str, Subscriber | None] = {}
        self._disorders: dict[str | None, Disorder] = {None: Disorder()}
        self._events: dict[str, PublishedEvent] = {}
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Begin to deliver."""
        timeout = aiohttp.ClientTimeout(total=self._policy.late)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop delivering; what waits is forgotten."""
        tasks = [*self._sending, *([self._running] if self._running else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def subscribe(self, vault: str, subscriber: Subscriber | None) -> None:
        """Set where a vault's events go from now on."""
        self._subscribers[vault.lower()] = subscriber

    def subscriber(self, vault: str) -> Subscriber | None:
        """Return where a vault's events go."""
        return self._subscribers.get(vault.lower())

    def disturb(self, vault: str | None, disorder: Disorder) -> dict[str, Disorder]:
        """Set the disorder of one vault's deliveries, or of all others'; return what is in force."""
        self._disorders[vault.lower() if vault else None] = disorder
        return {name or "*": disorder for name, disorder in self._disorders.items()}

    def emit(self, event: VaultEvent) -> None:
        """Publish an event of a vault."""
        now = self._clock()
        vault = event.vault.lower()
        subscriber = self._subscribers.get(vault)
        schema = subscriber.schema if subscriber else "cloudevents"
        event_id = str(uuid.uuid4())
        published = PublishedEvent(event_id, event, now, schema, envelope(event, event_id, now, schema))
        self._events[event_id] = published
        if len(self._events) > REMEMBERED:
            del self._events[next(iter(self._events))]
        if event.type not in FUNCTIONS:
            published.note = "not-subscribed"
        elif subscriber is None:
            published.note = "no-subscriber"
        else:
            disorder = self._disorders.get(vault) or self._disorders[None]
            self._deliveries.add(published, _target(subscriber, event.type), now, disorder)
            self._wake.set()

    def redeliver(self, event_id: str, copies: int) -> PublishedEvent | None:
        """Send further copies of an event now, undisturbed; None if it is unknown or has nobody to go to."""
        published = self._events.get(event_id)
        subscriber = self._subscribers.get(published.event.vault.lower()) if published else None
        if published is None or subscriber is None or published.event.type not in FUNCTIONS:
            return None
        for _ in range(copies):
            self._deliveries.add(published, _target(subscriber, published.event.type), self._clock())
        self._wake.set()
        return published

    def events(self) -> list[PublishedEvent]:
        """Return every remembered event, oldest first."""
        return list(self._events.values())

    def dead_letters(self) -> list[Json]:
        """Return the records of the deliveries that were given up."""
        return self._deliveries.dead_letters

    async def _run(self) -> None:
        """Send what is due, then sleep until the next is, or until something new comes."""
        while True:
            self._wake.clear()
            for delivery in self._deliveries.take_due(self._clock()):
                self._begin(self._send(delivery))
            due = self._deliveries.next_due()
            wait = None if due is None else max(0.0, (due - self._clock()).total_seconds())
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    def _begin[T](self, work: Coroutine[None, None, T]) -> asyncio.Task[T]:
        """Start a task that ends with the whole."""
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def _send(self, delivery: Delivery) -> None:
        """Make one attempt and report it; one that was not answered in time may still be answered late."""
        async with self._slots:
            answer = self._begin(self._attempt(delivery))
            await asyncio.wait({answer}, timeout=self._policy.timeout)
        outcome = answer.result() if answer.done() else Outcome(None, "TimedOut")
        if not outcome.succeeded:
            event = delivery.event.event
            log.warning("%s of %s/%s not delivered: %s", event.type, event.vault, event.name, outcome)
        self._deliveries.report(delivery, outcome, self._clock())
        self._wake.set()
        self._deliveries.report_late(delivery, await answer)

    async def _attempt(self, delivery: Delivery) -> Outcome:
        """Hand an event to its function or its queue."""
        if self._session is None:
            return Outcome(None, "Aborted")
        try:
            if self._queues and self._queues.leads_to(delivery.to):
                return await self._queues.put(self._session, delivery.to, delivery.event.body)
            return await _post(self._session, delivery)
        except TimeoutError:
            return Outcome(None, "TimedOut")
        except aiohttp.ClientError:
            return Outcome(None, "SocketError")


async def _post(session: aiohttp.ClientSession, delivery: Delivery) -> Outcome:
    """POST an event to its function as Event Grid does."""
    event = delivery.event
    cloud = event.schema == "cloudevents"
    headers = {
        "aeg-event-type": "Notification",
        "aeg-subscription-name": FUNCTIONS[event.event.type].upper().replace("_", "-"),
        "aeg-delivery-count": str(len(delivery.attempts)),
        "aeg-data-version": "" if cloud else "1",
        "aeg-metadata-version": "" if cloud else "1",
        "Content-Type": f"application/{'cloudevents+json' if cloud else 'json'}; charset=utf-8",
    }
    body = event.body if cloud else [event.body]  # the Event Grid schema is always an array
    async with session.post(delivery.to, json=body, headers=headers) as answer:
        await answer.read()
        return Outcome(answer.status)


def _target(subscriber: Subscriber, event_type: str) -> str:
    """Return the webhook of the function that takes this type of event, or where the queue takes messages."""
    if subscriber.is_queue:
        return messages_url(subscriber.url)
    return f"{subscriber.url.rstrip('/')}/runtime/webhooks/eventgrid?functionName={FUNCTIONS[event_type]}"
