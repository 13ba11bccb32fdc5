"""Receiving an event: one message for what is ours, one log line for everything."""

from __future__ import annotations

import json
import logging

import pytest

from perennial.model.certificate import CertificateRef
from perennial.model.messages import EventSeen
from perennial.workflows.intake import receive
from tests.intake.test_events import CLOUD, DATA, EXPECTED, VERSION
from tests.memory.queue import MemoryIntake
from tests.memory.world import SETTINGS


def received(event: object, intake: MemoryIntake | None = None) -> MemoryIntake:
    """Receive an event and return what was queued."""
    intake = intake or MemoryIntake()
    receive(event if isinstance(event, str) else json.dumps(event), SETTINGS, intake)
    return intake


@pytest.fixture
def intake() -> MemoryIntake:
    """What a door puts its messages into."""
    return MemoryIntake()


def test_an_event_of_ours_becomes_one_look(caplog: pytest.LogCaptureFixture, intake: MemoryIntake) -> None:
    """The look carries the certificate, the hint, and the event for the history."""
    with caplog.at_level(logging.INFO):
        looks = received(CLOUD, intake).looks
    assert len(looks) == 1, "what an event asked for is stored before it is acknowledged"
    look = looks[0]
    assert look.certificate == CertificateRef("kv-orders", "www")
    assert (look.cause, look.version) == ("near-expiry", VERSION)
    assert look.event == EventSeen(id="e-1", kind="near-expiry", time=EXPECTED.time)
    said = {"certificate": "kv-orders/www", "kind": "near-expiry", "version": VERSION, "id": "e-1"}
    assert list(map(json.loads, caplog.messages)) == [{"event": "event-received", **said}]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({**CLOUD, "type": "Microsoft.KeyVault.SecretNearExpiry"}, "type Microsoft.KeyVault.SecretNearExpiry"),
        ({**CLOUD, "data": {**DATA, "VaultName": "kv-of-others"}}, "vault kv-of-others is not in the settings"),
        ({**CLOUD, "data": {**DATA, "VaultName": "v" * 60}}, f"vault {'v' * 50} is not in the settings"),
        ({**CLOUD, "data": {**DATA, "ObjectName": "../../secrets"}}, "certificate name '../../secrets' is none"),
        ({**CLOUD, "data": {**DATA, "ObjectName": "n" * 128}}, f"certificate name '{'n' * 50}' is none"),
    ],
)
def test_what_is_not_ours_is_one_line_and_acknowledged(
    event: object, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is queued, nothing is raised, one line says why; what a stranger wrote takes fifty letters of it at most."""
    with caplog.at_level(logging.INFO):
        assert received(event).looks == []
    assert list(map(json.loads, caplog.messages)) == [{"event": "event-not-ours", "why": why}]


@pytest.mark.parametrize(
    ("event", "problem"),
    [("no JSON", "event: is not JSON"), ({**CLOUD, "data": None}, "data: names no vault and no certificate")],
)
def test_what_is_no_event_is_a_warning_and_acknowledged(
    event: object, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Garbled, it would be so at each delivery: it is shown beside what is wrong with it."""
    assert received(event).looks == []
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    said = json.loads(line.getMessage())
    assert said.pop("problem").startswith(problem)
    assert said == {
        "event": "event-not-understood",
        "event_text": event if isinstance(event, str) else json.dumps(event),
    }


def test_a_name_may_be_as_long_as_key_vault_lets_it() -> None:
    """127 characters."""
    (look,) = received({**CLOUD, "data": {**DATA, "ObjectName": "n" * 127}}).looks
    assert look.certificate.name == "n" * 127


def test_a_garbled_event_is_logged_no_longer_than_4_kb(caplog: pytest.LogCaptureFixture) -> None:
    """A megabyte of rubbish does not become a megabyte of log."""
    with caplog.at_level(logging.INFO):
        received("x" * 1_000_000)
    assert json.loads(caplog.messages[0])["event_text"] == "x" * 4096


def test_a_batch_loses_no_event() -> None:
    """An array of events is a look each, and what is not ours does not hold up the others."""
    other = {**CLOUD, "id": "e-2", "data": {**DATA, "Id": "", "ObjectName": "api"}}
    looks = received([CLOUD, {**CLOUD, "type": "Microsoft.KeyVault.KeyNearExpiry"}, other]).looks
    assert [look.certificate.name for look in looks] == ["www", "api"]
