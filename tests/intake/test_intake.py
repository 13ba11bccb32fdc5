"""Receiving an event: one message for what is ours, one log line for everything."""

from __future__ import annotations

import json
import logging

import pytest

from perennial.model.certificate import CertificateRef
from perennial.workflows.intake import receive
from tests.intake.test_events import CLOUD, DATA, VERSION
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
    assert look.event is not None
    assert look.event.id == "e-1"
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "event",
    [
        "no JSON",
        {**CLOUD, "type": "Microsoft.KeyVault.SecretNearExpiry"},
        {**CLOUD, "data": {**DATA, "VaultName": "kv-of-others"}},
        {**CLOUD, "data": {**DATA, "ObjectName": "../../secrets"}},
        {**CLOUD, "data": None},
    ],
)
def test_everything_else_is_one_line_and_acknowledged(event: object, caplog: pytest.LogCaptureFixture) -> None:
    """Not ours, forged or garbled: nothing is queued, nothing is raised, one line says why."""
    with caplog.at_level(logging.INFO):
        assert received(event).looks == []
    assert len(caplog.records) == 1


def test_a_garbled_event_is_logged_no_longer_than_4_kb(caplog: pytest.LogCaptureFixture) -> None:
    """A megabyte of rubbish does not become a megabyte of log."""
    with caplog.at_level(logging.INFO):
        received("x" * 1_000_000)
    assert len(caplog.records[0].getMessage()) < 5000


def test_a_batch_loses_no_event() -> None:
    """An array of events is a look each, and what is not ours does not hold up the others."""
    other = {**CLOUD, "id": "e-2", "data": {**DATA, "Id": "", "ObjectName": "api"}}
    looks = received([CLOUD, {**CLOUD, "type": "Microsoft.KeyVault.KeyNearExpiry"}, other]).looks
    assert [look.certificate.name for look in looks] == ["www", "api"]
