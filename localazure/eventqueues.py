"""Event Grid's delivery to a storage queue, where it may not push (Event Grid: "Storage queue as an event handler").

Each event is one message: the event alone, also in the Event Grid schema, base64-encoded, as messages on real queues were seen to be.
"""

from __future__ import annotations

import base64
import json
import ssl

import aiohttp

from localazure.envelope import Json
from localazure.retry import Outcome
from localazure.tokens import Tokens

IDENTITY = "event-grid"  # the system-assigned identity of every topic; storage checks no roles
AUDIENCE = "https://storage.azure.com"
API_VERSION = "2021-12-02"
MESSAGES = "/messages"  # Queue service REST: Put Message is POST /QUEUE/messages


def messages_url(queue: str) -> str:
    """Return where a queue takes messages."""
    return f"{queue.rstrip('/')}{MESSAGES}"


class EventQueues:
    """Puts events into storage queues, with the identity of the topic."""

    def __init__(self, tokens: Tokens, context: ssl.SSLContext) -> None:
        """Take what issues tokens, and a context that trusts the storage's certificate."""
        self._tokens = tokens
        self._context = context

    @staticmethod
    def leads_to(url: str) -> bool:
        """Tell whether a delivery goes to a queue."""
        return url.endswith(MESSAGES)

    async def put(self, session: aiohttp.ClientSession, url: str, event: Json) -> Outcome:
        """Put one event. Raises what the session raises when nobody answers."""
        token, _ = self._tokens.issue(self._tokens.identity(IDENTITY), AUDIENCE)
        text = base64.b64encode(json.dumps(event).encode()).decode()
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/xml",
            "x-ms-version": API_VERSION,
        }
        body = f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>"
        async with session.post(url, data=body, headers=headers, ssl=self._context) as answer:
            await answer.read()
            return Outcome(answer.status)
