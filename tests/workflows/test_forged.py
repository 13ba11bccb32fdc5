"""Forged events: whatever they say, an event is a hint, and only what is due is renewed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.workflows import intake
from tests.intake.test_events import CLOUD, DATA, GRID
from tests.memory.queue import MemoryIntake
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW, WWW, stage

KINDS = ("CertificateNearExpiry", "CertificateExpired", "CertificateNewVersionCreated")
INSTANTS = st.datetimes().map(lambda instant: f"{instant.isoformat()}Z")
WORDS = st.text(max_size=40)


@st.composite
def forged(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an event about our certificate, in either schema, with any id, version, dates and instant."""
    dates = st.one_of(st.none(), st.integers(-(2**40), 2**40), WORDS)
    version = st.one_of(st.just(""), st.uuids().map(lambda one: one.hex), WORDS)
    data = {**DATA, "ObjectName": "www", "Version": draw(version), "NBF": draw(dates), "EXP": draw(dates)}
    kind = f"Microsoft.KeyVault.{draw(st.sampled_from(KINDS))}"
    changed = {"id": draw(WORDS), "data": data}
    if draw(st.booleans()):
        return {**CLOUD, **changed, "type": kind, "time": draw(st.one_of(INSTANTS, WORDS))}
    return {**GRID, **changed, "eventType": kind, "eventTime": draw(st.one_of(INSTANTS, WORDS))}


def _after(events: list[dict[str, Any]], left: timedelta) -> Stage:
    """Let these events come to a certificate with so much life left, and a day pass."""
    on = stage(left=left, events=False)
    on.look("www")
    for event in events:
        received = MemoryIntake()
        intake.receive(json.dumps(event), on.settings, received)
        for look in received.looks:
            on.queues.send(look)
    on.run(DAY)
    assert on.failed == []
    return on


@given(st.lists(forged(), min_size=1, max_size=4))
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
def test_a_forged_event_renews_nothing_that_is_not_due(events: list[dict[str, Any]]) -> None:
    """With most of its life left a certificate stays as it is; the vault was read at most once for each event, and nobody was told."""
    on = _after(events, 80 * DAY)
    assert on.vaults.creates == []
    assert len(on.vaults.versions(WWW)) == 1
    assert on.told("new-version") == []
    assert on.entry("www").next_check > NOW + DAY


def test_an_event_about_a_due_certificate_would_renew_it() -> None:
    """The proof can fail: the same event where the certificate is due, and there is a new version."""
    assert len(_after([CLOUD], 20 * DAY).vaults.versions(WWW)) == 2
