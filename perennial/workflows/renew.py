"""Replacing a version: the claim, the issuer's next step, its failures, and the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.decisions.case import managed, written
from perennial.decisions.tags import VAULT_ISSUER, wishes
from perennial.errors import IssuerError, Throttled, TooLong, Unclear, VaultError
from perennial.log import line
from perennial.model.decision import Close, Renew
from perennial.model.history import HistoryKind
from perennial.model.ids import spread
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import INTENTS, Checkpoint, InVault, Outcome, Renewal, Step, Waiting, closes_as
from perennial.ports.issuer import Issuer
from perennial.ports.tables import Stored
from perennial.workflows import announce, claims, failing, notices, seen, signatures, vault_state
from perennial.workflows.record import record
from perennial.workflows.sight import MINUTE, Sight, fleet_row

STEPS_A_LOOK = 10
SOON = timedelta(seconds=1)


def take_steps(sight: Sight, decision: Renew) -> None:
    """Hold the claim and take the issuer's steps until one waits, ends or fails."""
    claimed = claims.hold(sight, decision)
    if claimed is None:
        sight.did.append("lost-the-claim")
        return
    sight.renewal = claimed
    if failing.waited_enough(sight):
        return
    try:
        done = _go_on(sight)
    except TooLong as full:
        failing.too_long(sight, full)
        return
    if done is not None:
        seen.take_in(sight, done.current)
        end(sight, Outcome.ISSUED)


def _go_on(sight: Sight) -> InVault | None:
    """Take and save one step after the other; return the new version once it is in the vault. Raises TooLong where no row can remember one."""
    fresh = False
    for left in reversed(range(STEPS_A_LOOK)):
        row = claims.held(sight).value
        if fresh and row.checkpoint.step in INTENTS and sight.world.outlived():
            sight.did.append("outlived-its-lease")  # paused with its machine: who finds the intent asks first
            return None
        result = _step(sight, row, fresh=fresh)
        if result is None or isinstance(result, InVault):
            return result
        fresh = True
        if not left and result.until <= sight.world.now:  # the next look goes on: a lease would hold it up
            result = replace(result, until=sight.world.now + SOON)
        if failing.keeps_waiting(sight, result) or not _carry_on(sight, result):
            break
    return None


def _step(sight: Sight, row: Renewal, *, fresh: bool) -> Waiting | InVault | None:
    """Let the issuer take a step; None: it failed, and that is written down."""
    try:
        return sight.world.issuers[row.issuer].step(row, sight.snapshot(), fresh=fresh, now=sight.world.now)
    except Unclear as unclear:  # it may have taken effect: the lease stands, and who finds the intent asks first
        sight.did.append(f"unclear: {unclear.what}")
    except VaultError as refusal:
        _vault_refused(sight, refusal)
    except IssuerError as failure:
        failing.fail(sight, failure)
    return None


def _carry_on(sight: Sight, waiting: Waiting) -> bool:
    """Save what a step answered; True: the next step may be taken in this look."""
    world = sight.world
    if waiting.checkpoint.step in INTENTS and not _may_write(sight, waiting):
        return False
    stored = claims.held(sight)
    row = replace(
        stored.value,
        checkpoint=waiting.checkpoint,
        requests=(*stored.value.requests, *((waiting.request_id,) if waiting.request_id else ())),
        adopted=stored.value.adopted or waiting.adopted,
        waiting=waiting.reason,
    )
    doubted = waiting.in_doubt and not sight.read
    if doubted:  # the next look reads the vault, and closes the claim if another version is current
        sight.entry = replace(sight.entry, read_at=world.now)
    on = waiting.until <= world.now and not doubted
    if not on:
        until = failing.no_longer_than(sight, row, waiting.until)
        row = replace(row, held_until=None, next_step=until, earliest=waiting.until)
    if waiting.request_id:
        kind = HistoryKind.ADOPTED if waiting.adopted else HistoryKind.SENT
        record(world, sight.ref, kind, at=world.now, version=row.replacing, step=waiting.request_id)
    if waiting.asks is not None:
        signatures.ask(sight, row, waiting.asks)
    claims.save(sight, row, accepted=waiting.request_id)
    if not on:
        claims.look_again(sight, waiting.until)
    return on


def _may_write(sight: Sight, intent: Waiting) -> bool:
    """Tell whether the vault may be written to now: the switch, its closure, and for a create its pace."""
    world = sight.world
    sight.fleet = fleet_row(world)
    if sight.fleet.value.switch_off or world.settings.vaults.get(sight.ref.vault) is None:
        why = sight.fleet.value.switch_off or "the settings no longer name this vault"
        claims.release(sight, world.now + MINUTE, Reason(ReasonCode.KILL_SWITCH, {"why": why}))
        return False
    if sight.closed:
        claims.release(sight, claims.until_open(sight), claims.closed_reason(sight))
        return False
    turn = vault_state.take_turn(world, sight.ref.vault) if intent.checkpoint.step is Step.SENDING else None
    if turn is not None:
        until = turn + spread(sight.ref, MINUTE, "pace")
        claims.release(sight, until, Reason(ReasonCode.PACED, {"until": written(until)}))
        claims.look_again(sight, until)
        return False
    return True


def _vault_refused(sight: Sight, refusal: VaultError) -> None:
    """A vault that is to be left alone is no failure of the renewal: nothing was done, and no rung is taken."""
    sight.vault = vault_state.refused(sight.world, sight.vault, refusal, sight.world.now)
    row = claims.held(sight).value
    back = Checkpoint() if row.checkpoint.step is Step.SENDING else row.checkpoint
    sight.did.append("throttled" if isinstance(refusal, Throttled) else "refused")
    claims.release(sight, claims.until_open(sight), claims.closed_reason(sight), back)


def end(sight: Sight, outcome: Outcome) -> None:
    """Close the claim: its version is no longer current. What is told and written comes first, so that nothing is lost to a crash."""
    world, now, stored, current = sight.world, sight.world.now, claims.held(sight), sight.entry.version
    if current is None:
        return
    row = stored.value
    left = outcome is Outcome.SUPERSEDED and bool(row.requests)  # of an adopted one the CA's side alone: see abandon
    writable = left and _writable(sight)
    if writable:
        _issuer(sight, row).abandon(row, now)
    closed = replace(
        row,
        outcome=outcome,
        closed=now,
        held_until=None,
        waiting=None,
        new_version=current.id,
        untidy=left and not writable,  # what may not be written to now is tidied when it may
    )
    record(
        world,
        sight.ref,
        HistoryKind.ISSUED if outcome is Outcome.ISSUED else HistoryKind.SUPERSEDED,
        at=max(row.opened, current.created),  # not the clock's time, so that a repeat writes the same row
        version=row.replacing,
        trigger=row.trigger,
        actor=row.actor,
        new_version=current.id,
        thumbprint=current.leaf.sha256 if current.leaf else "",
        seconds=int((now - row.opened).total_seconds()),
    )
    if row.failures and outcome is Outcome.ISSUED:
        kind = HistoryKind.RECOVERED
        record(world, sight.ref, kind, at=max(row.opened, current.created), version=row.replacing, error=row.error)
        announce.tell(world, notices.renewal_recovered(sight.entry, closed, now))
    sight.renewal = world.tables.renewals.save(Stored(closed, stored.etag))
    if outcome is Outcome.ISSUED and row.automatic:
        shorter = min(row.lifetime_seconds, int(current.lifetime.total_seconds()))
        sight.entry = replace(sight.entry, last_issued=now, last_lifetime_seconds=shorter)
    sight.did.append(outcome.value)
    _log(sight, row, outcome)


def _log(sight: Sight, row: Renewal, outcome: Outcome) -> None:
    """Log the end of a renewal, with how long it took."""
    now = sight.world.now
    line(
        "renewal",
        certificate=str(sight.ref),
        outcome=outcome,
        issuer=row.issuer,
        trigger=row.trigger,
        automatic=row.automatic,
        failures=row.failures,
        seconds=int((now - row.opened).total_seconds()),
        seconds_since_due=int((now - sight.entry.due_at).total_seconds()) if sight.entry.due_at else None,
    )


def close(sight: Sight, decision: Close) -> None:
    """End a claim whose version the vault no longer shows as current."""
    if sight.entry.version is not None:
        end(sight, closes_as(decision.renewal, sight.entry.version))


def tidy(sight: Sight) -> None:
    """Discard what a create of ours left in progress, when its claim had been closed before the answer came."""
    stored = sight.renewal
    if stored is None or not stored.value.untidy or stored.value.is_open or not _writable(sight):
        return
    _issuer(sight, stored.value).abandon(stored.value, sight.world.now)
    sight.renewal = sight.world.tables.renewals.save(Stored(replace(stored.value, untidy=False), stored.etag))
    sight.did.append("tidied")


def _issuer(sight: Sight, row: Renewal) -> Issuer:
    """Return who cleans up after a claim: its issuer, or the vault in place of one that is no longer set up."""
    return sight.world.issuers.get(row.issuer) or sight.world.issuers[VAULT_ISSUER]


def _writable(sight: Sight) -> bool:
    chosen = managed(sight.policy().mode, wishes(sight.entry.tags))
    return chosen and not fleet_row(sight.world).value.switch_off and not sight.closed
