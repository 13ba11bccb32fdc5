"""The end of a look: what it leaves in the row, when it comes back, whom it asks, and its line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from perennial.decisions import lifetimes
from perennial.errors import Forbidden
from perennial.model.certificate import IssuancePolicy, IssuerClass
from perennial.model.history import HistoryKind
from perennial.model.ids import spread
from perennial.model.messages import EventSeen, Look
from perennial.model.mode import Mode
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Outcome, Step
from perennial.workflows import look
from perennial.workflows.sight import gather
from perennial.workflows.world import World
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, SELF, UNKNOWN, WWW, stage
from tests.workflows.rows import rewrite, rewrite_vault
from tests.workflows.scripted import claimed
from tests.workflows.signed_stage import signed_stage
from tests.workflows.walking import writes

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
CLOSED = Forbidden("kv-orders", "no role", code="ForbiddenByRbac")


def look_at(world: World, **hints: Any) -> None:
    """Look once, in a world."""
    message = Look(certificate=WWW, cause="test", **hints)
    look.look_at(msgspec.json.encode(message).decode(), world)


def close(on: Stage, until: datetime | None) -> None:
    """Close the vault."""
    rewrite_vault(on, closed_until=until, closures=1, closed_why="forbidden: no role")


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


@pytest.mark.parametrize(("left", "code"), [(60, ReasonCode.NOT_DUE), (20, ReasonCode.VAULT_CLOSED)])
def test_only_what_needs_the_vault_waits_for_it(left: int, code: ReasonCode) -> None:
    """A closed vault stops calls, not decisions."""
    on = stage(left=60 * DAY, events=False)
    version = on.look("www").version
    assert version is not None
    rewrite(on, version=replace(version, not_before=NOW + (left - 90) * DAY, not_after=NOW + left * DAY))
    close(on, NOW + HOUR)
    entry = on.look("www")
    assert entry.reason is not None
    assert entry.reason.code is code
    assert (entry.next_check > NOW + 2 * HOUR) is (code is ReasonCode.NOT_DUE)
    assert on.vaults.calls["get"] == 1


def test_a_version_that_is_renewed_at_once_is_told_all_the_same() -> None:
    """A person imports one that is nearly dead, and its CA answers within the look: both are told, the older first."""
    on = signed_stage()
    on.look("www")
    on.run(SECOND)
    old = on.vaults.import_certificate(
        WWW, NOW - 85 * DAY, NOW + 5 * DAY, policy=UNKNOWN, issuer_class=IssuerClass.PRIVATE
    )
    on.look("www", version="another")
    on.run(HOUR)
    told = [one.delivery.version for one in on.channel.sent if one.delivery.kind == "new-version"]
    assert told == [old.id, on.vaults.versions(WWW)[-1].id]


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


def test_two_decisions_of_one_second_are_two_rows_of_the_history() -> None:
    """Each has its kind and code in its key."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    rewrite(on, tags={"perennial-renew": "never"})
    on.look("www")
    assert len([one for one in on.history("www") if one.kind is HistoryKind.DECIDED]) == 2


@pytest.mark.parametrize(
    ("columns", "anew"),
    [
        ({}, False),
        ({"decision": "ask-human"}, True),
        ({"reason": None}, True),
        ({"reason": Reason(ReasonCode.GONE)}, True),
        ({"reason": Reason(ReasonCode.NOT_DUE, {"due": "another day"})}, False),
    ],
)
def test_since_when_a_decision_holds(columns: Mapping[str, Any], anew: bool) -> None:
    """Its kind and its code, not its words."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    on.now = NOW + HOUR
    rewrite(on, **columns)
    assert on.look("www").since == (on.now if anew else NOW)
    assert len([one for one in on.history("www") if one.kind is HistoryKind.DECIDED]) == 1 + anew


@pytest.mark.parametrize(
    ("columns", "needs"),
    [
        (None, True),
        ({"checkpoint": Checkpoint(Step.SIGNING)}, False),
        ({"checkpoint": Checkpoint(Step.WAITING)}, True),
        ({"checkpoint": Checkpoint(Step.SIGNING), "outcome": Outcome.GIVEN_UP}, True),
    ],
)
def test_while_a_ca_signs_the_vault_need_not_be_asked(columns: Mapping[str, Any] | None, needs: bool) -> None:
    """Anything else of a renewal begins with what is there; also a claim that was given up then."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    if columns is not None:
        claimed(on, **columns)
    assert look._needs_the_vault(gather(on.world(), Look(certificate=WWW, cause="test"))) is needs


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
