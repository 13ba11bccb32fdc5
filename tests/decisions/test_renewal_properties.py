"""What holds for `decide` whatever is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from perennial.decisions import lifetimes
from perennial.decisions.case import Case
from perennial.decisions.renewal import FOR_A_PERSON, Check, decide
from perennial.model.decision import AskHuman, Close, Renew, RenewalPolicy, Snapshot, WaitUntil
from perennial.model.mode import Mode
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Asked, Checkpoint, Outcome, Renewal, Step
from tests.decisions.cases import AUTO, CURRENT, DAY, NOW, OLDER, REF, SELF, UNKNOWN, snapshot, version

WIDER = replace(UNKNOWN, names=("api.example", "www.example"))

minutes = st.integers(-400 * 24 * 60, 800 * 24 * 60).map(lambda n: timedelta(minutes=n))
instants = minutes.map(lambda delta: NOW + delta)
maybe = st.none() | instants
lifetimes_drawn = st.integers(6 * 60, 800 * 24 * 60).map(lambda n: timedelta(minutes=n))
tags = st.dictionaries(
    st.sampled_from(
        ["perennial-renew", "perennial-renew-at", "perennial-pause-until", "perennial-issuer", "Acmebot", "owner"]
    ),
    st.sampled_from(["always", "never", "30d", "33%", "2027-01-01", "rubbish", "", "corp", "rubbish backup corp"]),
    max_size=3,
)


@st.composite
def claims(draw: st.DrawFn) -> Renewal:
    """Draw a claim on the current or an older version, in any state."""
    earliest = draw(instants)
    return Renewal(
        certificate=REF,
        replacing=draw(st.sampled_from([CURRENT, OLDER])),
        issuer=draw(st.sampled_from(["vault", "corp", "gone-ca"])),
        opened=NOW - DAY,
        next_step=max(earliest, draw(instants)),
        earliest=earliest,
        stepped=draw(maybe),
        held_until=draw(maybe),
        outcome=draw(st.sampled_from(Outcome)),
        closed=draw(maybe),
        checkpoint=Checkpoint(draw(st.sampled_from(Step))),
        waiting=draw(st.none() | st.sampled_from([Reason(code) for code in sorted(FOR_A_PERSON)])),
        trigger=draw(st.sampled_from([ReasonCode.DUE, ReasonCode.REVOKED])),
        new_version=draw(st.sampled_from(["", CURRENT])),
        drift=draw(st.sampled_from(["", "it does not name api.example"])),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw anything that may be seen of a certificate."""
    lifetime = draw(lifetimes_drawn)
    current = version(draw(minutes), lifetime, enabled=draw(st.sampled_from([True, True, True, False])))
    if draw(st.integers(0, 9)) == 0:
        current = replace(current, leaf=None)
    request = Asked(
        reason="r",
        actor="a",
        at=draw(instants),
        version=draw(st.sampled_from([CURRENT, OLDER])),
        force=draw(st.booleans()),
    )
    return Snapshot(
        certificate=REF,
        current=draw(st.just(current) | st.none()) if draw(st.integers(0, 9)) == 0 else current,
        policy=draw(st.sampled_from([SELF, AUTO, UNKNOWN, WIDER])),
        tags=draw(tags),
        renewal=draw(st.none() | claims()),
        request=draw(st.none() | st.just(request)),
        paused_until=draw(maybe),
        first_seen=draw(instants),
        last_issued=draw(maybe),
        last_lifetime=draw(lifetimes_drawn),
        suggested_at=draw(maybe),
        window_passed=draw(st.booleans()),
        issued_through=draw(st.sampled_from(["", "corp", "gone-ca"])),
        drifted_at=draw(maybe),
    )


policies = st.builds(
    RenewalPolicy,
    mode=st.sampled_from(Mode),
    switched_off=st.none() | st.just("a migration"),
    renewals_today=st.integers(0, 40),
    foreign_tags=st.just({"acmebot": "Acmebot"}),
    authorities=st.sampled_from([frozenset(), frozenset({"corp", "backup"})]),
    issuers=st.sampled_from([(), ("corp",), ("backup", "corp")]),
)


@given(seen=snapshots(), policy=policies)
def test_decide_is_total_and_says_why(seen: Snapshot, policy: RenewalPolicy, checks: Sequence[Check]) -> None:
    """Whatever is seen has a decision with a sentence, and the same input has the same answer."""
    decision = decide(seen, policy, NOW, checks)
    assert decision.reason.sentence, "every decision has a reason"
    assert decision == decide(seen, policy, NOW, checks)


@given(seen=snapshots(), policy=policies)
def test_next_check_is_later_than_now(seen: Snapshot, policy: RenewalPolicy, checks: Sequence[Check]) -> None:
    """What is not done now is looked at later, not at once again."""
    decision = decide(seen, policy, NOW, checks)
    assert isinstance(decision, Renew | Close) or decision.next_check > NOW, "the next check is later than now"


@given(snapshots(), policies)
def test_a_wait_never_passes_the_due_date_or_the_floor(seen: Snapshot, policy: RenewalPolicy) -> None:
    """A managed certificate that is not yet due is looked at when it is due at the latest; one that waits, at the floor."""
    decision = decide(seen, policy, NOW)
    if not isinstance(decision, WaitUntil) or seen.current is None or decision.reason.code is ReasonCode.LOOP_GUARD:
        return
    case = Case(seen, seen.current, policy, NOW)
    if not case.due:
        assert decision.next_check <= case.due_at or case.open_claim is not None
    if case.floor_at > NOW and decision.reason.code is not ReasonCode.HELD:
        late = case.open_claim.earliest if case.open_claim else NOW
        assert decision.next_check <= max(case.floor_at, late)


@given(snapshots(), policies, st.integers(0, 100 * 24 * 60).map(lambda n: timedelta(minutes=n)))
def test_once_due_due_until_replaced_or_paused(seen: Snapshot, policy: RenewalPolicy, later: timedelta) -> None:
    """Time alone never takes a due date back."""
    if seen.current is None or seen.current.leaf is None:
        return
    now_due = Case(seen, seen.current, policy, NOW).due
    assert not now_due or Case(seen, seen.current, policy, NOW + later).due


@given(snapshots(), policies, maybe)
def test_suggestions_only_pull_earlier(seen: Snapshot, policy: RenewalPolicy, suggested: datetime | None) -> None:
    """A CA's window, whatever it says, never moves the due date back."""
    if seen.current is None or seen.current.leaf is None:
        return
    without = Case(replace(seen, suggested_at=None), seen.current, policy, NOW)
    with_it = Case(replace(seen, suggested_at=suggested), seen.current, policy, NOW)
    assert with_it.due_at <= without.due_at


@given(snapshots(), policies)
def test_a_drift_only_pulls_earlier(seen: Snapshot, policy: RenewalPolicy) -> None:
    """Whatever policy and tags ask for, the due date of a certificate that differs is no later than without the difference."""
    if seen.current is None or seen.current.leaf is None:
        return
    case = Case(seen, seen.current, policy, NOW)
    without = Case(replace(seen, drifted_at=None), seen.current, policy, NOW)
    assert case.due_at <= without.due_at
    assert case.due or not case.drifted


@given(snapshots(), policies)
def test_whoever_renews_it_is_set_up(seen: Snapshot, policy: RenewalPolicy) -> None:
    """The issuer of a renewal is the vault or a CA that the settings know, whatever tags and claims say; and no list holds both."""
    if seen.current is None or seen.current.leaf is None:
        return
    case = Case(seen, seen.current, policy, NOW)
    assert case.issuer in {"", "vault", *policy.authorities}
    assert len(case.issuers) < 2 or "vault" not in case.issuers
    if isinstance(decide(seen, policy, NOW), Renew):
        assert case.issuer, "nobody would renew it"


@given(snapshots(), tags)
def test_tags_only_pull_the_due_date_earlier(seen: Snapshot, drawn: dict[str, str]) -> None:
    """No tag moves the lifetime rule's date back, and none moves it into the loop guard's quarter."""
    if seen.current is None or seen.current.leaf is None:
        return
    plain = Case(replace(seen, tags={}, suggested_at=None), seen.current, RenewalPolicy(), NOW)
    tagged = Case(replace(seen, tags=drawn, suggested_at=None), seen.current, RenewalPolicy(), NOW)
    if not plain.supervised:
        assert tagged.due_at <= plain.due_at
        assert tagged.due_at >= min(plain.due_at, seen.current.not_before + seen.current.lifetime / 4)


@given(seen=snapshots())
@example(seen=snapshot(5 * DAY, paused_until=NOW + DAY))
def test_under_the_floor_only_named_reasons_hold_a_managed_certificate_back(
    seen: Snapshot, checks: Sequence[Check]
) -> None:
    """Brake and pauses no longer count there; what does, is a person's, or a promise about loops and claims."""
    policy = RenewalPolicy(mode=Mode.RENEW, renewals_today=99)
    if seen.current is None or seen.current.leaf is None:
        return
    case = Case(seen, seen.current, policy, NOW)
    decision = decide(seen, policy, NOW, checks)
    if case.emergency and isinstance(decision, WaitUntil):
        named = {ReasonCode.LOOP_GUARD, ReasonCode.HELD, ReasonCode.BACK_OFF}
        assert decision.reason.code in named, "nothing else waits under the floor"


@given(snapshots(), policies)
def test_no_write_without_being_chosen(seen: Snapshot, policy: RenewalPolicy) -> None:
    """An observed certificate, and any under the switch, is never renewed."""
    if seen.current is None or seen.current.leaf is None:
        return
    case = Case(seen, seen.current, policy, NOW)
    if isinstance(decide(seen, policy, NOW), Renew):
        assert case.managed
        assert policy.switched_off is None


@given(snapshots())
def test_asking_a_person_is_looked_at_within_a_day(seen: Snapshot) -> None:
    """What a person must do is looked at again within a day, unless a claim's own wait says when."""
    decision = decide(seen, RenewalPolicy(mode=Mode.RENEW), NOW)
    if isinstance(decision, AskHuman) and decision.reason.code not in FOR_A_PERSON:
        assert decision.next_check <= NOW + DAY


@given(lifetimes_drawn)
def test_the_dates_of_a_life_stand_in_order(lifetime: timedelta) -> None:
    """Born, due, latest due, emergency, end: for every lifetime from six hours to years."""
    one = version(timedelta(0), lifetime)
    due = lifetimes.due(
        REF, one, Case(Snapshot(certificate=REF, current=one, first_seen=NOW), one, RenewalPolicy(), NOW).wishes
    )
    assert one.not_before < due <= lifetimes.latest_due(one) < lifetimes.floor(one) < one.not_after
