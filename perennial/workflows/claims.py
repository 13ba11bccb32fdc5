"""The row of a renewal: claimed, held, let go, and saved under its ETag. Its key is the promise of one replacement."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.decisions.case import Case, written
from perennial.decisions.tags import VAULT_ISSUER
from perennial.errors import Changed, TooLong
from perennial.model.certificate import Version
from perennial.model.decision import Renew
from perennial.model.history import HistoryKind
from perennial.model.messages import Look
from perennial.model.notices import subject_of
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Renewal, Step
from perennial.ports.tables import Stored
from perennial.workflows.record import record
from perennial.workflows.sight import LEASE, MINUTE, Sight, fleet_row

CA_MEMORY = "ca."  # prefix of what an authority remembers in a claim's checkpoint (issuers/through_csr.py)


def hold(sight: Sight, decision: Renew) -> Stored[Renewal] | None:
    """Insert the claim, or take the lease of an open one, or reopen one that was given up. None: another look has it."""
    world, now = sight.world, sight.world.now
    current, stored = sight.entry.version, sight.renewal
    if current is None:
        return None
    if stored is not None and stored.value.replacing == current.id:
        row = replace(stored.value, held_until=now + LEASE, stepped=now)
        if row.is_open:
            row = _still_its_turn(sight, row, sight.case)
            if row.checkpoint.step is Step.CLAIMED and not row.failures:  # whoever claimed may have died before it told
                _record_claim(sight, row, decision)
            return world.tables.renewals.save(Stored(row, stored.etag))
        row = replace(
            _new_claim(sight, current, decision),
            failures=row.failures,
            requests=row.requests,  # an operation that it left behind is still ours
            adopted=row.adopted,
        )
        record(world, sight.ref, HistoryKind.REOPENED, at=now, version=current.id, reason=decision.reason.sentence)
        return world.tables.renewals.save(Stored(row, stored.etag))
    new = _new_claim(sight, current, decision)
    # The row names the claim before there is one: whoever comes after a death finds it, whatever is current by then.
    sight.entry = replace(sight.entry, claim=current.id)
    sight.stored = world.tables.inventory.save(Stored(sight.entry, sight.stored.etag))
    claimed = world.tables.renewals.insert(new)
    if claimed is not None:
        sight.did.append("claimed")
        _record_claim(sight, new, decision)
        if new.automatic:
            _count(sight)
    return claimed


def _still_its_turn(sight: Sight, row: Renewal, case: Case) -> Renewal:
    """Hand a claim on whose issuer is no longer set up, or no longer asked for while nothing was sent."""
    dropped = row.checkpoint.step is Step.CLAIMED and case.issuers and row.issuer not in case.issuers
    if row.issuer in sight.world.issuers and not dropped:
        return row
    return handed_to(row, next(iter(case.issuers), ""))


def handed_to(row: Renewal, issuer: str) -> Renewal:
    """Return a claim with another issuer: our own CSR in the vault stays good for any authority, what the one before remembered is dropped."""
    own = {name: text for name, text in row.checkpoint.memory.items() if not name.startswith(CA_MEMORY)}
    keeps = row.checkpoint.step is Step.SIGNING and VAULT_ISSUER not in (row.issuer, issuer)
    return replace(row, issuer=issuer, checkpoint=Checkpoint(Step.SIGNING, own) if keeps else Checkpoint())


def look_again(sight: Sight, at: datetime) -> None:
    """Queue one delayed look for a wait under a minute; find_due serves the longer ones, and this one too should it be lost.

    A second late: clocks have whole seconds, and a message that comes a moment early would leave its step to the next minute.
    """
    wait = max(at - sight.world.now, timedelta(0))
    if wait < MINUTE:
        sight.world.queues.send(Look(certificate=sight.ref, cause="step"), wait + timedelta(seconds=1))


def _record_claim(sight: Sight, row: Renewal, decision: Renew) -> None:
    """Write the claim into the history; at its own time, so that a repeat writes the same row."""
    record(
        sight.world,
        sight.ref,
        HistoryKind.CLAIMED,
        at=row.opened,
        version=row.replacing,
        trigger=row.trigger,
        actor=row.actor,
        reason=decision.reason.sentence,
    )


def _new_claim(sight: Sight, current: Version, decision: Renew) -> Renewal:
    now, asked = sight.world.now, sight.entry.request
    request = asked if asked and asked.version == current.id else None
    case = sight.case
    return Renewal(
        certificate=sight.ref,
        replacing=current.id,
        issuer=case.issuer,
        opened=now,
        held_until=now + LEASE,
        next_step=now,
        earliest=now,
        stepped=now,
        automatic=request is None,
        actor=request.actor if request else sight.world.settings.instance,
        trigger=decision.reason.code,
        lifetime_seconds=int(current.lifetime.total_seconds()),
        not_after=current.not_after,
        ari_id=current.leaf.ari_id if current.leaf else "",
        issued_by=sight.entry.issued_by,
        drift=case.differs,
        window_ends=sight.entry.window_ends,
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


def release(sight: Sight, until: datetime, reason: Reason, back_to: Checkpoint | None = None) -> None:
    """Let go of the claim until an instant, without a failure."""
    row = held(sight).value
    released = replace(
        row,
        checkpoint=back_to or row.checkpoint,
        held_until=None,
        next_step=until,
        earliest=until,
        waiting=reason,
    )
    save(sight, released)


def until_open(sight: Sight) -> datetime:
    """Return when the vault is tried again."""
    return sight.vault.value.closed_until or sight.world.now + MINUTE


def closed_reason(sight: Sight) -> Reason:
    """Return why a vault is left alone."""
    row = sight.vault.value
    return Reason(ReasonCode.VAULT_CLOSED, {"until": written(until_open(sight)), "why": row.closed_why or "throttled"})


def held(sight: Sight) -> Stored[Renewal]:
    """Return the claim that this look has in hand."""
    if sight.renewal is None:
        raise Changed
    return sight.renewal


def save(sight: Sight, row: Renewal, accepted: str = "") -> None:
    """Save the claim. After an accepted create a lost race adds the request's id to the row as it is now, and nothing else.

    So does a memory that no column takes, which is raised.
    """
    stored = held(sight)
    try:
        sight.renewal = sight.world.tables.renewals.save(Stored(row, stored.etag))
    except Changed:
        if accepted:
            _add_request(sight, row, accepted)
        raise
    except TooLong:
        if accepted:  # whose it is must be known, whatever becomes of it
            ours = replace(stored.value, requests=row.requests, adopted=row.adopted)
            sight.renewal = sight.world.tables.renewals.save(Stored(ours, stored.etag))
        raise


def _add_request(sight: Sight, row: Renewal, accepted: str) -> None:
    table = sight.world.tables.renewals
    while True:
        found = table.get(subject_of(row.certificate), row.replacing)
        if found is None or accepted in found.value.requests:
            return
        theirs = found.value
        ours = replace(theirs, requests=(*theirs.requests, accepted), untidy=not theirs.is_open)
        try:
            table.save(Stored(ours, found.etag))
        except Changed:
            continue
        sight.did.append("late-answer")
        return
