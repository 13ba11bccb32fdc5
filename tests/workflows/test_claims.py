"""The row of a renewal, column by column: claimed, taken up again, reopened, handed on, let go of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.errors import Changed
from perennial.model.decision import Renew
from perennial.model.history import HistoryKind, Record
from perennial.model.messages import Look
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Asked, Checkpoint, Outcome, Renewal, Step
from perennial.workflows import claims
from perennial.workflows.sight import Sight, fleet_row
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, WWW
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite as rewrite_row
from tests.workflows.rows import rewrite_vault
from tests.workflows.scripted import REASON, claimed, sight_of, steps_taken, the_claim, young
from tests.workflows.signed_stage import signed_stage
from tests.workflows.test_sight import hinted

LEASE = timedelta(minutes=12)  # longer than host.json's functionTimeout

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
DRIFTED = Renew(Reason(ReasonCode.DRIFTED, {"difference": "a name"}), "")


def records(on: Stage, kind: HistoryKind) -> list[Record]:
    """Return the records of a kind."""
    return [row for row in on.history("www") if row.kind is kind]


def version_id(on: Stage) -> str:
    """Return the id of the version that is held as current."""
    version = on.entry("www").version
    assert version is not None
    return version.id


def hold(sight: Sight) -> Renewal:
    """Take the claim, which must be there to be taken."""
    stored = claims.hold(sight, DRIFTED)
    assert stored is not None
    sight.renewal = stored
    return stored.value


def test_a_new_claim_says_who_why_and_for_what() -> None:
    """Every column that somebody reads later; the row names it, the fleet counts it, the look and the history say so."""
    on = young()
    current = on.entry("www").version
    assert current is not None
    assert current.leaf is not None
    current = replace(current, leaf=replace(current.leaf, ari_id="its name at its CA"))
    rewrite_row(on, issued_by="first|1", version=current, window_ends=NOW + HOUR)
    sight, _ = sight_of(on)
    row = hold(sight)
    assert row == the_claim(on)
    assert (row.certificate, row.replacing, row.issuer, row.opened) == (WWW, current.id, "vault", NOW)
    assert (row.held_until, row.next_step, row.earliest, row.stepped) == (NOW + LEASE, NOW, NOW, NOW)
    assert (row.automatic, row.actor, row.trigger) == (True, "perennial", ReasonCode.DRIFTED)
    assert (row.lifetime_seconds, row.not_after) == (90 * 86400, current.not_after)
    assert (row.issued_by, row.drift) == ("first|1", "")
    assert (row.ari_id, row.window_ends) == ("its name at its CA", NOW + HOUR)
    assert on.entry("www").claim == sight.entry.claim == current.id
    assert sight.did == ["claimed"]
    (written,) = records(on, HistoryKind.CLAIMED)
    assert (written.at, written.version, written.trigger, written.actor, written.reason) == (
        NOW,
        current.id,
        ReasonCode.DRIFTED,
        "perennial",
        DRIFTED.reason.sentence,
    )
    fleet = fleet_row(on.world()).value
    assert (fleet.day, fleet.renewals_today) == (NOW.date(), 1)
    assert sight.fleet.value == fleet


@pytest.mark.parametrize("about_this", [True, False])
def test_a_claim_that_a_person_asked_for_is_the_persons(about_this: bool) -> None:
    """If it is about this version; then it does not count for the brake."""
    on = young()
    meant = version_id(on) if about_this else "e" * 32
    rewrite_row(on, request=Asked(reason="key", actor="ada", at=NOW, version=meant))
    row = hold(sight_of(on)[0])
    assert (row.automatic, row.actor) == ((False, "ada") if about_this else (True, "perennial"))
    assert fleet_row(on.world()).value.renewals_today == (0 if about_this else 1)


def test_a_claim_that_is_there_already_is_anothers() -> None:
    """The row names it all the same, so that the next look finds it; nothing is counted or written down."""
    on = young()
    sight, _ = sight_of(on)
    theirs = Renewal(certificate=WWW, replacing=version_id(on), issuer="vault", opened=NOW, next_step=NOW, earliest=NOW)
    on.tables.renewals.put(theirs)
    assert claims.hold(sight, DRIFTED) is None
    assert on.entry("www").claim == version_id(on)
    assert the_claim(on) == theirs
    assert (records(on, HistoryKind.CLAIMED), sight.did) == ([], [])
    assert fleet_row(on.world()).value.renewals_today == 0


def test_nothing_is_claimed_without_a_version() -> None:
    """There is nothing to replace."""
    on = young()
    rewrite_row(on, version=None)
    assert claims.hold(sight_of(on)[0], DRIFTED) is None
    assert on.claims("www") == []


def test_an_open_claim_is_taken_up() -> None:
    """Under a lease, as it stands; when its step was taken is noted for a person who asked meanwhile."""
    on = young()
    before = claimed(on, checkpoint=Checkpoint(Step.WAITING, {"a": "b"}), requests=("one",), failures=2)
    row = hold(sight_of(on)[0])
    assert row == replace(before, held_until=NOW + LEASE, stepped=NOW) == the_claim(on)
    assert records(on, HistoryKind.CLAIMED) == []


@pytest.mark.parametrize(
    ("columns", "written"),
    [({}, 1), ({"failures": 1}, 0), ({"checkpoint": Checkpoint(Step.SENDING)}, 0)],
)
def test_whoever_takes_up_a_bare_claim_writes_it_down(columns: Mapping[str, object], written: int) -> None:
    """At its own time, by its own actor: the one that claimed may have died before it did."""
    on = young()
    claimed(on, trigger=ReasonCode.DUE, **columns)
    hold(sight_of(on)[0])
    rows = records(on, HistoryKind.CLAIMED)
    assert [(row.at, row.actor, row.trigger) for row in rows] == [(NOW - DAY, "ada", ReasonCode.DUE)] * written


def test_a_reopened_claim_keeps_what_it_left_in_the_vault() -> None:
    """Operations that are ours stay ours, and failures go on; all else begins anew, and the history says why."""
    on = young()
    claimed(
        on,
        outcome=Outcome.GIVEN_UP,
        closed=NOW - HOUR,
        failures=4,
        requests=("one", "two"),
        adopted=True,
        error="no",
        fix="yes",
        refused=("vault",),
        refused_for="x",
        checkpoint=Checkpoint(Step.WAITING),
        turn_failures=2,
    )
    row = hold(sight_of(on)[0])
    assert (row.failures, row.requests, row.adopted) == (4, ("one", "two"), True)
    assert (row.outcome, row.closed, row.opened, row.held_until) == (Outcome.OPEN, None, NOW, NOW + LEASE)
    assert (row.error, row.fix, row.refused, row.refused_for, row.turn_failures) == ("", "", (), "", 0)
    assert (row.checkpoint, row.trigger) == (Checkpoint(), ReasonCode.DRIFTED)
    (written,) = records(on, HistoryKind.REOPENED)
    assert (written.at, written.version, written.reason) == (NOW, version_id(on), DRIFTED.reason.sentence)
    assert fleet_row(on.world()).value.renewals_today == 0


@pytest.mark.parametrize(
    ("issuer", "step", "goes_on"),
    [
        ("first", Step.SIGNING, "first"),
        ("first", Step.CLAIMED, "first"),
        ("dropped", Step.SIGNING, "first"),
        ("dropped", Step.CLAIMED, "first"),
        ("spare", Step.SIGNING, "spare"),
        ("spare", Step.CLAIMED, "first"),
        ("second", Step.CLAIMED, "second"),
    ],
)
def test_a_claim_whose_issuer_is_no_longer_asked_for_is_handed_on(issuer: str, step: Step, goes_on: str) -> None:
    """One that is not set up at once; one that is, while nothing was sent."""
    on = signed_stage(spare=SlowAuthority(prompt=True))
    on.look("www")
    claimed(on, issuer=issuer, checkpoint=Checkpoint(step))
    assert hold(hinted(on)).issuer == goes_on


def test_a_claim_stays_with_an_issuer_where_nobody_is_listed() -> None:
    """A list that is empty by now asks for nobody else; one that is not set up goes to whom the policy names."""
    on = young()
    claimed(on)
    assert hold(sight_of(on)[0]).issuer == "vault"
    claimed(on, issuer="dropped")
    assert hold(sight_of(on)[0]).issuer == "vault"
    on = signed_stage(issuers=())
    on.look("www")
    claimed(on, issuer="second")
    assert hold(hinted(on)).issuer == "second"


def test_a_claim_on_the_version_before_is_no_claim_on_this_one() -> None:
    """The row names it until there is a newer one."""
    on = young()
    older = Renewal(certificate=WWW, replacing="e" * 32, issuer="vault", opened=NOW - DAY, next_step=NOW, earliest=NOW)
    on.tables.renewals.put(replace(older, outcome=Outcome.ISSUED, failures=3))
    rewrite_row(on, claim="e" * 32)
    row = hold(sight_of(on)[0])
    assert (row.replacing, row.failures) == (version_id(on), 0)
    assert len(on.claims("www")) == 2


@pytest.mark.parametrize(
    ("was", "becomes", "step", "kept"),
    [
        ("first", "second", Step.SIGNING, True),
        ("first", "second", Step.WAITING, False),
        ("first", "vault", Step.SIGNING, False),
        ("vault", "first", Step.SIGNING, False),
    ],
)
def test_our_csr_is_good_for_any_authority(was: str, becomes: str, step: Step, kept: bool) -> None:
    """What the one before remembered is dropped; what the vault itself has begun is of no use to an authority."""
    on = young()
    memory = {"csr": "x", "request_id": "y", "ca.order": "z"}
    row = claims.handed_to(claimed(on, issuer=was, checkpoint=Checkpoint(step, memory)), becomes)
    expected = Checkpoint(Step.SIGNING, {"csr": "x", "request_id": "y"}) if kept else Checkpoint()
    assert (row.issuer, row.checkpoint) == (becomes, expected)


def test_the_brakes_count_loses_nothing() -> None:
    """Another counted at the same moment: both are counted."""
    on = young()
    sight, _ = sight_of(on)
    sight.world = raced(sight.world, "fleet", lambda row: replace(row, day=NOW.date(), renewals_today=7))
    hold(sight)
    assert fleet_row(on.world()).value.renewals_today == 8


def test_a_row_that_another_wrote_before_the_claim_stops_it() -> None:
    """The claim is named first, so nothing is claimed that the row would not know of."""
    on = young()
    sight, _ = sight_of(on)
    sight.world = raced(sight.world, "inventory")
    with pytest.raises(Changed):
        claims.hold(sight, DRIFTED)
    assert on.claims("www") == []


@pytest.mark.parametrize(
    ("wait", "sent"),
    [(-HOUR, [SECOND]), (timedelta(0), [SECOND]), (MINUTE - SECOND, [MINUTE]), (MINUTE, [])],
)
def test_a_look_is_queued_for_a_wait_under_a_minute(wait: timedelta, sent: list[timedelta]) -> None:
    """A second late; what is past comes in a second."""
    on = young()
    sight, _ = sight_of(on)
    claims.look_again(sight, NOW + wait)
    assert steps_taken(on) == [(Look(certificate=WWW, cause="step"), delay) for delay in sent]


def test_letting_go_of_a_claim_is_no_failure() -> None:
    """Until an instant, for a reason; with its checkpoint, or back at another."""
    on = young()
    before = claimed(on, checkpoint=Checkpoint(Step.MERGING), held_until=NOW + LEASE, failures=2)
    sight, _ = sight_of(on)
    claims.release(sight, NOW + HOUR, REASON)
    waiting = replace(before, held_until=None, next_step=NOW + HOUR, earliest=NOW + HOUR, waiting=REASON)
    assert the_claim(on) == waiting
    claims.release(sight, NOW + HOUR, REASON, Checkpoint(Step.FOREIGN))
    assert the_claim(on) == replace(waiting, checkpoint=Checkpoint(Step.FOREIGN))


def test_why_and_until_when_a_vault_is_left_alone() -> None:
    """In its own words if it has any; a minute where it does not say."""
    on = young()
    sight, _ = sight_of(on)
    assert (claims.until_open(sight), claims.closed_reason(sight).facts["why"]) == (NOW + MINUTE, "throttled")
    rewrite_vault(on, closed_until=NOW + HOUR, closed_why="forbidden: no")
    sight, _ = sight_of(on)
    reason = claims.closed_reason(sight)
    assert claims.until_open(sight) == NOW + HOUR
    assert (reason.code, reason.facts) == (
        ReasonCode.VAULT_CLOSED,
        {"until": "2026-11-24 13:00Z", "why": "forbidden: no"},
    )


def test_without_a_claim_in_hand_nothing_is_saved() -> None:
    """A look that has none begins again."""
    sight, _ = sight_of(young())
    with pytest.raises(Changed):
        claims.held(sight)
