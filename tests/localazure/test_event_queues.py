"""A vault's events are put into a storage queue as Event Grid does it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from localazure.client import LocalAzure, LocalAzureError, await_until
from localazure.operator import OperatorCredential
from tests.localazure.outside import Outside

POLICY = {"policy": {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=www.example", "validity_months": 12}}}
QUEUE = "vault-events"


def create(outside: Outside, vault: str) -> None:
    """Let a vault make a certificate."""
    assert outside.vault("POST", f"{vault}.vault.azure.net", "/certificates/www/create", POLICY).status == 202


def address(azure: LocalAzure, account: str) -> str:
    """Return the URL of a queue."""
    return f"{azure.environment(account=account)['PERENNIAL_QUEUES']}/{QUEUE}"


def make_queue(azure: LocalAzure, account: str) -> QueueClient:
    """Make the queue."""
    endpoint = azure.environment(account=account)["PERENNIAL_QUEUES"]
    credential = OperatorCredential(azure)
    client = QueueClient(
        endpoint, QUEUE, credential=credential, connection_verify=azure.ready.ca, use_env_settings=False
    )
    client.create_queue()
    return client


def messages(client: QueueClient) -> list[Any]:
    """Return what the messages say, as the Functions host reads them."""
    texts = [str(message.content) for message in client.peek_messages(32)]
    return [json.loads(base64.b64decode(text, validate=True)) for text in texts]


@pytest.mark.parametrize("schema", ["cloudevents", "eventgrid"])
def test_a_new_version_is_one_message(
    azure: LocalAzure, outside: Outside, vault: str, account: str, schema: str
) -> None:
    """It is the event alone, in base64, in either schema; the key's and the secret's events are not subscribed."""
    with make_queue(azure, account) as queue:
        azure.create_vault(vault, queue=address(azure, account), schema=schema)
        create(outside, vault)
        await_until(lambda: azure.events(vault=vault, state="delivered"), 5)
        (event,) = messages(queue)
    kind = event["type" if schema == "cloudevents" else "eventType"]
    assert (kind, event["subject"]) == ("Microsoft.KeyVault.CertificateNewVersionCreated", "www")
    (delivery,) = azure.events(vault=vault, state="delivered")[0]["deliveries"]
    assert delivery["to"] == f"{address(azure, account)}/messages"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [201]


def test_it_comes_with_the_identity_of_the_topic(azure: LocalAzure, outside: Outside, vault: str, account: str) -> None:
    """Not with a key, and not with that of the app."""
    with make_queue(azure, account):
        azure.create_vault(vault, queue=address(azure, account))
        create(outside, vault)
        await_until(lambda: azure.events(vault=vault, state="delivered"), 5)
    put = [one for one in azure.requests("storage-queue") if one["path"] == f"/{account}/{QUEUE}/messages"]
    assert [one["identity"] for one in put if one["method"] == "POST"] == ["event-grid"]


def test_a_queue_that_is_not_there_is_tried_again(
    azure: LocalAzure, outside: Outside, vault: str, account: str
) -> None:
    """Event Grid makes no queue; the event waits for it."""
    azure.create_vault(vault, queue=address(azure, account))
    create(outside, vault)
    await_until(lambda: [one for one in azure.events(vault=vault, state="waiting") if _tries(one)], 5)
    (event,) = azure.events(vault=vault, state="waiting")
    assert _tries(event)[0]["status"] == 404
    with make_queue(azure, account) as queue:
        await_until(lambda: azure.events(vault=vault, state="delivered"), 20)
        assert [one["id"] for one in messages(queue)] == [event["id"]]


def test_a_storage_that_is_down_is_tried_again(azure: LocalAzure, outside: Outside, vault: str, account: str) -> None:
    """A 500 fails the attempt, and the next one leaves one message."""
    with make_queue(azure, account) as queue:
        azure.fault("storage-queue", method="POST", path=f"/{account}/{QUEUE}/messages", status=500, times=1)
        azure.create_vault(vault, queue=address(azure, account))
        create(outside, vault)
        await_until(lambda: azure.events(vault=vault, state="delivered"), 5)
        assert len(messages(queue)) == 1
    (event,) = azure.events(vault=vault, state="delivered")
    assert [attempt["status"] for attempt in _tries(event)] == [500, 201]


def test_copies_have_one_id(azure: LocalAzure, outside: Outside, vault: str, account: str) -> None:
    """A duplicate is the same event in a message of its own."""
    with make_queue(azure, account) as queue:
        azure.delivery(vault=vault, duplicate=2)
        azure.create_vault(vault, queue=address(azure, account))
        create(outside, vault)
        await_until(lambda: len(messages(queue)) == 3, 5)
        assert len({one["id"] for one in messages(queue)}) == 1
    azure.delivery(vault=vault)


def test_a_vault_has_one_way_for_its_events(azure: LocalAzure, vault: str) -> None:
    """A host and a queue at once are refused, with the field."""
    with pytest.raises(LocalAzureError, match=r"400 .*queue"):
        azure.create_vault(vault, deliver_to="http://127.0.0.1:1", queue="https://127.0.0.1:1/st/q")


def _tries(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [attempt for delivery in event["deliveries"] for attempt in delivery["attempts"]]
