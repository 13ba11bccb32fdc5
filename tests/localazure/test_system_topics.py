"""A vault's events are pushed to a Functions host as Event Grid does it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from localazure.client import LocalAzure, await_until
from localazure.receiver import Listener
from tests.localazure.outside import Outside

POLICY = {"policy": {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=www.example", "validity_months": 12}}}
FUNCTION = "/runtime/webhooks/eventgrid?functionName="


class Receiver:
    """Stands where the Functions host does; answers with the statuses given, then 202."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got.append((self.path, dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of events."""
    listening = Receiver()
    yield listening
    listening.close()


def create(outside: Outside, vault: str, name: str = "www") -> None:
    """Let a vault make a certificate."""
    assert outside.vault("POST", f"{vault}.vault.azure.net", f"/certificates/{name}/create", POLICY).status == 202


def test_a_new_version_reaches_its_function_and_its_companions_reach_nobody(
    azure: LocalAzure, outside: Outside, vault: str, receiver: Receiver
) -> None:
    """The certificate's event is delivered once as a CloudEvent; the key's and the secret's are not subscribed."""
    azure.create_vault(vault, deliver_to=receiver.url)
    create(outside, vault)
    await_until(lambda: azure.events(vault=vault, state="delivered"), 5)
    ((path, headers, body),) = receiver.got
    assert path == f"{FUNCTION}certificate_new_version"
    assert headers["aeg-event-type"] == "Notification"
    assert headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert (body["type"], body["subject"]) == ("Microsoft.KeyVault.CertificateNewVersionCreated", "www")
    states = {event["type"].rpartition(".")[2]: event["state"] for event in azure.events(vault=vault)}
    assert states["KeyNewVersionCreated"] == states["SecretNewVersionCreated"] == "not-subscribed"


def test_the_event_grid_schema_comes_as_an_array(
    azure: LocalAzure, outside: Outside, vault: str, receiver: Receiver
) -> None:
    """A subscription in the other schema gets the other envelope."""
    azure.create_vault(vault, deliver_to=receiver.url, schema="eventgrid")
    create(outside, vault)
    await_until(lambda: receiver.got, 5)
    ((_, headers, body),) = receiver.got
    assert headers["Content-Type"].startswith("application/json")
    assert body[0]["eventType"] == "Microsoft.KeyVault.CertificateNewVersionCreated"


def test_a_failed_delivery_is_repeated_with_the_same_id(
    azure: LocalAzure, outside: Outside, vault: str, receiver: Receiver
) -> None:
    """After a 500 the same event comes again, a hundredth of ten seconds later, with the count of attempts."""
    receiver.answers = [500]
    azure.create_vault(vault, deliver_to=receiver.url)
    create(outside, vault)
    await_until(lambda: azure.events(vault=vault, state="delivered"), 5)
    first, second = receiver.got
    assert first[2] == second[2]
    assert (first[1]["aeg-delivery-count"], second[1]["aeg-delivery-count"]) == ("0", "1")


def test_a_refused_event_is_a_dead_letter(azure: LocalAzure, outside: Outside, vault: str, receiver: Receiver) -> None:
    """A 400 ends the delivery; the record says why."""
    receiver.answers = [400]
    azure.create_vault(vault, deliver_to=receiver.url)
    create(outside, vault)
    await_until(lambda: azure.events(vault=vault, state="dead-lettered"), 5)
    letters = [letter for letter in azure.dead_letters() if letter["source"].endswith(f"/{vault}")]
    assert [letter["lastdeliveryoutcome"] for letter in letters] == ["BadRequest"]
    assert len(receiver.got) == 1


def test_nobody_listening_is_tried_again(azure: LocalAzure, outside: Outside, vault: str, receiver: Receiver) -> None:
    """A host that is down fails the attempt as a socket error, and the event waits."""
    azure.create_vault(vault, deliver_to="http://127.0.0.1:1")
    create(outside, vault)
    await_until(lambda: azure.events(vault=vault, state="waiting"), 5)
    await_until(lambda: azure.events(vault=vault, state="waiting")[0]["deliveries"][0]["attempts"], 5)
    assert azure.events(vault=vault, state="waiting")[0]["deliveries"][0]["attempts"][0]["failure"] == "SocketError"


def test_an_event_can_be_delivered_again(azure: LocalAzure, outside: Outside, vault: str, receiver: Receiver) -> None:
    """Redelivery sends as many copies as asked, each with the id of the first."""
    azure.create_vault(vault, deliver_to=receiver.url)
    create(outside, vault)
    await_until(lambda: azure.events(vault=vault, state="delivered"), 5)
    event = azure.events(vault=vault, state="delivered")[0]
    azure.redeliver(event["id"], copies=10)
    await_until(lambda: len(receiver.got) == 11, 5)
    assert {body["id"] for _, _, body in receiver.got} == {event["id"]}


def test_a_dropped_event_is_lost_until_it_is_redelivered(
    azure: LocalAzure, outside: Outside, vault: str, receiver: Receiver
) -> None:
    """`drop` confined to a vault loses its events, and only its own."""
    azure.create_vault(vault, deliver_to=receiver.url)
    azure.delivery(vault=vault, drop=True)
    create(outside, vault)
    await_until(lambda: azure.events(vault=vault, state="dropped"), 5)
    event = azure.events(vault=vault, state="dropped")[0]
    azure.delivery(vault=vault)
    assert receiver.got == []
    azure.redeliver(event["id"])
    await_until(lambda: receiver.got, 5)


def test_a_vault_without_a_subscriber_sends_nothing(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """Its events are remembered as such."""
    create(outside, vault)
    await_until(lambda: azure.events(vault=vault, state="no-subscriber"), 5)
    with pytest.raises(Exception, match="nobody subscribes"):
        azure.redeliver(azure.events(vault=vault, state="no-subscriber")[0]["id"])
