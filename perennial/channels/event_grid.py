"""Telling through an Event Grid custom topic whose input schema is CloudEvents 1.0."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.messaging import CloudEvent

from perennial.channels.envelope import cloud_event
from perennial.channels.needs import Needs
from perennial.errors import ChannelError
from perennial.model.answers import one_line, wait_of
from perennial.model.notices import Delivery, Subscription

if TYPE_CHECKING:
    from azure.eventgrid import EventGridPublisherClient

CONNECT_SECONDS = 5
READ_SECONDS = 10

# The publisher hands each per-call option to its event model as well, which warns of every one (azure-eventgrid 4.22.1).
NOISE = "azure.eventgrid._legacy._generated._serialization"


class EventGridChannel:
    """Publishes to the installation's topic with the app's own identity (role EventGrid Data Sender)."""

    def __init__(
        self, settings: Needs, credential: Callable[[], TokenCredential], read_seconds: float = READ_SECONDS
    ) -> None:
        self._settings = settings
        self._read_seconds = read_seconds
        self._credential = credential
        self._lock = Lock()
        self._client: EventGridPublisherClient | None = None

    def refuse(self, subscription: Subscription) -> str:
        """Say what is wrong with a subscription for this channel; empty: nothing."""
        if not self._settings.topic:
            return "channel: this installation has no Event Grid topic; set PERENNIAL_TOPIC to the topic's endpoint"
        if subscription.target:
            return "target: leave it out; notices go to the installation's own topic, where subscribers choose what they get"
        if subscription.secret:
            return "secret: leave it out; Event Grid does not sign what it pushes"
        return ""

    def send(self, delivery: Delivery, subscription: Subscription, now: datetime) -> str:
        """Publish once. Raises ChannelError."""
        if not self._settings.topic:
            raise ChannelError("this installation has no Event Grid topic")
        event: CloudEvent[object] = CloudEvent.from_dict(cloud_event(delivery, self._settings.instance))
        try:
            # The sync client drops the options of its constructor, retries among them; those of a call it obeys (4.22.1).
            self._publisher().send(
                event,
                retry_total=0,
                connection_timeout=CONNECT_SECONDS,
                read_timeout=self._read_seconds,
            )
        except ResourceNotFoundError as error:  # the SDK puts a text of its own in the answer's place
            raise ChannelError("404 there is no such topic; PERENNIAL_TOPIC must be the endpoint of one") from error
        except HttpResponseError as error:
            raise _refused(error, now) from error
        except AzureError as error:
            raise ChannelError(one_line(f"the topic was not reached: {error.message}")) from error
        return "200 accepted by the topic"

    def _publisher(self) -> EventGridPublisherClient:
        with self._lock:
            if self._client is None:
                from azure.eventgrid import EventGridPublisherClient

                logging.getLogger(NOISE).setLevel(logging.ERROR)
                self._client = EventGridPublisherClient(self._settings.topic, self._credential())
            return self._client


def _refused(error: HttpResponseError, now: datetime) -> ChannelError:
    status = error.status_code or 0
    headers: Mapping[str, str] = getattr(error.response, "headers", {})  # the type that is declared has none
    wait = wait_of(headers.get("Retry-After", ""), now) or None
    hint = "; the app's identity needs the role EventGrid Data Sender on the topic" if status in (401, 403) else ""
    answer = one_line(f"{status} {error.reason or ''}: {error.message}") + hint
    return ChannelError(answer, throttled=status == 429 or (status == 503 and wait is not None), retry_after=wait)
