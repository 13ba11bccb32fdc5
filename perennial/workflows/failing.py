"""A renewal's step failed, or an issuer keeps it waiting: a rung of the ladder, another issuer's turn, or the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from perennial.decisions import failover
from perennial.decisions.backoff import renewal_wait
from perennial.decisions.case import Case, written
from perennial.decisions.failover import Life, Turn
from perennial.decisions.renewal import refusal_of
from perennial.errors import DnsError, IssuerError, TooLong, VaultError, too_many_names
from perennial.log import warn
from perennial.model.history import HistoryKind
from perennial.model.renewal import Checkpoint, Outcome, Renewal, Step, Waiting
from perennial.workflows import announce, claims, notices
from perennial.workflows.record import record
from perennial.workflows.sight import Sight


def fail(sight: Sight, failure: IssuerError, *, midway: bool = False) -> None:
    """Take a rung of the ladder, hand over to the next issuer, or give up for good; `midway`: what the issuer has begun is not ended."""
    row, now, case = claims.held(sight).value, sight.world.now, sight.case
    by_ca = row.checkpoint.step is Step.SIGNING  # what the vault refuses it would refuse every CA
    if not by_ca:
        turn = None if failure.permanent else Turn(row.issuer)
    elif failure.permanent:
        turn = failover.after_refusal(row, case.issuers, now)
    else:
        turn = failover.after_failure(row, case.issuers, _life(case), now, failure.retry_after)
    _write_down(sight, failure, turn, midway=midway)


def too_long(sight: Sight, full: TooLong) -> None:
    """Fail for good with what no row can remember: it would be done again by each look, and never be saved. Our CSR stays for another issuer."""
    row = claims.held(sight).value
    fail(sight, too_many_names(sight.ref, str(full), claims.handed_to(row, row.issuer).checkpoint), midway=True)


def keeps_waiting(sight: Sight, waiting: Waiting) -> bool:
    """Hand over from an issuer that answered a late step with another wait; False: it has its time still, or nobody else is left."""
    now, case = sight.world.now, sight.case
    if waiting.until <= now or waiting.checkpoint.step is not Step.SIGNING:
        return False
    return _hand_over(
        sight, failover.after_wait(claims.held(sight).value, case.issuers, _life(case), now), waiting.checkpoint
    )


def waited_enough(sight: Sight) -> bool:
    """Hand over from an issuer whose wait was cut short, without asking it before its time; the wait goes on where nobody else is left."""
    row, now, case = claims.held(sight).value, sight.world.now, sight.case
    cut = row.next_step <= now < row.earliest  # earlier than that a person wants it asked
    if row.checkpoint.step is not Step.SIGNING or not cut:
        return False
    turn = failover.after_wait(row, case.issuers, _life(case), now)
    if not _hand_over(sight, turn, row.checkpoint):
        claims.save(sight, replace(row, held_until=None, next_step=row.earliest))
    return True


def no_longer_than(sight: Sight, row: Renewal, until: datetime) -> datetime:
    """Cut a wait for a CA short at the instant when another would take over."""
    case = sight.case
    if row.checkpoint.step is not Step.SIGNING:
        return until
    late = failover.patience_ends(row, _life(case))
    other = late > sight.world.now and failover.after_wait(row, case.issuers, _life(case), late)
    return failover.longest_wait(row, _life(case), until) if other else until


def _hand_over(sight: Sight, turn: Turn | None, checkpoint: Checkpoint) -> bool:
    if turn is None:
        return False
    row = claims.held(sight).value
    began = written(row.turn_began or row.opened)
    _write_down(sight, IssuerError("too-slow", f"{row.issuer} has been at it since {began}", back_to=checkpoint), turn)
    return True


def _write_down(sight: Sight, failure: IssuerError, turn: Turn | None, *, midway: bool = False) -> None:
    """Write and tell before the row says so, since the ids make a repeat harmless. One save: the failure, and whose turn it is."""
    world, now, row = sight.world, sight.world.now, claims.held(sight).value
    failed = _counted(row, failure, now)
    if turn is None:
        after = replace(failed, outcome=Outcome.GIVEN_UP, closed=now, refused_for=refusal_of(sight.case))
    elif turn.issuer == row.issuer:
        wait = renewal_wait(world.settings.renewal_ladder, failed.turn_failures, failure.retry_after)
        after = replace(failed, next_step=now + wait.ladder, earliest=now + wait.under_floor)
    else:
        after = _turned(sight, failed, turn)
    if midway or (turn is not None and turn.issuer != row.issuer):
        _undo(sight, row)
    kind = HistoryKind.GIVEN_UP if turn is None else HistoryKind.FAILED
    record(world, sight.ref, kind, at=now, version=row.replacing, step=str(after.failures), error=after.error)
    successor = after.issuer if after.issuer != row.issuer else ""
    if successor:
        why = f"{successor} takes over from {row.issuer}"
        step, kind = str(after.failures), HistoryKind.FAILED_OVER
        record(world, sight.ref, kind, at=now, version=row.replacing, step=step, reason=why, error=after.error)
        sight.did.append(f"failed-over: {successor}")
    announce.tell(world, notices.renewal_failed(sight.entry, replace(after, issuer=row.issuer), now, successor))
    claims.save(sight, after)
    sight.did.append(f"failed: {failure.code}")
    if successor:
        claims.look_again(sight, after.next_step)


def _counted(row: Renewal, failure: IssuerError, now: datetime) -> Renewal:
    """Return the claim with a failure more, let go of."""
    rests: Mapping[str, datetime] = {name: until for name, until in row.resting.items() if until > now}
    if failure.retry_after is not None:
        rests = {**rests, row.issuer: now + failure.retry_after}
    refuses = failure.permanent and row.checkpoint.step is Step.SIGNING
    return replace(
        row,
        checkpoint=failure.back_to,
        held_until=None,
        failures=row.failures + 1,
        turn_failures=row.turn_failures + 1,
        error=str(failure)[:1000],
        fix=failure.fix,
        waiting=None,
        resting=rests,
        refused=(*row.refused, row.issuer) if refuses and row.issuer not in row.refused else row.refused,
    )


def _turned(sight: Sight, failed: Renewal, turn: Turn) -> Renewal:
    """Return the claim as another issuer takes it over: at once, or round to an earlier one by the ladder of all failures."""
    now = sight.world.now
    rest = turn.not_before or now
    wait = renewal_wait(sight.world.settings.renewal_ladder, failed.failures, None)
    ladder, floor = (now, now) if turn.at_once else (now + wait.ladder, now + wait.under_floor)
    return replace(
        claims.handed_to(failed, turn.issuer),
        next_step=max(ladder, rest),
        earliest=max(floor, rest),
        turn_began=now,
        turn_failures=0,
    )


def _undo(sight: Sight, row: Renewal) -> None:
    """Let the issuer that goes clean up what is its own beyond the vault: our CSR there is the next one's too."""
    issuer = sight.world.issuers.get(row.issuer)
    if issuer is None:
        return
    try:
        issuer.abandon(replace(row, requests=()), sight.world.now)
    except (IssuerError, VaultError, DnsError) as error:
        warn("not-abandoned", certificate=str(sight.ref), issuer=row.issuer, error=str(error))


def _life(case: Case) -> Life:
    return Life(case.floor_at, case.current.not_after)
