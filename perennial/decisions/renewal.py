"""Whether to renew: a list of checks, the first that answers decides. Nothing here asks a service, a clock or a die."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from perennial.decisions import lifetimes
from perennial.decisions.case import Case, written
from perennial.decisions.matching import difference
from perennial.model.decision import AskHuman, Close, Decision, LeaveAlone, Renew, RenewalPolicy, Snapshot, WaitUntil
from perennial.model.ids import digest
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Outcome, Renewal, Step, closes_as

type Check = Callable[[Case], Decision | None]

#: Waits of an open claim that only a person can end.
FOR_A_PERSON = frozenset({ReasonCode.FOREIGN_PENDING, ReasonCode.SIGNATURE_NEEDED})


def closing(case: Case) -> Decision | None:
    """The replaced version is no longer current: close its claim first."""
    renewal = case.seen.renewal
    if renewal is None or not renewal.is_open or renewal.replacing == case.current.id:
        return None
    issued = closes_as(renewal, case.current) is Outcome.ISSUED
    code = ReasonCode.ISSUED if issued else ReasonCode.SUPERSEDED
    return Close(Reason(code, {"version": case.current.id}), renewal)


def never(case: Case) -> Decision | None:
    """It is left to die on purpose."""
    return LeaveAlone(Reason(ReasonCode.NEVER), case.recheck()) if case.wishes.renew is False else None


def disabled(case: Case) -> Decision | None:
    """A create would bring it back enabled."""
    return None if case.current.enabled else LeaveAlone(Reason(ReasonCode.DISABLED), case.recheck())


def foreign_manager(case: Case) -> Decision | None:
    """Somebody else renews it; under the floor a person is asked, but it is never taken over."""
    by = case.current.made_by
    other = f"the instance {by}" if by and by != case.policy.instance else ""
    manager = next(
        (case.policy.foreign_tags[n] for n in map(str.lower, case.seen.tags) if n in case.policy.foreign_tags), other
    )
    if not manager:
        return None
    reason = Reason(ReasonCode.FOREIGN_MANAGER, {"manager": manager})
    return (
        AskHuman(reason, case.recheck()) if case.emergency else LeaveAlone(reason, case.not_past_floor(case.recheck()))
    )


def replaced_version_is_back(case: Case) -> Decision | None:
    """A version that was replaced once is current again (a restored backup): a create would replace it a second time."""
    claim = case.claim
    if claim is None or claim.outcome not in (Outcome.ISSUED, Outcome.SUPERSEDED) or case.request is not None:
        return None
    return AskHuman(Reason(ReasonCode.REPLACED_VERSION_IS_BACK, {"version": case.current.id}), case.recheck())


def policy_mismatch(case: Case) -> Decision | None:
    """The stored policy would issue something else than what is there."""
    accepted = case.request is not None and case.request.accept_policy
    sent = case.open_claim is not None and case.open_claim.checkpoint.step is not Step.CLAIMED
    lacks = "" if accepted or not case.issuer or sent else difference(case.seen.policy, case.current)
    return AskHuman(Reason(ReasonCode.POLICY_DOES_NOT_MATCH, {"difference": lacks}), case.recheck()) if lacks else None


def no_issuer(case: Case) -> Decision | None:
    """It is due, or a person wants it renewed, and nothing can."""
    if case.issuer or not (case.due or case.by_person):
        return None
    asked = ", ".join(case.unknown_issuers)
    named = f"its tag names the issuer {asked}, which is not set up" if asked else ""
    why = named or "its policy's issuer is Unknown and no tag perennial-issuer names a CA"
    return AskHuman(Reason(ReasonCode.NO_ISSUER, {"why": why}), case.recheck())


def expired_when_first_seen(case: Case) -> Decision | None:
    """It died before our time: somebody may have wanted that."""
    dead = case.seen.first_seen >= case.current.not_after
    if not dead or case.claim is not None or case.request is not None:
        return None
    return AskHuman(Reason(ReasonCode.EXPIRED_WHEN_FIRST_SEEN), case.recheck())


def kill_switch_or_observe(case: Case) -> Decision | None:
    """No write is allowed; what would be done is said."""
    would = case.due or case.open_claim is not None or case.by_person
    if not would:
        return None
    if not case.managed:
        return LeaveAlone(Reason(ReasonCode.OBSERVED, {"due": written(case.due_at)}), case.recheck())
    if case.policy.switched_off is not None:
        return LeaveAlone(Reason(ReasonCode.KILL_SWITCH, {"why": case.policy.switched_off}), case.recheck())
    return None


def loop_guard(case: Case) -> Decision | None:
    """Never two automatic renewals within a quarter of the shorter lifetime: versions can't be deleted one by one."""
    guard, last = case.guarded_until, case.seen.last_issued
    if guard is None or last is None or case.now >= guard or not case.due or case.open_claim is not None:
        return None
    if case.revoked or case.request is not None:
        return None
    facts = {"last": written(last), "until": written(guard)}
    return WaitUntil(Reason(ReasonCode.LOOP_GUARD, facts), guard)


def given_up(case: Case) -> Decision | None:
    """A permanent refusal stands until a person asks, or what was refused is another by now."""
    claim = case.claim
    if claim is None or claim.outcome is not Outcome.GIVEN_UP or _reopened(case, claim):
        return None
    facts = {"error": claim.error, "fix": claim.fix or "correct it and ask for a renewal"}
    return AskHuman(Reason(ReasonCode.GIVEN_UP, facts), case.recheck())


def _reopened(case: Case, claim: Renewal) -> bool:
    asked = case.request is not None and (claim.closed is None or case.request.at > claim.closed)
    return asked or refusal_of(case) != claim.refused_for


def refusal_of(case: Case) -> str:
    """Return what a permanent refusal is about, for a case: whoever of its issuers said it."""
    return refused_for(case.seen, *case.issuers)


def refused_for(seen: Snapshot, *issuers: str) -> str:
    """Return what a permanent refusal was about: another policy, tag or list of issuers reopens it."""
    tags = sorted(f"{name.lower()}={text}" for name, text in seen.tags.items())
    return digest(",".join(issuers), seen.policy.fingerprint, *tags)


def held(case: Case) -> Decision | None:
    """Another look works on the claim."""
    claim = case.open_claim
    if claim is None or claim.held_until is None or case.now >= claim.held_until:
        return None
    return WaitUntil(Reason(ReasonCode.HELD, {"until": written(claim.held_until)}), claim.held_until)


def requested(case: Case) -> Decision | None:
    """A person asked: passes the due date, the brake, a pause; never the claim."""
    if case.request is None or not case.by_person or case.open_claim is not None:
        return None
    return Renew(
        Reason(ReasonCode.REQUESTED, {"actor": case.request.actor, "why": case.request.reason}), case.current.id
    )


def emergency_floor(case: Case) -> Decision | None:
    """So little life is left that brake, pauses and windows no longer count, and a back-off lasts an hour at most."""
    if not case.emergency or case.now < case.next_step:
        return None
    left = case.current.not_after - case.now
    share = f"{max(left / case.current.lifetime, 0):.0%}"
    return Renew(Reason(ReasonCode.EMERGENCY, {"left": share}), case.current.id)


def brake(case: Case) -> Decision | None:
    """More automatic renewals in a day than expected: something is wrong with us, or with the fleet."""
    stops = case.due and case.open_claim is None and case.policy.renewals_today >= case.policy.brake
    if not stops or case.revoked:  # what is under the floor has been answered above
        return None
    until = case.not_past_floor(case.midnight())
    facts = {"count": str(case.policy.renewals_today), "limit": str(case.policy.brake), "until": written(until)}
    return WaitUntil(Reason(ReasonCode.BRAKE, facts), until)


def paused(case: Case) -> Decision | None:
    """A tag or a person pauses it; a pause ends at the floor."""
    until, asked = case.paused_until, case.request
    active = case.due or case.open_claim is not None
    if until is None or case.now >= until or not active or case.emergency or asked is not None:
        return None
    return WaitUntil(Reason(ReasonCode.PAUSED, {"until": written(until)}), case.not_past_floor(until))


def back_off(case: Case) -> Decision | None:
    """The claim's next step is not yet due; if it is, go on."""
    claim = case.open_claim
    if claim is None:
        return None
    if case.now >= case.next_step:
        return Renew(Reason(ReasonCode.GOING_ON, {"step": claim.checkpoint.step}), case.current.id)
    until = min(claim.next_step, max(claim.earliest, case.floor_at))
    reason = claim.waiting or Reason(ReasonCode.BACK_OFF, _failure(claim))
    return AskHuman(reason, until) if reason.code in FOR_A_PERSON else WaitUntil(reason, until)


def _failure(claim: Renewal) -> Mapping[str, str]:
    return {"attempts": str(claim.failures), "error": claim.error, "until": written(claim.next_step)}


def supervise(case: Case) -> Decision | None:
    """Key Vault renews it itself; Perennial steps in only when that is overdue."""
    if not case.supervised:
        return None
    fires = written(lifetimes.trigger(case.seen.policy, case.current))
    if case.due:
        return Renew(Reason(ReasonCode.TAKEN_OVER, {"trigger": fires}), case.current.id)
    facts = {"trigger": fires, "steps_in": written(case.steps_in)}
    return LeaveAlone(Reason(ReasonCode.SUPERVISED, facts), min(case.steps_in, case.recheck()))


def suggested(case: Case) -> Decision | None:
    """The CA's renewal window says now (RFC 9773 §4.2); it only ever pulls earlier."""
    if case.revoked:
        return Renew(Reason(ReasonCode.REVOKED), case.current.id)
    at = case.seen.suggested_at
    if at is None or case.now < at:
        return None
    return Renew(Reason(ReasonCode.SUGGESTED, {"due": written(at)}), case.current.id)


def drifted(case: Case) -> Decision | None:
    """It is not what its policy and tags ask for: names, key, CA. Not again if a renewal has left that as it was."""
    if not case.drifted:
        return None
    return Renew(Reason(ReasonCode.DRIFTED, {"difference": case.differs}), case.current.id)


def lifetime_rule(case: Case) -> Decision | None:
    """A third of the life is left, or a half of a short one."""
    return Renew(Reason(ReasonCode.DUE, {"due": written(case.due_at)}), case.current.id) if case.due else None


def _not_due(case: Case) -> Decision:
    return WaitUntil(Reason(ReasonCode.NOT_DUE, {"due": written(case.due_at)}), case.due_at)


#: The precedence. Moving a line changes what Perennial does: tests/decisions/test_precedence.py holds it as a table.
CHECKS: tuple[Check, ...] = (
    closing,
    never,
    disabled,
    foreign_manager,
    replaced_version_is_back,
    policy_mismatch,
    no_issuer,
    expired_when_first_seen,
    kill_switch_or_observe,
    loop_guard,
    given_up,
    held,
    requested,
    emergency_floor,
    brake,
    paused,
    back_off,
    supervise,
    suggested,
    drifted,
    lifetime_rule,
)


def decide(seen: Snapshot, policy: RenewalPolicy, now: datetime, checks: Sequence[Check] = CHECKS) -> Decision:
    """Decide about one certificate. Total; `next_check` is later than `now`; the same input gives the same answer."""
    if seen.current is None:
        return LeaveAlone(Reason(ReasonCode.GONE), now + timedelta(days=7))
    if seen.current.leaf is None:
        return LeaveAlone(Reason(ReasonCode.UNFINISHED), lifetimes.read_again(None, settled=False, now=now))
    case = Case(seen, seen.current, policy, now)
    answers = (check(case) for check in checks)
    return next((answer for answer in answers if answer is not None), _not_due(case))
