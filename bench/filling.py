"""Filling tables fast: a transaction that the SDK sent once is sent again, word for word, for other partitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3
from azure.core.rest import HttpRequest
from azure.data.tables import TableClient

from perennial.adapters.codec import to_entity
from perennial.ports.tables import TableSpec

BATCH = 100  # operations in one transaction of Table Storage
TOLD_EVERY = 10.0  # seconds between two words on how far it is


class RefusedError(Exception):
    """A transaction was not taken."""


def fill[T](table: TableClient, spec: TableSpec[T], rows: Iterable[T]) -> None:
    """Write rows of one partition."""
    operations = [("upsert", to_entity(row, spec.key(row))) for row in rows]
    for start in range(0, len(operations), BATCH):
        table.submit_transaction(operations[start : start + BATCH])


class Repeater:
    """A transaction that was sent, ready to be sent for others: building its text anew is what filling a table takes longest for."""

    def __init__(self, request: HttpRequest, words: Sequence[str], ca: str) -> None:
        """Take the request, the words in it that stand for the partition, and whom to trust."""
        self._url = request.url
        self._headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        content: Any = request.content
        self._body = content if isinstance(content, bytes) else str(content).encode()
        self._words = [word.encode() for word in words]
        self._http = urllib3.PoolManager(retries=False, maxsize=16, ca_certs=ca, timeout=60)

    @classmethod
    def of[T](
        cls, table: TableClient, spec: TableSpec[T], rows: Sequence[T], words: Sequence[str], ca: str
    ) -> Repeater:
        """Send rows of one partition, at most a hundred, and keep what was sent."""
        sent: list[HttpRequest] = []
        operations = [("upsert", to_entity(row, spec.key(row))) for row in rows]
        table.submit_transaction(operations, raw_response_hook=lambda answer: sent.append(answer.http_request))
        return cls(sent[-1], words, ca)

    def send(self, words: Sequence[str]) -> None:
        """Send it with other words, as long as those that it has. Raises RefusedError."""
        body = self._body
        for old, new in zip(self._words, words, strict=True):
            body = body.replace(old, new.encode())
        answer = self._http.request("POST", self._url, body=body, headers=self._headers)
        if answer.status != 202 or answer.data.count(b"HTTP/1.1 204") == 0:
            raise RefusedError(f"{answer.status}: {answer.data[:300]!r}")

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()


def repeated(
    repeater: Repeater,
    partitions: Sequence[Sequence[str]],
    seconds: float,
    say: Callable[[str], None],
    writers: int = 2,
) -> int:
    """Send for each of these partitions, as long as time allows; return for how many it was sent."""
    until, told, sent = time.monotonic() + seconds, time.monotonic(), 0

    def send(words: Sequence[str]) -> int:
        if time.monotonic() > until:
            return 0
        repeater.send(words)
        return 1

    with ThreadPoolExecutor(writers) as pool:
        for one in pool.map(send, partitions):
            sent += one
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                say(f"    {sent:,} of {len(partitions):,} partitions filled")
    return sent
