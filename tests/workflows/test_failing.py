"""What a failure leaves in the claim, in the history and in the notices, and whose turn it is then."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.decisions.renewal import refusal_of
from perennial.errors import Changed, DnsError, IssuerError, Unreachable
from perennial.model.history import HistoryKind, Record
from perennial.model.messages import Look
from perennial.model.renewal import Checkpoint, Outcome, Renewal, Step, Waiting
from perennial.workflows import claims, failing
from perennial.workflows.sight import Sight
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW
from tests.workflows.rows import rewrite, written
from tests.workflows.scripted import REASON, Scripted, claimed, steps_taken, the_claim, waits
from tests.workflows.signed_stage import signed_stage
from tests.workflows.test_sight import hinted

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
SIGNING = Checkpoint(Step.SIGNING, {"csr": "x", "ca.order": "7"})
DOWN = IssuerError("ca-down", "503", fix="wait", back_to=SIGNING)
REFUSED = IssuerError("name-refused", "no", fix="ask them", permanent=True, back_to=SIGNING)


def at_work(left: timedelta = 80 * DAY, **columns: object) -> tuple[Stage, Sight]:
    """Return a stage whose first CA is at a certificate, and a look that has the claim in hand."""
    on = signed_stage(left=80 * DAY, first=SlowAuthority(prompt=True), second=SlowAuthority(prompt=True))
    entry = on.look("www")
    version = entry.version
    assert version is not None
    if left != 80 * DAY:
        ends = replace(version, not_before=NOW + left - 90 * DAY, not_after=NOW + left)
        rewrite(on, version=ends, not_after=ends.not_after)
    on.queues.sent.clear()
    given = {"issuer": "first", "checkpoint": SIGNING, "opened": NOW, "held_until": NOW + HOUR, **columns}
    claimed(on, **given)
    return on, hinted(on)


def records(on: Stage, kind: HistoryKind) -> list[Record]:
    """Return the records of a kind."""
    return [row for row in on.history("www") if row.kind is kind]


def told(on: Stage) -> list[dict[str, object]]:
    """Return the data of the notices of failures that were written."""
    return written(on, "renewal-failed")


def test_a_failure_that_may_pass_is_a_rung() -> None:
    """Counted twice over, let go of, back at what the failure says; nobody else's turn, no look of its own."""
    resting = {"second": NOW - SECOND, "fourth": NOW, "third": NOW + SECOND}
    on, sight = at_work(failures=4, turn_failures=1, resting=resting, waiting=REASON)
    script = Scripted([])
    sight.world = replace(sight.world, issuers={"first": script})
    failing.fail(sight, DOWN)
    assert script.abandoned == [], "what it has begun goes on"
    row = the_claim(on)
    assert (row.issuer, row.outcome, row.checkpoint, row.held_until) == ("first", Outcome.OPEN, SIGNING, None)
    assert (row.failures, row.turn_failures) == (5, 2)
    assert (row.error, row.fix, row.waiting) == (str(DOWN), "wait", None)
    assert (row.next_step, row.earliest) == (NOW + 10 * MINUTE, NOW + 10 * MINUTE)
    assert (row.resting, row.refused) == ({"third": NOW + SECOND}, ())
    (written,) = records(on, HistoryKind.FAILED)
    assert (written.at, written.version, written.error) == (NOW, row.replacing, str(DOWN))
    assert records(on, HistoryKind.FAILED_OVER) == []
    (data,) = told(on)
    assert (data["issuer"], data["taken_over_by"], data["given_up"], data["attempts"]) == ("first", None, False, 5)
    assert sight.did == ["failed: ca-down"]
    assert steps_taken(on) == []


def test_each_failure_is_a_record_and_a_notice_of_its_own() -> None:
    """Also two within one second."""
    on, sight = at_work()
    failing.fail(sight, DOWN)
    failing.fail(sight, DOWN)
    assert len(records(on, HistoryKind.FAILED)) == len(told(on)) == 2


def test_a_long_error_is_cut() -> None:
    """A row holds a thousand characters of it."""
    on, sight = at_work()
    failing.fail(sight, IssuerError("ca-down", "x" * 2000))
    assert len(the_claim(on).error) == 1000


@pytest.mark.parametrize(("retry_after", "rests"), [(None, {}), (2 * HOUR, {"first": NOW + 2 * HOUR})])
def test_a_cas_own_wait_is_kept(retry_after: timedelta | None, rests: Mapping[str, object]) -> None:
    """Longer than the rung, it is the next step, also under the floor."""
    on, sight = at_work()
    failing.fail(sight, replace_retry(retry_after))
    row = the_claim(on)
    assert row.resting == rests
    wait = retry_after or MINUTE
    assert (row.next_step, row.earliest) == (NOW + wait, NOW + wait)


def replace_retry(retry_after: timedelta | None) -> IssuerError:
    """Return a failure that asks for so much patience."""
    return IssuerError("rate-limited", "429", retry_after=retry_after, back_to=SIGNING)


def test_a_refusal_for_good_hands_over_in_one_save() -> None:
    """The next has the CSR and no failures, at once; the first is remembered as refusing and undoes its order."""
    on, sight = at_work(failures=4, turn_failures=3)
    first = on.authorities["first"]
    assert isinstance(first, SlowAuthority)
    failing.fail(sight, REFUSED)
    row = the_claim(on)
    assert (row.issuer, row.checkpoint) == ("second", Checkpoint(Step.SIGNING, {"csr": "x"}))
    assert (row.failures, row.turn_failures, row.turn_began, row.refused) == (5, 0, NOW, ("first",))
    assert (row.next_step, row.earliest, row.held_until) == (NOW, NOW, None)
    assert first.abandoned == 1
    (over,) = records(on, HistoryKind.FAILED_OVER)
    assert (over.at, over.version, over.reason) == (NOW, row.replacing, "second takes over from first")
    assert over.error == str(REFUSED)
    (data,) = told(on)
    assert (data["issuer"], data["taken_over_by"]) == ("first", "second")
    assert sight.did == ["failed-over: second", "failed: name-refused"]
    assert steps_taken(on) == [(Look(certificate=row.certificate, cause="step"), SECOND)]


def test_two_takeovers_are_two_rows_of_the_history() -> None:
    """Also within one second."""
    on, sight = at_work()
    on.settings = replace(on.settings, issuers=("first", "second", "third"))
    on.authorities = {**on.authorities, "third": SlowAuthority()}
    sight.world = on.world()
    failing.fail(sight, REFUSED)
    failing.fail(sight, REFUSED)
    assert the_claim(on).refused == ("first", "second")
    assert len(records(on, HistoryKind.FAILED_OVER)) == 2


def test_what_the_last_refuses_is_given_up() -> None:
    """Closed now, for what was refused; nobody takes over, and a refusal twice is remembered once."""
    on, sight = at_work(refused=("second", "first"))
    failing.fail(sight, REFUSED)
    row = the_claim(on)
    assert (row.outcome, row.closed, row.held_until, row.refused) == (
        Outcome.GIVEN_UP,
        NOW,
        None,
        ("second", "first"),
    )
    assert row.refused_for == refusal_of(sight.case)
    (written,) = records(on, HistoryKind.GIVEN_UP)
    assert (written.version, written.error) == (row.replacing, str(REFUSED))
    assert records(on, HistoryKind.FAILED) == []
    (data,) = told(on)
    assert (data["given_up"], data["next_attempt"]) == (True, None)


@pytest.mark.parametrize("permanent", [True, False])
def test_what_the_vault_refuses_is_no_cas_failure(permanent: bool) -> None:
    """Before a CA has the CSR nobody takes over, and nobody is remembered as refusing."""
    on, sight = at_work(checkpoint=Checkpoint(Step.SENDING), left=8 * DAY)
    failing.fail(sight, IssuerError("no-create", "no", permanent=permanent))
    row = the_claim(on)
    assert row.outcome is (Outcome.GIVEN_UP if permanent else Outcome.OPEN)
    assert (row.issuer, row.refused) == ("first", ())


def test_round_to_an_earlier_one_by_the_ladder_of_all_failures() -> None:
    """Not at once, and not before it said; an hour at the most under the floor."""
    on, sight = at_work(issuer="second", failures=2, resting={"first": NOW + 2 * HOUR}, left=8 * DAY)
    failing.fail(sight, IssuerError("ca-down", "503", fix="wait", back_to=SIGNING, retry_after=3 * HOUR))
    row = the_claim(on)
    assert row.issuer == "first"
    assert (row.next_step, row.earliest) == (NOW + 2 * HOUR, NOW + 2 * HOUR)
    on, sight = at_work(issuer="second", failures=3, left=8 * DAY)
    failing.fail(sight, DOWN)
    row = the_claim(on)
    assert (row.next_step, row.earliest) == (NOW + 6 * HOUR, NOW + HOUR)
    assert steps_taken(on) == []


@pytest.mark.parametrize(
    "fault", [IssuerError("x", "y"), Unreachable("kv-orders", "DNS"), DnsError("zone", "it is gone")]
)
def test_an_order_that_cannot_be_undone_holds_up_nothing(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The next takes over all the same, and a warning says what was left."""
    on, sight = at_work()

    class Stubborn(SlowAuthority):
        """A CA that undoes nothing."""

        def abandon(self, renewal: Renewal, now: object) -> None:
            """Refuse."""
            raise fault

    on.authorities = {**on.authorities, "first": Stubborn()}
    sight.world = on.world()
    with caplog.at_level(logging.WARNING, logger="perennial"):
        failing.fail(sight, REFUSED)
    assert the_claim(on).issuer == "second"
    lines = [json.loads(text) for text in caplog.messages]
    said = {"certificate": "kv-orders/www", "issuer": "first", "error": str(fault)}
    assert {"event": "not-abandoned", **said} in lines


def test_a_ca_that_is_no_longer_set_up_has_nothing_to_undo() -> None:
    """The next takes over."""
    on, sight = at_work(issuer="dropped")
    failing.fail(sight, REFUSED)
    assert the_claim(on).issuer == "first"


@pytest.mark.parametrize(
    ("answer", "over"),
    [
        (waits(Step.SIGNING, DAY), True),
        (waits(Step.SIGNING), False),
        (waits(Step.MERGING, DAY), False),
    ],
)
def test_a_late_answer_that_waits_on_hands_over(answer: Waiting, over: bool) -> None:
    """Under the floor after an hour: another wait for its signature, not what may go on now."""
    on, sight = at_work(opened=NOW - 40 * DAY, turn_began=NOW - 30 * DAY, left=DAY)
    assert failing.keeps_waiting(sight, answer) is over
    row = the_claim(on)
    assert row.issuer == ("second" if over else "first")
    if over:
        assert row.error == "too-slow: first has been at it since 2026-10-25 12:00Z"
        assert records(on, HistoryKind.FAILED_OVER)


@pytest.mark.parametrize(
    ("columns", "took", "issuer"),
    [
        ({"next_step": NOW, "earliest": NOW + DAY}, True, "second"),
        ({"next_step": NOW, "earliest": NOW}, False, "first"),
        ({"next_step": NOW + SECOND, "earliest": NOW + DAY}, False, "first"),
        ({"next_step": NOW, "earliest": NOW + DAY, "checkpoint": Checkpoint(Step.WAITING)}, False, "first"),
        ({"next_step": NOW, "earliest": NOW + DAY, "opened": NOW, "refused": ("second",)}, True, "first"),
    ],
)
def test_a_wait_that_was_cut_short_hands_over_or_goes_on(
    columns: Mapping[str, object], took: bool, issuer: str
) -> None:
    """Without a question to the CA; where nobody else is left, until the instant that it named."""
    on, sight = at_work(left=DAY, **{"opened": NOW - 30 * DAY, **columns})
    assert failing.waited_enough(sight) is took
    row = the_claim(on)
    assert row.issuer == issuer
    if took and issuer == "first":
        assert (row.next_step, row.held_until) == (NOW + DAY, None)


def test_without_a_version_nothing_can_be_judged() -> None:
    """The look begins again."""
    _, sight = at_work()
    sight.entry = replace(sight.entry, version=None)
    with pytest.raises(Changed):
        failing.fail(sight, DOWN)
    assert claims.held(sight).value.failures == 0


@pytest.mark.parametrize(
    ("columns", "cut"),
    [
        ({}, True),
        ({"refused": ("second",)}, False),
        ({"checkpoint": Checkpoint(Step.WAITING)}, False),
        ({"opened": NOW - 300 * DAY}, False),
    ],
)
def test_a_wait_is_cut_at_the_instant_when_another_would_take_over(columns: Mapping[str, object], cut: bool) -> None:
    """If there is another, a CA has it, and that instant is still to come; a shorter wait stays as it is."""
    _, sight = at_work(80 * DAY, **columns)
    row = claims.held(sight).value
    until = failing.no_longer_than(sight, row, NOW + 60 * DAY)
    assert (NOW < until < NOW + 60 * DAY) is cut
    assert cut or until == NOW + 60 * DAY
    assert failing.no_longer_than(sight, row, NOW + SECOND) == NOW + SECOND


def test_under_the_floor_a_named_end_is_waited_for() -> None:
    """Of eight days the turn has four; a CA that will be done in six leaves two to another, and not a second less."""
    _, sight = at_work(8 * DAY, opened=NOW)
    row = claims.held(sight).value
    assert failing.no_longer_than(sight, row, NOW + 6 * DAY) == NOW + 6 * DAY
    assert failing.no_longer_than(sight, row, NOW + 6 * DAY + SECOND) == NOW + 4 * DAY
