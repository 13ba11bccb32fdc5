"""The bad days of one renewal: what goes wrong, at which service, and what that may cost."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.channels.receiver import Behaviour, answering

FIREWALL = (
    '{"error": {"code": "Forbidden", "message": "Client address is not authorized and caller is not a trusted service.",'
    ' "innererror": {"code": "ForbiddenByFirewall"}}}'
)
LOST_ROLE = (
    '{"error": {"code": "Forbidden", "message": "Caller is not authorized to perform action on resource.",'
    ' "innererror": {"code": "ForbiddenByRbac"}}}'
)
# Recorded traffic: a token that Key Vault does not take is answered with the challenge.
CHALLENGE = {
    "WWW-Authenticate": 'Bearer authorization="https://login.microsoftonline.com/72f988bf-0000-4000-8000-2d7cd011db47",'
    ' resource="https://vault.azure.net"'
}
GARBLED = '{"id": "https://'

GET = {"service": "keyvault", "method": "GET", "path": "{vault}.vault.azure.net/certificates/{certificate}/"}
CREATE = {"service": "keyvault", "method": "POST", "path": "{vault}.vault.azure.net/certificates/{certificate}/create"}
LIST = {"service": "keyvault", "method": "GET", "path": "{vault}.vault.azure.net/certificates"}
NEXT = "https://{vault}.vault.azure.net/certificates?api-version=2026-04-01&maxresults=25"
INVENTORY = {"service": "storage-table", "path": "*/inventory(PartitionKey='{vault}'*"}
CLAIM = {"service": "storage-table", "path": "*/renewals(PartitionKey='{vault}%3A*", "method": "PUT"}
OUTBOX = {"service": "storage-table", "path": "*/deliveries(PartitionKey='{vault}%3A*", "method": "PUT"}
HISTORY = {"service": "storage-table", "path": "*/history(PartitionKey='{vault}%3A*", "method": "PUT"}
INSERT = {"service": "storage-table", "method": "POST"}
QUERY = {"service": "storage-table", "method": "GET"}
QUEUE = {"service": "storage-queue", "method": "POST"}
TOPIC = {"service": "eventgrid", "method": "POST", "path": "*/api/events"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault at one service. A text with {vault} and {certificate} is filled in."""

    name: str
    fault: Mapping[str, Any] = field(default_factory=dict)  # as the management port takes it
    mood: Behaviour | None = None  # instead: how the webhook answers first
    creates: int = 1  # that are sent to the vault, those that it refuses included
    repeats: int = 0  # of the message, each under the same id
    alone: bool = False  # the fault cannot name its vault: it must have struck before another row goes on
    late: bool = (
        False  # of those: the fault is put in the way of the renewal's second look, which finds the new version
    )


def _row(
    name: str,
    at: Mapping[str, str],
    *,
    alone: bool = False,
    late: bool = False,
    creates: int = 1,
    repeats: int = 0,
    **how: Any,
) -> Row:
    fault = {"times": 1, **at, **how}
    return Row(name=name, fault=fault, alone=alone or late, late=late, creates=creates, repeats=repeats)


def _place(key: str) -> str:
    """Return a key as the table service writes it into a continuation."""
    return b64encode(key.encode()).decode()


VAULT = (
    _row("vault-read-429", GET, status=429, retry_after=1),
    _row("vault-read-429-without-retry-after", GET, status=429),
    _row("vault-read-500", GET, status=500),
    _row("vault-read-503", GET, status=503, retry_after=1),
    _row("vault-read-lost-role", GET, status=403, body=LOST_ROLE),
    _row("vault-read-firewall", GET, status=403, body=FIREWALL),
    _row("vault-read-expired-token", GET, status=401, headers=CHALLENGE),
    _row("vault-read-no-answer", GET, delay=7),
    _row("vault-read-cut", GET, drop=True, times=2),
    _row("vault-read-garbled", GET, status=200, body=GARBLED),
    _row("vault-create-429", CREATE, status=429, retry_after=1, creates=2),
    _row("vault-create-429-without-retry-after", CREATE, status=429, creates=2),
    _row("vault-create-500-done", CREATE, status=500, after_effect=True),
    _row("vault-create-503-done", CREATE, status=503, after_effect=True),
    _row("vault-create-503-not-done", CREATE, status=503, creates=2),
    _row("vault-create-lost-role", CREATE, status=403, body=LOST_ROLE, creates=2),
    _row("vault-create-firewall", CREATE, status=403, body=FIREWALL, creates=2),
    _row("vault-create-expired-token", CREATE, status=401, headers=CHALLENGE, creates=2),
    _row("vault-create-done-no-answer", CREATE, delay=11, after_effect=True),
    _row("vault-create-done-cut", CREATE, drop=True, after_effect=True),
    _row("vault-create-cut", CREATE, drop=True, creates=2),
    _row("vault-create-done-garbled", CREATE, status=202, body=GARBLED, after_effect=True),
    _row("vault-list-429", LIST, status=429, retry_after=1),
    _row("vault-list-firewall", LIST, status=403, body=FIREWALL),
    _row("vault-list-garbled", LIST, status=200, body=GARBLED),
    _row("vault-list-empty-page-with-more", LIST, status=200, body=f'{{"value": [], "nextLink": "{NEXT}"}}'),
    _row(
        "vault-list-refused-continuation",
        LIST,
        status=200,
        body=f'{{"value": [], "nextLink": "{NEXT}&$skiptoken=x"}}',
    ),
    _row(
        "vault-list-more-at-another-host",
        LIST,
        status=200,
        body='{"value": [], "nextLink": "https://x.example/certificates?a"}',
    ),
)

TABLES = (
    _row("tables-read-503-beyond-retries", INVENTORY, method="GET", status=503, times=4),
    _row("tables-read-garbled", INVENTORY, method="GET", status=200, body=GARBLED),
    _row("tables-read-expired-token", INVENTORY, method="GET", status=401),
    _row("tables-write-500-done", INVENTORY, method="PUT", status=500, after_effect=True),
    _row("tables-write-503-beyond-retries", INVENTORY, method="PUT", status=503, times=4),
    _row("tables-write-429", INVENTORY, method="PUT", status=429, retry_after=1),
    _row("tables-write-lost-role", INVENTORY, method="PUT", status=403),
    _row("tables-write-done-cut", INVENTORY, method="PUT", drop=True, after_effect=True),
    _row("tables-claim-insert-500-done", INSERT, path="*/renewals", status=500, after_effect=True, alone=True),
    _row("tables-claim-insert-cut-done", INSERT, path="*/renewals", drop=True, after_effect=True, alone=True),
    _row(
        "tables-claim-insert-garbled-done",
        INSERT,
        path="*/renewals",
        status=201,
        body=GARBLED,
        after_effect=True,
        alone=True,
    ),
    _row("tables-claim-503-done", CLAIM, status=503, after_effect=True),
    _row("tables-claim-503-done-beyond-retries", CLAIM, status=503, after_effect=True, times=4),
    _row("tables-claim-503-not-done-beyond-retries", CLAIM, status=503, times=4),
    _row("tables-claim-firewall", CLAIM, status=403),
    _row("tables-claim-done-cut", CLAIM, drop=True, after_effect=True),
    _row("tables-history-500", HISTORY, status=500, times=4),
    _row("tables-outbox-insert-500-done", INSERT, path="*/deliveries", status=500, after_effect=True, late=True),
    _row("tables-outbox-503-done", OUTBOX, status=503, after_effect=True),
    _row("tables-outbox-lost-role", OUTBOX, status=403),
    _row("tables-subscriptions-garbled", QUERY, path="*/subscriptions()", status=200, body=GARBLED, late=True),
    _row(
        "tables-subscriptions-empty-page-with-more",
        QUERY,
        path="*/subscriptions()",
        status=200,
        body='{"value": []}',
        late=True,
        headers={
            "x-ms-continuation-NextPartitionKey": _place("subscription"),
            "x-ms-continuation-NextRowKey": _place("a"),
        },
    ),
)

QUEUES = (
    _row("queue-429", QUEUE, path="*/notices/messages", status=429, retry_after=1, late=True),
    _row("queue-500-done", QUEUE, path="*/notices/messages", status=500, after_effect=True, late=True),
    _row("queue-503-beyond-retries", QUEUE, path="*/notices/messages", status=503, times=4, late=True),
    _row("queue-firewall", QUEUE, path="*/notices/messages", status=403, late=True),
    _row("queue-done-cut", QUEUE, path="*/notices/messages", drop=True, after_effect=True, late=True),
    _row("queue-door-503", QUEUE, path="*/looks/messages", status=503, times=4, alone=True),
)

TOPICS = (  # the one that goes on by itself is the last
    _row("topic-429-without-retry-after", TOPIC, status=429, late=True),
    _row("topic-500-done", TOPIC, status=500, after_effect=True, late=True, repeats=1),
    _row("topic-503", TOPIC, status=503, late=True),
    _row("topic-lost-role", TOPIC, status=403, late=True),
    _row("topic-expired-token", TOPIC, status=401, late=True),
    _row("topic-done-cut", TOPIC, drop=True, after_effect=True, late=True, repeats=1),
    _row("topic-garbled-done", TOPIC, status=200, body=GARBLED, after_effect=True, late=True, repeats=1),
    _row("topic-429", TOPIC, status=429, retry_after=1, late=True),
)

WEBHOOKS = (
    Row(name="webhook-429", mood=answering("429 Too Many Requests", "Retry-After: 1\r\n"), repeats=1),
    Row(name="webhook-429-without-retry-after", mood=answering("429 Too Many Requests"), repeats=1),
    Row(name="webhook-500-done", mood=answering("500 Internal Server Error"), repeats=1),
    Row(name="webhook-503", mood=answering("503 Service Unavailable", "Retry-After: 1\r\n"), repeats=1),
    Row(name="webhook-403", mood=answering("403 Forbidden"), repeats=1),
    Row(name="webhook-cut", mood=lambda _connection, _stopping: None, repeats=1),
    Row(name="webhook-garbled", mood=lambda connection, _stopping: connection.sendall(b"\x00\xff{"), repeats=1),
)  # fmt: skip
