"""POST pending/discard: a person ends a pending operation, whosever it is.

It is one vault write that a person asks for by name and with a reason, so it may be done in a vault that is only observed; but not while the
fleet's switch stands on observe, which stops every vault write, nor in a vault that is being left alone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial import log
from perennial.decisions.case import Case
from perennial.decisions.renewal import refusal_of
from perennial.errors import Changed, Forbidden, IssuerError, Throttled, Unreachable, VaultError
from perennial.model.certificate import CertificateRef, Operation, OperationState
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.model.renewal import Outcome, Renewal, Step
from perennial.ports.tables import Stored
from perennial.workflows import sight, vault_state
from perennial.workflows.api import certificates, reading, rows
from perennial.workflows.api.http import Declined, Request, Response, conflict, not_found
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.world import World

PAUSE = timedelta(days=1)  # time for a person to import what they have
SOON = timedelta(minutes=1)
FIX = "ask for a renewal when Perennial shall go on"


class Wanted(reading.Body, frozen=True):
    """The body of the request."""

    reason: str


def discarded(request: Request, world: World) -> Response:
    """Discard the pending operation of a certificate. If it is ours, its renewal is given up and the certificate paused for a day."""
    reading.query(request)
    ref = reading.certificate(request)
    wanted, actor = reading.body(request, Wanted), reading.actor(request)
    why = reading.reason(wanted.reason)
    entry = certificates.found(world, ref).value
    _allowed(ref, world)
    operation = _in_progress(ref, world)
    claim = sight.newest_claim(world, entry)
    ours = claim if claim and operation.request_id in claim.value.requests else None
    if ours:
        ours = _give_up(ours, entry, f"discarded by {actor}: {why}", world)
    try:
        _delete(operation, ref, ours.value if ours else None, world)
    except VaultError as error:
        _note(ref, error, world)
        raise
    _record(ref, operation, world, actor=actor, why=why, ours=ours is not None)
    _go_on(ours or claim, world, ours=ours is not None)
    after = rows.change(
        world.tables.inventory,
        lambda: certificates.found(world, ref),
        lambda row: _after(row, world, ours=ours is not None),
    )
    world.queues.send(Look(certificate=ref, cause="discarded"))
    return Response(200, _body(after, operation, ours=ours is not None))


def _allowed(ref: CertificateRef, world: World) -> None:
    fleet = sight.fleet_row(world).value
    if fleet.switch_off:
        fix = "turn the switch first (PUT /api/mode), or discard it in the vault yourself"
        raise conflict("kill-switch", f"the fleet's switch stands on observe: {fleet.switch_off}", fix)
    if ref.vault not in world.settings.vaults:
        raise conflict("not-ours", f"the settings no longer name {ref.vault}", "add it to PERENNIAL_VAULTS")
    row = vault_state.row_of(world, ref.vault).value
    if row.closed_until is not None and vault_state.closed(row, world.now):
        what = f"{ref.vault} is left alone until {rows.instant(row.closed_until)}: {row.closed_why or 'throttled'}"
        wait = row.closed_until - world.now
        raise Declined(503, "vault-closed", "The vault is being left alone", what, fix="send it again then", wait=wait)


def _in_progress(ref: CertificateRef, world: World) -> Operation:
    """Ask the vault for the operation; an ended one blocks nothing, and deleting it could only harm."""
    try:
        operation = world.vaults.pending(ref)
    except VaultError as error:
        _note(ref, error, world)
        raise
    if operation is None:
        raise not_found(f"nothing is pending for {ref}", "there is nothing to do")
    if operation.state is not OperationState.IN_PROGRESS:
        what = f"the last operation of {ref} has ended: {operation.state}"
        raise conflict("not-in-progress", what, "there is nothing to do: it blocks nobody")
    return operation


def _note(ref: CertificateRef, error: VaultError, world: World) -> None:
    """Leave the vault alone after a refusal, as a look would."""
    if isinstance(error, Throttled | Forbidden | Unreachable):
        vault_state.refused(world, vault_state.row_of(world, ref.vault), error, world.now)


def _give_up(stored: Stored[Renewal], entry: Entry, error: str, world: World) -> Stored[Renewal]:
    """Close our claim before its operation goes, so that no look takes another step. `untidy`: should we die now, a look discards it."""
    row = stored.value
    if not row.is_open:
        return stored
    world.tables.history.put(
        Record(
            certificate=row.certificate,
            id=digest(str(row.certificate), row.replacing, row.opened.isoformat(), HistoryKind.GIVEN_UP),
            at=world.now,
            kind=HistoryKind.GIVEN_UP,
            trigger="api",
            version=row.replacing,
            reason=error,
        )
    )
    closed = replace(
        row,
        outcome=Outcome.GIVEN_UP,
        closed=world.now,
        held_until=None,
        waiting=None,
        error=f"(person) {error}",
        fix=FIX,
        refused_for=_refused_for(entry, row, world),
        untidy=True,
    )
    return world.tables.renewals.save(Stored(closed, stored.etag))


def _refused_for(entry: Entry, row: Renewal, world: World) -> str:
    if entry.version is None:
        return ""
    policy = sight.renewal_policy(world, entry.vault, sight.fleet_row(world).value)
    return refusal_of(Case(snapshot_of(entry, row), entry.version, policy, world.now))


def _delete(operation: Operation, ref: CertificateRef, ours: Renewal | None, world: World) -> None:
    """Delete the operation. Of ours the issuer cleans up first; only what it left is deleted, since another may have begun by then."""
    if ours is not None:
        _undo(ours, world)
        left = world.vaults.pending(ref, operation.request_id)
        if left is None or left.state is not OperationState.IN_PROGRESS:
            return
    world.vaults.discard(ref)


def _undo(claim: Renewal, world: World) -> None:
    """Let the issuer clean up what is its own beyond the vault; what it can't undo must not keep the operation alive."""
    issuer = world.issuers.get(claim.issuer)
    if issuer is None:
        return
    try:
        issuer.abandon(claim, world.now)
    except IssuerError as error:
        log.warn("not-abandoned", certificate=str(claim.certificate), issuer=claim.issuer, error=str(error))


def _record(ref: CertificateRef, operation: Operation, world: World, *, actor: str, why: str, ours: bool) -> None:
    world.tables.history.put(
        Record(
            certificate=ref,
            id=digest(str(ref), operation.request_id, HistoryKind.DISCARDED),
            at=world.now,
            kind=HistoryKind.DISCARDED,
            trigger="api",
            actor=actor,
            reason=why,
            facts={"operation": operation.request_id, "whose": _whose(ours=ours), "issuer": operation.issuer},
        )
    )


def _go_on(claim: Stored[Renewal] | None, world: World, *, ours: bool) -> None:
    """Tell the claim that its operation is gone, or that the foreign one which it waited for is."""
    if claim is None:
        return
    row = claim.value
    waits = row.is_open and row.checkpoint.step is Step.FOREIGN
    after = replace(row, next_step=world.now, earliest=world.now) if waits else row
    try:
        world.tables.renewals.save(Stored(replace(row, untidy=False) if ours else after, claim.etag))
    except Changed:  # a look was quicker, and sees it itself
        return


def _after(row: Entry, world: World, *, ours: bool) -> Entry:
    """Have the vault read soon; after our own a person has a day, and what they asked for before is spent."""
    read = replace(row, read_at=min(row.read_at, world.now), next_check=min(row.next_check, world.now + SOON))
    return replace(read, request=None, paused_until=world.now + PAUSE) if ours else read


def _whose(*, ours: bool) -> str:
    return "ours" if ours else "foreign"


def _body(entry: Entry, operation: Operation, *, ours: bool) -> dict[str, object]:
    return {
        "vault": entry.vault,
        "certificate": entry.certificate,
        "operation": operation.request_id,
        "whose": _whose(ours=ours),
        "paused_until": rows.instant(entry.paused_until),
    }
