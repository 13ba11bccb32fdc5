"""Each check where it answers and where it barely does not, with the facts that it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.decisions import renewal
from perennial.decisions.case import Case
from perennial.decisions.renewal import decide, refused_for
from perennial.model.certificate import IssuerClass, Leaf
from perennial.model.decision import AskHuman, Decision, LeaveAlone, Renew, RenewalPolicy, Snapshot, WaitUntil
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Outcome, Step
from tests.decisions.cases import (
    AUTO,
    CURRENT,
    DAY,
    NOW,
    OBSERVE,
    OLDER,
    RENEW,
    SELF,
    UNKNOWN,
    asked,
    claim,
    snapshot,
    version,
)

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
DUE, FLOOR, YOUNG = 20 * DAY, 5 * DAY, 80 * DAY
AUTHORITIES = replace(RENEW, authorities=frozenset({"corp-ca"}))
BY_CA = {"perennial-issuer": "corp-ca"}


def code(seen: Snapshot, policy: RenewalPolicy = RENEW, now: datetime = NOW) -> ReasonCode:
    """Return why it is decided so."""
    return decide(seen, policy, now).reason.code


def leaf(**changes: Any) -> Leaf:
    """Return the usual leaf, changed."""
    one = version(DUE).leaf
    assert one is not None
    return replace(one, **changes)


def public(left: timedelta = DUE) -> Snapshot:
    """Return a certificate of a public CA over a `Self` policy."""
    return snapshot(left, current=version(left, leaf=leaf(issuer_class=IssuerClass.PUBLIC)))


def test_what_is_not_there_is_asked_for_in_a_week_and_what_is_unfinished_in_a_day() -> None:
    """Neither asks for anything sooner."""
    missing, unfinished = snapshot(DUE, current=None), snapshot(DUE, current=version(DUE, leaf=None))
    assert decide(missing, RENEW, NOW) == LeaveAlone(Reason(ReasonCode.GONE), NOW + 7 * DAY)
    assert decide(unfinished, RENEW, NOW) == LeaveAlone(Reason(ReasonCode.UNFINISHED), NOW + DAY)


def test_the_due_date_is_the_one_decided_by() -> None:
    """What is not due waits until just then."""
    seen = snapshot(YOUNG)
    decision = decide(seen, RENEW, NOW)
    assert isinstance(decision, WaitUntil)
    assert decision.next_check == Case(seen, version(YOUNG), RENEW, NOW).due_at


@pytest.mark.parametrize(
    ("made_by", "tags", "manager"),
    [
        ("", {}, ""),
        ("perennial", {}, ""),
        ("other", {}, "the instance other"),
        ("", {"ACMEBOT": "x"}, "Acmebot"),
        ("other", {"Acmebot": "x"}, "Acmebot"),
    ],
)
def test_who_else_manages_it(made_by: str, tags: dict[str, str], manager: str) -> None:
    """Another instance's mark or a known tool's tag; our own mark is not foreign."""
    seen = snapshot(YOUNG, current=version(YOUNG, made_by=made_by), tags=tags)
    reason = decide(seen, replace(RENEW, foreign_tags={"acmebot": "Acmebot"}), NOW).reason
    assert reason.facts.get("manager", "") == manager


def test_somebody_elses_is_looked_at_again_at_the_floor() -> None:
    """A day before the floor it is looked at within the day, hours before it at the floor itself."""
    seen = snapshot(YOUNG, current=version(9 * DAY + HOUR, made_by="other"))
    decision = decide(seen, RENEW, NOW)
    assert isinstance(decision, LeaveAlone)
    assert decision.next_check == NOW + HOUR


def test_a_restored_version_is_renewed_for_a_person_and_asked_about_otherwise() -> None:
    """Replaced by us, or while we were at it: a create would replace it twice."""
    for outcome in (Outcome.ISSUED, Outcome.SUPERSEDED):
        seen = snapshot(DUE, renewal=claim(outcome=outcome))
        assert code(seen) is ReasonCode.REPLACED_VERSION_IS_BACK
        assert code(replace(seen, request=asked())) is ReasonCode.REQUESTED


def test_a_policy_that_differs_blocks_until_it_is_accepted_or_sent() -> None:
    """A request alone accepts nothing; once the create is out there is nothing left to block."""
    seen = public()
    assert code(replace(seen, request=asked())) is ReasonCode.POLICY_DOES_NOT_MATCH
    assert code(replace(seen, request=asked(accept_policy=True))) is ReasonCode.REQUESTED
    assert code(replace(seen, renewal=claim())) is ReasonCode.POLICY_DOES_NOT_MATCH
    assert code(replace(seen, renewal=claim(checkpoint=Checkpoint(Step.SENDING)))) is ReasonCode.GOING_ON


def test_what_nothing_can_renew_needs_no_matching_policy() -> None:
    """Without an issuer the missing issuer is the reason, not the policy's names."""
    two_names = version(DUE, leaf=leaf(names=("api.example", "www.example")))
    assert code(snapshot(DUE, current=two_names, policy=UNKNOWN)) is ReasonCode.NO_ISSUER


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({}, "its policy's issuer is Unknown and no tag perennial-issuer names a CA"),
        (BY_CA, "its tag names the issuer corp-ca, which is not set up"),
    ],
)
def test_no_issuer_says_which_is_missing(tags: dict[str, str], why: str) -> None:
    """The tag's CA where there is a tag, the policy's otherwise."""
    assert decide(snapshot(DUE, policy=UNKNOWN, tags=tags), RENEW, NOW).reason.facts["why"] == why


def test_the_tags_ca_takes_the_place_of_the_vault() -> None:
    """Also of Key Vault's own rotation; an open claim keeps the issuer that it began with."""
    seen = snapshot(DUE, policy=AUTO, tags=BY_CA)
    case = Case(seen, version(DUE), AUTHORITIES, NOW)
    assert (case.issuer, case.supervised) == ("corp-ca", False)
    begun = replace(seen, renewal=claim())
    assert Case(begun, version(DUE), AUTHORITIES, NOW).issuer == "vault"
    assert code(snapshot(DUE, policy=UNKNOWN, tags=BY_CA), AUTHORITIES) is ReasonCode.DUE


def test_a_request_counts_for_its_version_and_early_only_by_force() -> None:
    """One for an older version is spent; one without force waits until it is due."""
    assert code(snapshot(YOUNG, request=asked(version=OLDER))) is ReasonCode.NOT_DUE
    assert code(snapshot(YOUNG, request=asked(force=False))) is ReasonCode.NOT_DUE
    assert code(snapshot(YOUNG, request=asked())) is ReasonCode.REQUESTED
    assert code(snapshot(DUE, request=asked(force=False))) is ReasonCode.REQUESTED


def test_dead_when_first_seen_is_a_persons_to_renew() -> None:
    """Dead at that very instant counts; what lived a second then, has a claim, or is asked for, does not."""
    dead = snapshot(-DAY, first_seen=NOW - DAY)
    assert code(dead) is ReasonCode.EXPIRED_WHEN_FIRST_SEEN
    assert code(replace(dead, first_seen=NOW - DAY - SECOND)) is ReasonCode.EMERGENCY
    assert code(replace(dead, renewal=claim())) is ReasonCode.EMERGENCY
    assert code(replace(dead, request=asked())) is ReasonCode.REQUESTED


def test_observed_and_switched_off_say_so_only_where_something_would_be_done() -> None:
    """A young certificate waits for its due date in an observed vault too; an open claim would go on."""
    assert code(snapshot(YOUNG), OBSERVE) is ReasonCode.NOT_DUE
    assert code(snapshot(YOUNG, renewal=claim()), OBSERVE) is ReasonCode.OBSERVED
    assert code(snapshot(DUE), OBSERVE) is ReasonCode.OBSERVED
    off = replace(RENEW, switched_off="a migration")
    assert decide(snapshot(DUE), off, NOW).reason.facts["why"] == "a migration"


def test_the_loop_guard_ends_at_its_instant() -> None:
    """A second before it holds, then no more; an open claim, a person and a revocation pass it."""
    guarded = snapshot(DUE, last_issued=NOW - 22.5 * DAY + SECOND, last_lifetime=90 * DAY)
    decision = decide(guarded, RENEW, NOW)
    assert isinstance(decision, WaitUntil)
    assert (decision.reason.code, decision.next_check) == (ReasonCode.LOOP_GUARD, NOW + SECOND)
    assert decision.reason.facts == {"last": "2026-11-02 00:00Z", "until": "2026-11-24 12:00Z"}
    assert code(guarded, now=NOW + SECOND) is ReasonCode.DUE
    assert code(replace(guarded, renewal=claim())) is ReasonCode.GOING_ON
    assert code(replace(guarded, request=asked(force=False))) is ReasonCode.REQUESTED
    assert code(replace(guarded, window_passed=True)) is ReasonCode.REVOKED
    assert code(snapshot(YOUNG, last_issued=NOW - DAY)) is ReasonCode.NOT_DUE


def test_given_up_until_somebody_asks_or_something_changes() -> None:
    """A request after the refusal reopens, one before it does not; so does another tag, policy or issuer."""
    seen = snapshot(DUE)
    refused = claim(
        outcome=Outcome.GIVEN_UP, closed=NOW - HOUR, refused_for=refused_for(seen, "vault"), error="no", fix=""
    )
    stuck = replace(seen, renewal=refused)
    facts = decide(stuck, RENEW, NOW).reason.facts
    assert (facts["error"], facts["fix"]) == ("no", "correct it and ask for a renewal")
    assert code(replace(stuck, renewal=replace(refused, outcome=Outcome.OPEN))) is ReasonCode.GOING_ON
    mended = replace(stuck, renewal=replace(refused, fix="pay"))
    assert decide(mended, RENEW, NOW).reason.facts["fix"] == "pay"
    assert code(replace(stuck, request=asked(at=NOW - 2 * HOUR))) is ReasonCode.GIVEN_UP
    assert code(replace(stuck, request=asked(at=NOW - HOUR))) is ReasonCode.GIVEN_UP
    assert code(replace(stuck, request=asked())) is ReasonCode.REQUESTED
    assert code(replace(stuck, renewal=replace(refused, closed=None), request=asked())) is ReasonCode.REQUESTED
    assert code(replace(stuck, tags={"owner": "x"})) is ReasonCode.DUE
    assert code(replace(stuck, policy=replace(SELF, fingerprint="mended"))) is ReasonCode.DUE
    by_ca = replace(stuck, renewal=replace(refused, refused_for=refused_for(seen, "corp-ca")))
    assert code(by_ca) is ReasonCode.DUE


def test_what_was_refused_is_compared_without_order_and_case_of_tag_names() -> None:
    """The vault may give tags in any order; a value's case is a change."""
    one, other = {"A": "x", "b": "y"}, {"B": "y", "a": "x"}
    assert refused_for(snapshot(DUE, tags=one), "vault") == refused_for(snapshot(DUE, tags=other), "vault")
    assert refused_for(snapshot(DUE, tags={"a": "X"}), "vault") != refused_for(snapshot(DUE, tags={"a": "x"}), "vault")


def test_a_lease_ends_at_its_instant() -> None:
    """A second before it is held; then the claim goes on."""
    held = snapshot(DUE, renewal=claim(held_until=NOW + SECOND))
    assert decide(held, RENEW, NOW) == WaitUntil(Reason(ReasonCode.HELD, {"until": "2026-11-24 12:00Z"}), NOW + SECOND)
    assert code(held, now=NOW + SECOND) is ReasonCode.GOING_ON


@pytest.mark.parametrize(("left", "share"), [(FLOOR, "6%"), (-DAY, "0%")])
def test_an_emergency_says_how_much_life_is_left(left: timedelta, share: str) -> None:
    """As a share; never less than nothing."""
    seen = snapshot(left)
    assert decide(seen, RENEW, NOW) == Renew(Reason(ReasonCode.EMERGENCY, {"left": share}), CURRENT)


def test_the_brake_counts_and_lasts_until_midnight_or_the_floor() -> None:
    """At its limit, not below; never for what is under way, revoked or under the floor."""
    braked = replace(RENEW, brake=20, renewals_today=20)
    decision = decide(snapshot(DUE), braked, NOW)
    assert isinstance(decision, WaitUntil)
    assert decision.reason.code is ReasonCode.BRAKE
    until = f"{decision.next_check:%Y-%m-%d %H:%MZ}"
    assert decision.reason.facts == {"count": "20", "limit": "20", "until": until}
    assert NOW + 12 * HOUR <= decision.next_check < NOW + 13 * HOUR
    near = decide(snapshot(9 * DAY + HOUR), braked, NOW)
    assert isinstance(near, WaitUntil)
    assert near.next_check == NOW + HOUR
    assert code(snapshot(DUE), replace(braked, renewals_today=19)) is ReasonCode.DUE
    assert code(snapshot(DUE, window_passed=True), braked) is ReasonCode.REVOKED
    assert code(snapshot(YOUNG), braked) is ReasonCode.NOT_DUE


def test_a_pause_holds_what_is_due_until_its_end_or_the_floor() -> None:
    """A second before its end, not at it; not for a person, and what is not due waits for its date."""
    paused = decide(snapshot(DUE, paused_until=NOW + SECOND), RENEW, NOW)
    assert paused == WaitUntil(Reason(ReasonCode.PAUSED, {"until": "2026-11-24 12:00Z"}), NOW + SECOND)
    assert code(snapshot(DUE, paused_until=NOW)) is ReasonCode.DUE
    assert code(snapshot(YOUNG, paused_until=NOW + 30 * DAY)) is ReasonCode.NOT_DUE
    assert code(snapshot(YOUNG, paused_until=NOW + DAY, renewal=claim())) is ReasonCode.PAUSED
    assert code(snapshot(DUE, paused_until=NOW + DAY, request=asked(), renewal=claim())) is ReasonCode.GOING_ON
    long = decide(snapshot(DUE, paused_until=NOW + 30 * DAY), RENEW, NOW)
    assert isinstance(long, WaitUntil)
    assert long.next_check == NOW + 11 * DAY


def test_a_back_off_ends_at_its_step_or_at_the_floor() -> None:
    """Whichever is sooner, but no sooner than the CA allows; it says what failed."""
    waiting = claim(next_step=NOW + 15 * DAY, earliest=NOW + HOUR, failures=3, error="down")
    facts = {"attempts": "3", "error": "down", "until": "2026-12-09 12:00Z"}
    assert decide(snapshot(DUE, renewal=waiting), RENEW, NOW) == WaitUntil(
        Reason(ReasonCode.BACK_OFF, facts), NOW + 11 * DAY
    )

    def until(left: timedelta, **changes: Any) -> datetime:
        """Return when it goes on."""
        decision: Decision = decide(snapshot(left, renewal=replace(waiting, **changes)), RENEW, NOW)
        assert isinstance(decision, WaitUntil | AskHuman)
        return decision.next_check

    assert until(DUE, next_step=NOW + DAY) == NOW + DAY
    assert until(DUE, earliest=NOW + 13 * DAY) == NOW + 13 * DAY
    assert until(FLOOR) == NOW + HOUR
    assert code(snapshot(FLOOR, renewal=waiting, paused_until=NOW + DAY)) is ReasonCode.BACK_OFF
    assert until(DUE, waiting=Reason(ReasonCode.FOREIGN_PENDING), next_step=NOW + DAY) == NOW + DAY


def test_supervision_says_when_key_vault_acts_and_when_perennial_steps_in() -> None:
    """Left alone until then, looked at when that comes if it comes within the day; taken over at the instant."""
    seen = snapshot(16 * DAY + 2 * HOUR, policy=AUTO)  # 80 % were two days ago, less two hours
    left = decide(seen, RENEW, NOW)
    facts = {"trigger": "2026-11-22 14:00Z", "steps_in": "2026-11-24 14:00Z"}
    assert left == LeaveAlone(Reason(ReasonCode.SUPERVISED, facts), NOW + 2 * HOUR)
    assert decide(seen, RENEW, NOW + 2 * HOUR) == Renew(
        Reason(ReasonCode.TAKEN_OVER, {"trigger": "2026-11-22 14:00Z"}), CURRENT
    )


def test_a_suggestion_counts_from_its_instant() -> None:
    """RFC 9773: a second before it nothing is due, and the wait ends there."""
    early = decide(snapshot(YOUNG, suggested_at=NOW + SECOND), RENEW, NOW)
    assert isinstance(early, WaitUntil)
    assert (early.reason.code, early.next_check) == (ReasonCode.NOT_DUE, NOW + SECOND)
    assert code(snapshot(YOUNG, suggested_at=NOW)) is ReasonCode.SUGGESTED
    assert code(snapshot(DUE, suggested_at=NOW + SECOND)) is ReasonCode.DUE


def test_every_check_stands_once() -> None:
    """None is left out and none is doubled."""
    assert len(set(renewal.CHECKS)) == len(renewal.CHECKS) == 21
