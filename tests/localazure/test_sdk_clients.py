"""Azure's own clients work in a process that has nothing but the environment variables."""

from __future__ import annotations

import subprocess
import sys

import pytest

from localazure.client import LocalAzure
from tests.localazure.outside import run_client

CREDENTIAL = """
import json, os
from azure.identity import ManagedIdentityCredential
credential = ManagedIdentityCredential(client_id=os.environ["AZURE_CLIENT_ID"])
"""

TABLES = """
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError
from azure.data.tables import TableServiceClient, TableTransactionError, UpdateMode
table = TableServiceClient(os.environ["PERENNIAL_TABLES"], credential=credential).create_table("things")
rows = [{"PartitionKey": "p", "RowKey": f"{n:03}", "n": n} for n in range(100)]
table.submit_transaction([("create", row) for row in rows])
found = {"rows": len(list(table.query_entities("PartitionKey eq 'p' and RowKey lt '050'")))}
try:
    table.create_entity(rows[0])
except ResourceExistsError as error:
    found["insert"] = error.status_code
try:
    table.submit_transaction([("create", {"PartitionKey": "p", "RowKey": "new"}), ("create", rows[5])])
except TableTransactionError as error:
    found["batch"] = [error.status_code, error.index]
found["rolled back"] = not list(table.query_entities("PartitionKey eq 'p' and RowKey eq 'new'"))
stale = table.get_entity("p", "001")
table.update_entity({"PartitionKey": "p", "RowKey": "001", "n": 7}, mode=UpdateMode.MERGE)
try:
    table.update_entity(
        stale, mode=UpdateMode.REPLACE, etag=stale.metadata["etag"], match_condition=MatchConditions.IfNotModified
    )
except ResourceModifiedError as error:
    found["stale"] = error.status_code
print(json.dumps(found))
"""

QUEUES = """
from azure.storage.queue import QueueClient
queue = QueueClient(os.environ["PERENNIAL_QUEUES"], "looks", credential=credential)
queue.create_queue()
queue.send_message("now")
queue.send_message("later", visibility_timeout=3600)
message = queue.receive_message(visibility_timeout=30)
queue.delete_message(message)
print(json.dumps([message.content, message.dequeue_count, queue.receive_message() is None]))
"""

TOPIC = """
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridPublisherClient
client = EventGridPublisherClient(os.environ["PERENNIAL_TOPIC"], credential)
client.send([CloudEvent("/perennial", "Perennial.Test", id="n1", data={"a": 1}), CloudEvent("/perennial", "Perennial.Test")])
print("[]")
"""

VAULT = """
from azure.keyvault.certificates import CertificateClient, CertificatePolicy
client = CertificateClient(f"https://{os.environ['VAULT']}.vault.azure.net", credential)
policy = CertificatePolicy("Self", subject="CN=www.example", san_dns_names=["www.example"])
made = client.begin_create_certificate("www", policy, _polling_interval=0).result()
print(json.dumps([made.name, client.get_certificate("www").properties.version == made.properties.version]))
"""


def test_tables_work_with_the_apps_identity(azure: LocalAzure, account: str) -> None:
    """Transactions, conflicts, stale ETags and key ranges behave as in Azure."""
    found = run_client(azure.environment(account=account), CREDENTIAL + TABLES)
    assert found == {"rows": 50, "insert": 409, "batch": [409, 1], "rolled back": True, "stale": 412}


def test_queues_work_with_the_apps_identity(azure: LocalAzure, account: str) -> None:
    """A message comes back as it was sent; a delayed one is not seen yet."""
    assert run_client(azure.environment(account=account), CREDENTIAL + QUEUES) == ["now", 1, True]


def test_a_custom_topics_subscriber_gets_what_was_published(azure: LocalAzure) -> None:
    """CloudEvents arrive whole, in the topic that was meant and in no other."""
    run_client(azure.environment(topic="sdk-topic"), CREDENTIAL + TOPIC)
    events = azure.topic("sdk-topic")
    assert [event["type"] for event in events] == ["Perennial.Test"] * 2
    assert (events[0]["id"], events[0]["data"]) == ("n1", {"a": 1})
    assert azure.topic("another-topic") == []


@pytest.mark.parametrize("identity", ["operator", "perennial"])
def test_a_vault_makes_a_certificate_for_who_may(azure: LocalAzure, vault: str, identity: str) -> None:
    """The ordinary client creates and reads, by the vault's Azure name, with the challenge verified."""
    environment = azure.environment(identity=identity, settings={"VAULT": vault})
    assert run_client(environment, CREDENTIAL + VAULT) == ["www", True]


def test_an_identity_without_the_right_is_refused(azure: LocalAzure, vault: str) -> None:
    """An identity that may only read is told so by 403 when it creates."""
    azure.grant("reader", ["Microsoft.KeyVault/vaults/certificates/read"])
    environment = azure.environment(identity="reader", settings={"VAULT": vault})
    with pytest.raises(AssertionError, match="Forbidden"):
        run_client(environment, CREDENTIAL + VAULT)
    assert {
        one["status"] for one in azure.requests("keyvault", host=f"{vault}.vault.azure.net", authenticated=True)
    } == {403}


def test_without_the_proxy_there_is_no_azure(azure: LocalAzure, vault: str) -> None:
    """The same client without HTTPS_PROXY reaches no vault: nothing but the environment leads here."""
    environment = azure.environment(identity="operator", settings={"VAULT": vault, "HTTPS_PROXY": "http://127.0.0.1:1"})
    script = CREDENTIAL + VAULT.replace("credential)", "credential, retry_total=0)")
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "ServiceRequestError" in done.stderr
