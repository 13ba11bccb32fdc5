"""The end of a look: what it leaves in the row, when it comes back, whom it asks, and its line."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from perennial.decisions import lifetimes
from perennial.errors import Changed, Forbidden
from perennial.model.certificate import CertificateRef, IssuancePolicy
from perennial.model.decision import Mode
from perennial.model.history import HistoryKind
from perennial.model.ids import spread
from perennial.model.inventory import Entry
from perennial.model.messages import EventSeen, Look
from perennial.model.reasons import ReasonCode
from perennial.ports.tables import Stored
from perennial.workflows import look, vault_state
from perennial.workflows.sight import gather
from perennial.workflows.world import World
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, SELF, WWW, stage
from tests.workflows.racing import raced
from tests.workflows.scripted import claimed
from tests.workflows.walking import writes

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
CLOSED = Forbidden("kv-orders", "no role", code="ForbiddenByRbac")


def look_at(world: World, **hints: str) -> None:
    """Look once, in a world."""
    message = Look(certificate=WWW, cause="test", **hints)  # type: ignore[arg-type]  # hints are texts
    look.look_at(msgspec.json.encode(message).decode(), world)


def rewrite(on: Stage, **columns: object) -> Entry:
    """Change columns of the certificate's row."""
    stored = on.tables.inventory.get("kv-orders", "www")
    assert stored is not None
    row = replace(stored.value, **columns)  # type: ignore[arg-type]  # columns by name
    return on.tables.inventory.save(Stored(row, stored.etag)).value


def close(on: Stage, until: datetime | None) -> None:
    """Close the vault."""
    stored = vault_state.row_of(on.world(), "kv-orders")
    row = replace(stored.value, closed_until=until, closures=1, closed_why="forbidden: no role")
    on.tables.vaults.save(Stored(row, stored.etag))


def line_of(caplog: pytest.LogCaptureFixture) -> Mapping[str, object]:
    """Return the last look's line."""
    lines = [json.loads(text) for text in caplog.messages]
    return [one for one in lines if one["event"] == "look"][-1]  # type: ignore[no-any-return]  # JSON


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The lines of the log."""
    caplog.set_level(logging.INFO, logger="perennial")
    return caplog


def test_the_line_of_a_look_that_finds_nothing_to_do(said: pytest.LogCaptureFixture) -> None:
    """Everything that a chart or an alert asks for."""
    on = stage(left=45 * DAY, tags={"perennial-owner": "team-a"}, events=False)
    entry = on.look("www", cause="first")
    assert entry.reason is not None
    assert line_of(said) == {
        "event": "look",
        "certificate": str(WWW),
        "days_left": 45.0,
        "life_left": 0.5,
        "managed": True,
        "failures": 0,
        "cause": "first",
        "decision": "wait-until",
        "reason": ReasonCode.NOT_DUE,
        "sentence": entry.reason.sentence,
        "did": ["read", "new-version"],
        "next_check": entry.next_check.isoformat().replace("+00:00", "Z"),
        "attempts": 1,
    }
    on.look("www", cause="second")
    assert (line_of(said)["did"], line_of(said)["cause"]) == ([], "second")


def test_the_line_says_what_was_done_and_how_often_it_failed(said: pytest.LogCaptureFixture) -> None:
    """Announced, renewed, found; the failures of an open claim, not of one that has ended."""
    on = stage(events=False)
    on.look("www")
    assert line_of(said)["did"] == ["read", "new-version", "claimed", "findings: 2"]
    on.run(HOUR)
    on.look("www", version="another")
    issued = [one for one in map(json.loads, said.messages) if one["event"] == "look" and "issued" in one["did"]]
    assert [one["did"] for one in issued] == [["read", "new-version", "issued", "announced", "findings: 1"]]
    on = stage(left=80 * DAY, events=False)
    on.look("www")
    claimed(on, failures=3, next_step=NOW + DAY, earliest=NOW + DAY)
    on.look("www")
    assert line_of(said)["failures"] == 3
    claimed(on, failures=3, outcome="given-up")
    on.look("www")
    assert line_of(said)["failures"] == 0


def test_the_line_of_what_is_not_there_or_not_managed(said: pytest.LogCaptureFixture) -> None:
    """No version, no days; and what is not in our vaults is told in its own words."""
    on = stage(events=False)
    on.look("ghost")
    line = line_of(said)
    assert (line["days_left"], line["life_left"], line["did"]) == (None, None, ["read"])
    message = Look(certificate=CertificateRef("kv-elsewhere", "www"), cause="event")
    look.look_at(msgspec.json.encode(message).decode(), on.world())
    assert line_of(said) == {"event": "look", "certificate": "kv-elsewhere/www", "cause": "event", "did": ["not-ours"]}
    assert on.tables.inventory.get("kv-elsewhere", "www") is None
    on.vaults.import_certificate(CertificateRef("kv-watched", "www"), NOW - DAY, NOW + DAY, policy=SELF, quiet=True)
    on.look("www", vault="kv-watched")
    assert line_of(said)["managed"] is False


def test_a_look_begins_again_as_often_as_it_loses(said: pytest.LogCaptureFixture) -> None:
    """Eleven lost races are made up for, and counted in its line; the twelfth leaves the message to the queue."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    rewrite(on, read_at=NOW)
    look_at(raced(on.world(), "inventory", times=11))
    assert line_of(said)["attempts"] == 12
    rewrite(on, read_at=NOW)
    with pytest.raises(Changed):
        look_at(raced(on.world(), "inventory", times=12))


def test_a_look_that_changes_nothing_writes_nothing() -> None:
    """Copies of an event do not make each other begin again."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    on.look("www")
    before = writes(on.tables.inventory)
    on.look("www")
    assert writes(on.tables.inventory) == before


def test_a_read_puts_off_the_next_one() -> None:
    """A week where it is settled, a day where a person or another manager acts; a look without a read moves nothing."""
    on = stage(left=60 * DAY, events=False)
    assert on.look("www").read_at == NOW + 7 * DAY
    on.now = NOW + HOUR
    assert on.look("www").read_at == NOW + 7 * DAY
    policy = replace(SELF, subject="CN=other", names=("other.example",))
    on = stage(left=60 * DAY, policy=policy, names=("www.example",), events=False)
    assert on.look("www").decision == "ask-human"
    assert on.entry("www").read_at == NOW + DAY
    on = stage(left=60 * DAY, tags={"perennial-renew": "never"}, events=False)
    assert on.look("www").decision == "leave-alone"
    assert on.entry("www").read_at == NOW + DAY


def test_the_next_check_is_the_least_of_what_waits() -> None:
    """The read, the CA, the look ahead, the next rung, the decision's own; never now."""
    on = stage(left=60 * DAY, events=False)
    base = on.look("www")
    assert base.next_check == min(base.read_at, NOW + 7 * DAY)
    version = base.version
    assert version is not None
    rung = lifetimes.next_rung(version, NOW)
    assert rung is not None
    rewrite(on, read_at=NOW + 300 * DAY)
    assert on.look("www").next_check <= rung
    rewrite(
        on, version=replace(version, not_before=NOW - 83 * DAY, not_after=NOW + 7 * DAY), paused_until=NOW + 9 * DAY
    )
    entry = on.look("www")
    assert entry.version is not None
    assert entry.next_check <= (lifetimes.next_rung(entry.version, NOW) or NOW)
    assert entry.next_check > NOW


@pytest.mark.parametrize(
    ("left", "open_claim", "spread_out"),
    [(60 * DAY, False, True), (60 * DAY, True, False), (9 * DAY, False, False), (9 * DAY + SECOND, False, True)],
)
def test_a_closed_vaults_certificates_come_back_over_an_hour(
    left: timedelta, open_claim: bool, spread_out: bool
) -> None:
    """What is under way, or in its last tenth, at once."""
    on = stage(left=60 * DAY, events=False)
    version = on.look("www").version
    assert version is not None
    rewrite(on, version=replace(version, not_before=NOW + left - 90 * DAY, not_after=NOW + left))
    if open_claim:
        claimed(on, next_step=NOW + DAY, earliest=NOW + DAY)
    else:
        claimed(on, outcome="given-up")
    for until, base in ((NOW + 2 * HOUR, NOW + 2 * HOUR), (None, NOW + MINUTE)):
        close(on, until)
        waits = look._wait_for_the_vault(gather(on.world(), Look(certificate=WWW, cause="test")))
        assert waits.next_check == base + (spread(WWW, HOUR, "vault-closed") if spread_out else timedelta(0))
        assert waits.reason.code is ReasonCode.VAULT_CLOSED


def test_a_first_sight_of_a_closed_vault_waits_for_it() -> None:
    """Nothing is known, and nothing is said but why."""
    on = stage(events=False)
    on.vaults.close("kv-orders", CLOSED)
    entry = on.look("www")
    assert entry.reason is not None
    assert (entry.decision, entry.reason.code) == ("wait-until", ReasonCode.VAULT_CLOSED)
    assert entry.reason.facts["why"] == "forbidden: no role"
    assert entry.next_check == NOW + 15 * MINUTE + spread(WWW, HOUR, "vault-closed")


def test_a_decision_is_written_down_when_it_is_another() -> None:
    """Since when its reason holds; another kind or code begins anew, other words do not."""
    on = stage(left=60 * DAY, events=False)
    first = on.look("www")
    decided = [one for one in on.history("www") if one.kind is HistoryKind.DECIDED]
    version = first.version
    assert version is not None
    assert first.reason is not None
    assert [(one.at, one.version, one.reason) for one in decided] == [(NOW, version.id, first.reason.sentence)]
    on.now = NOW + HOUR
    assert on.look("www").since == NOW
    rewrite(on, since=None)
    assert on.look("www").since == on.now
    assert len([one for one in on.history("www") if one.kind is HistoryKind.DECIDED]) == 1
    on.now = NOW + 2 * HOUR
    rewrite(on, paused_until=on.now + DAY)
    rewrite(on, tags={"perennial-renew": "never"})
    assert on.look("www").since == on.now
    assert len([one for one in on.history("www") if one.kind is HistoryKind.DECIDED]) == 2


def test_that_another_look_is_at_work_is_news_to_nobody() -> None:
    """A held claim is no decision worth a row of the history."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    before = on.history("www")
    claimed(on, held_until=NOW + MINUTE)
    entry = on.look("www")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.HELD
    assert on.history("www") == before


def test_a_person_is_asked_once_an_occasion_and_only_of_what_is_managed() -> None:
    """At the reason's own time; a look ten minutes later makes up for a lost message."""
    policy: IssuancePolicy = replace(SELF, issuer="Unknown")
    on = stage(policy=policy, events=False)
    entry = on.look("www")
    assert entry.decision == "ask-human"
    assert entry.next_check == NOW + 10 * MINUTE
    on.run(SECOND)
    assert on.look("www").next_check > on.now + 10 * MINUTE
    on.run(HOUR)
    bodies = [json.loads(one.delivery.body) for one in on.channel.sent if '"no-issuer"' in one.delivery.body]
    assert [one["since"] for one in bodies] == ["2026-11-24T12:00:00Z"]
    on = stage(policy=policy, events=False)
    on.settings = replace(on.settings, vaults={"kv-orders": Mode.OBSERVE})
    on.look("www")
    on.run(HOUR)
    assert on.told("action-needed", about=str(WWW).replace("/", ":")) == []


def test_what_is_left_to_die_on_purpose_is_not_told_to_expire() -> None:
    """Never, or disabled; anything else is, by its last rung alone."""
    for columns, told in (({"tags": {"perennial-renew": "never"}}, 0), ({"enabled": False}, 0), ({}, 1)):
        on = stage(left=5 * DAY, policy=replace(SELF, issuer="Unknown"), events=False, **columns)
        entry = on.look("www")
        on.run(SECOND)
        assert len(on.told("expiring")) == told
        assert bool(entry.rung) is bool(told)


def test_an_event_is_filed_before_anything_else() -> None:
    """Also where the vault refuses."""
    on = stage(events=False)
    on.vaults.close("kv-orders", CLOSED)
    event = EventSeen(id="e-1", kind="near-expiry", time=NOW - HOUR)
    message = Look(certificate=WWW, cause="near-expiry", version="v", event=event)
    look.look_at(msgspec.json.encode(message).decode(), on.world())
    (row,) = [one for one in on.history("www") if one.kind is HistoryKind.EVENT]
    assert (row.id, row.at, row.trigger, row.version, row.received) == ("e-1", NOW - HOUR, "near-expiry", "v", None)
