"""Replacing a version: the claim, the issuer's next step, its failures, and the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.decisions.backoff import renewal_wait
from perennial.decisions.case import Case, managed, written
from perennial.decisions.renewal import refused_for
from perennial.decisions.tags import wishes
from perennial.errors import Changed, IssuerError, Throttled, Unclear, VaultError
from perennial.model.decision import Close, Renew
from perennial.model.history import HistoryKind
from perennial.model.ids import spread
from perennial.model.messages import Look
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import INTENTS, Checkpoint, InVault, Outcome, Renewal, Step, Waiting, closes_as
from perennial.ports.tables import Stored
from perennial.workflows import announce, notices, seen, vault_state
from perennial.workflows.record import record
from perennial.workflows.sight import LEASE, Sight, fleet_row

STEPS_A_LOOK = 10
MINUTE = timedelta(minutes=1)


def take_steps(sight: Sight, decision: Renew) -> None:
    """Hold the claim and take the issuer's steps until one waits, ends or fails."""
    held = _hold(sight, decision)
    if held is None:
        sight.did.append("lost-the-claim")
        return
    sight.renewal = held
    fresh = False
    for _ in range(STEPS_A_LOOK):
        row = sight.renewal.value
        try:
            result = sight.world.issuers[row.issuer].step(row, sight.snapshot(), fresh=fresh, now=sight.world.now)
        except Unclear as unclear:  # it may have taken effect: the lease stands, and who finds the intent asks first
            sight.did.append(f"unclear: {unclear.what}")
            return
        except VaultError as refusal:
            _vault_refused(sight, refusal)
            return
        except IssuerError as failure:
            _fail(sight, failure)
            return
        if isinstance(result, InVault):
            seen.take_in(sight, result.current)
            end(sight, Outcome.ISSUED)
            return
        fresh = True
        if not _carry_on(sight, result):
            return


def _hold(sight: Sight, decision: Renew) -> Stored[Renewal] | None:
    """Insert the claim, or take the lease of an open one, or reopen one that was given up. None: another look has it."""
    world, now = sight.world, sight.world.now
    current, stored = sight.entry.version, sight.renewal
    if current is None:
        return None
    if stored is not None and stored.value.replacing == current.id:
        row = replace(stored.value, held_until=now + LEASE, stepped=now)
        if row.is_open:
            return world.tables.renewals.save(Stored(row, stored.etag))
        row = replace(_new_claim(sight, decision), held_until=now + LEASE, failures=row.failures)
        record(world, sight.ref, HistoryKind.REOPENED, at=now, version=current.id, reason=decision.reason.sentence)
        return world.tables.renewals.save(Stored(row, stored.etag))
    new = _new_claim(sight, decision)
    claimed = world.tables.renewals.insert(new)
    if claimed is not None:
        sight.entry = replace(sight.entry, claim=current.id)
        sight.did.append("claimed")
        record(
            world,
            sight.ref,
            HistoryKind.CLAIMED,
            at=now,
            version=current.id,
            trigger=decision.reason.code,
            actor=new.actor,
            reason=decision.reason.sentence,
        )
        if new.automatic:
            _count(sight)
    return claimed


def _new_claim(sight: Sight, decision: Renew) -> Renewal:
    now, current, request = sight.world.now, sight.entry.version, sight.entry.request
    if current is None:
        raise Changed
    asked = request is not None and request.version == current.id
    case = Case(sight.snapshot(), current, sight.policy(), now)
    return Renewal(
        certificate=sight.ref,
        replacing=current.id,
        issuer=case.issuer,
        opened=now,
        held_until=now + LEASE,
        next_step=now,
        earliest=now,
        stepped=now,
        automatic=not asked,
        actor=request.actor if request and asked else sight.world.settings.instance,
        trigger=decision.reason.code,
        lifetime_seconds=int(current.lifetime.total_seconds()),
    )


def _count(sight: Sight) -> None:
    """Count an automatic renewal of today, for the brake."""
    world, today = sight.world, sight.world.now.date()
    while True:
        stored = fleet_row(world)
        so_far = stored.value.renewals_today if stored.value.day == today else 0
        counted = replace(stored.value, day=today, renewals_today=so_far + 1)
        try:
            sight.fleet = world.tables.fleet.save(Stored(counted, stored.etag))
        except Changed:
            continue
        return


def _carry_on(sight: Sight, waiting: Waiting) -> bool:
    """Save what a step answered; True: the next step may be taken in this look."""
    world = sight.world
    if waiting.checkpoint.step in INTENTS and not _may_write(sight, waiting):
        return False
    stored = _held(sight)
    row = replace(
        stored.value,
        checkpoint=waiting.checkpoint,
        requests=(*stored.value.requests, *((waiting.request_id,) if waiting.request_id else ())),
        adopted=stored.value.adopted or waiting.adopted,
        waiting=waiting.reason,
        held_until=world.now + LEASE,
    )
    on = waiting.until <= world.now
    if not on:
        row = replace(row, held_until=None, next_step=waiting.until, earliest=waiting.until)
    if waiting.request_id:
        kind = HistoryKind.ADOPTED if waiting.adopted else HistoryKind.SENT
        record(world, sight.ref, kind, at=world.now, version=row.replacing, step=waiting.request_id)
    _save(sight, row, accepted=waiting.request_id)
    if not on:
        _look_again(sight, waiting.until)
    return on


def _may_write(sight: Sight, intent: Waiting) -> bool:
    """Tell whether the vault may be written to now: the switch, its closure, and for a create its pace."""
    world = sight.world
    sight.fleet = fleet_row(world)
    if sight.fleet.value.switch_off or world.settings.vaults.get(sight.ref.vault) is None:
        why = sight.fleet.value.switch_off or "the settings no longer name this vault"
        _release(sight, world.now + MINUTE, Reason(ReasonCode.KILL_SWITCH, {"why": why}))
        return False
    if sight.closed:
        _release(sight, _until_open(sight), closed_reason(sight))
        return False
    turn = vault_state.take_turn(world, sight.ref.vault) if intent.checkpoint.step is Step.SENDING else None
    if turn is not None:
        until = turn + spread(sight.ref, MINUTE, "pace")
        _release(sight, until, Reason(ReasonCode.PACED, {"until": written(until)}))
        _look_again(sight, until)
        return False
    return True


def _release(sight: Sight, until: datetime, reason: Reason, back_to: Checkpoint | None = None) -> None:
    row = _held(sight).value
    released = replace(
        row,
        checkpoint=back_to or row.checkpoint,
        held_until=None,
        next_step=until,
        earliest=until,
        waiting=reason,
    )
    _save(sight, released)


def _until_open(sight: Sight) -> datetime:
    return sight.vault.value.closed_until or sight.world.now + MINUTE


def closed_reason(sight: Sight) -> Reason:
    """Return why a vault is left alone."""
    row = sight.vault.value
    return Reason(ReasonCode.VAULT_CLOSED, {"until": written(_until_open(sight)), "why": row.closed_why or "throttled"})


def _vault_refused(sight: Sight, refusal: VaultError) -> None:
    """A vault that is to be left alone is no failure of the renewal: nothing was done, and no rung is taken."""
    sight.vault = vault_state.refused(sight.world, sight.vault, refusal, sight.world.now)
    row = _held(sight).value
    back = Checkpoint() if row.checkpoint.step is Step.SENDING else row.checkpoint
    sight.did.append("throttled" if isinstance(refusal, Throttled) else "refused")
    _release(sight, _until_open(sight), closed_reason(sight), back)


def _fail(sight: Sight, failure: IssuerError) -> None:
    """Take a rung of the ladder, or give up for good; tell before the row says so, since the notice's id makes a repeat harmless."""
    world, now, row = sight.world, sight.world.now, _held(sight).value
    failures = row.failures + 1
    wait = renewal_wait(world.settings.renewal_ladder, failures, failure.retry_after)
    failed = replace(
        row,
        checkpoint=failure.back_to,
        held_until=None,
        failures=failures,
        error=str(failure)[:1000],
        fix=failure.fix,
        next_step=now + wait.ladder,
        earliest=now + wait.under_floor,
        waiting=None,
    )
    if failure.permanent:
        failed = replace(
            failed,
            outcome=Outcome.GIVEN_UP,
            closed=now,
            refused_for=refused_for(sight.snapshot(), row.issuer),
        )
    kind = HistoryKind.GIVEN_UP if failure.permanent else HistoryKind.FAILED
    record(world, sight.ref, kind, at=now, version=row.replacing, step=str(failures), error=failed.error)
    announce.tell(world, notices.renewal_failed(sight.entry, failed, now))
    _save(sight, failed)
    sight.did.append(f"failed: {failure.code}")


def end(sight: Sight, outcome: Outcome) -> None:
    """Close the claim: its version is no longer current. What is told and written comes first, so that nothing is lost to a crash."""
    world, now, stored, current = sight.world, sight.world.now, sight.renewal, sight.entry.version
    if stored is None or current is None:
        return
    row = stored.value
    if outcome is Outcome.SUPERSEDED and row.requests and not row.adopted and _writable(sight):
        world.issuers[row.issuer].abandon(row, now)
    closed = replace(
        row,
        outcome=outcome,
        closed=now,
        held_until=None,
        waiting=None,
        new_version=current.id,
        untidy=False,
    )
    record(
        world,
        sight.ref,
        HistoryKind.ISSUED if outcome is Outcome.ISSUED else HistoryKind.SUPERSEDED,
        at=row.opened,
        version=row.replacing,
        trigger=row.trigger,
        actor=row.actor,
        new_version=current.id,
        thumbprint=current.leaf.sha256 if current.leaf else "",
        seconds=int((now - row.opened).total_seconds()),
    )
    if row.failures and outcome is Outcome.ISSUED:
        announce.tell(world, notices.renewal_recovered(sight.entry, closed, now))
    sight.renewal = world.tables.renewals.save(Stored(closed, stored.etag))
    if outcome is Outcome.ISSUED and row.automatic:
        shorter = min(row.lifetime_seconds, int(current.lifetime.total_seconds()))
        sight.entry = replace(sight.entry, last_issued=now, last_lifetime_seconds=shorter)
    sight.did.append(outcome.value)


def close(sight: Sight, decision: Close) -> None:
    """End a claim whose version the vault no longer shows as current."""
    if sight.entry.version is not None:
        end(sight, closes_as(decision.renewal, sight.entry.version))


def tidy(sight: Sight) -> None:
    """Discard what a create of ours left in progress, when its claim had been closed before the answer came."""
    stored = sight.renewal
    if stored is None or not stored.value.untidy or stored.value.is_open or not _writable(sight):
        return
    sight.world.issuers[stored.value.issuer].abandon(stored.value, sight.world.now)
    sight.renewal = sight.world.tables.renewals.save(Stored(replace(stored.value, untidy=False), stored.etag))
    sight.did.append("tidied")


def _writable(sight: Sight) -> bool:
    chosen = managed(sight.policy().mode, wishes(sight.entry.tags))
    return chosen and not fleet_row(sight.world).value.switch_off and not sight.closed


def _held(sight: Sight) -> Stored[Renewal]:
    if sight.renewal is None:
        raise Changed
    return sight.renewal


def _save(sight: Sight, row: Renewal, accepted: str = "") -> None:
    """Save the claim. After an accepted create a lost race adds the request's id to the row as it is now, and nothing else."""
    stored = _held(sight)
    try:
        sight.renewal = sight.world.tables.renewals.save(Stored(row, stored.etag))
    except Changed:
        if accepted:
            _add_request(sight, row, accepted)
        raise


def _add_request(sight: Sight, row: Renewal, accepted: str) -> None:
    table = sight.world.tables.renewals
    while True:
        found = table.get(f"{row.certificate.vault}:{row.certificate.name}", row.replacing)
        if found is None or accepted in found.value.requests:
            return
        theirs = found.value
        ours = replace(theirs, requests=(*theirs.requests, accepted), untidy=theirs.untidy or not theirs.is_open)
        try:
            table.save(Stored(ours, found.etag))
        except Changed:
            continue
        sight.did.append("late-answer")
        return


def _look_again(sight: Sight, at: datetime) -> None:
    """Queue one delayed look for a wait under a minute; find_due serves the longer ones, and this one too should it be lost."""
    wait = at - sight.world.now
    if wait < MINUTE:
        sight.world.queues.send(Look(certificate=sight.ref, cause="step"), wait)
