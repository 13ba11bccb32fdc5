"""POST renew: a person asks for a renewal. It is stored first; then the certificate is looked at as after any event."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.decisions.renewal import decide
from perennial.model.certificate import CertificateRef
from perennial.model.decision import Decision, kind_of
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Asked
from perennial.workflows import sight
from perennial.workflows.api import certificates, facts, reading, rows
from perennial.workflows.api.http import Declined, Request, Response, conflict
from perennial.workflows.api.remedies import REMEDIES
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.world import World

# A look that is lost is made up for by the clock; not at once, so that the message may come first.
SOON = timedelta(minutes=1)

# What no request passes: it would be stored and wait for ever.
HOPELESS = frozenset(
    {
        ReasonCode.GONE,
        ReasonCode.UNFINISHED,
        ReasonCode.NEVER,
        ReasonCode.DISABLED,
        ReasonCode.FOREIGN_MANAGER,
        ReasonCode.OBSERVED,
    }
)


class Wanted(reading.Body, frozen=True):
    """The body of the request."""

    reason: str
    force: bool = False
    accept_policy: bool = False


def asked(request: Request, world: World) -> Response:
    """Store a person's request and queue a look; 409 where it would be in vain, with what to do."""
    reading.query(request)
    ref = reading.certificate(request)
    wanted, actor = reading.body(request, Wanted), reading.actor(request)
    person = Asked(
        reason=reading.reason(wanted.reason),
        actor=actor,
        at=world.now,
        version="",
        force=wanted.force,
        accept_policy=wanted.accept_policy,
    )

    def ask(entry: Entry) -> Entry:
        version = entry.version.id if entry.version else ""
        return replace(_read_again(entry, world), request=replace(person, version=version))

    expected = _expected(ask(certificates.found(world, ref).value), world)
    if expected.reason.code in HOPELESS:
        raise _in_vain(ref, expected, world)
    entry = rows.change(world.tables.inventory, lambda: certificates.found(world, ref), ask)
    world.tables.history.put(_record(ref, entry, world))
    world.queues.send(Look(certificate=ref, cause="requested"))
    return Response(202, _body(entry, expected), {"Location": certificates.address(ref)})


def _read_again(entry: Entry, world: World) -> Entry:
    """Let the vault be read before anything is decided: what a person asks for follows what they have just changed."""
    return replace(entry, next_check=min(entry.next_check, world.now + SOON), read_at=min(entry.read_at, world.now))


def _in_vain(ref: CertificateRef, expected: Decision, world: World) -> Declined:
    """Decline, but read the vault: the rows may tell of what the person has mended since."""
    rows.change(world.tables.inventory, lambda: certificates.found(world, ref), lambda entry: _read_again(entry, world))
    world.queues.send(Look(certificate=ref, cause="asked-in-vain"))
    code = expected.reason.code
    again = "the vault is read again now: if you have just changed it, send the request again in a moment"
    return conflict(code, f"{ref}: {expected.reason.sentence}", f"{REMEDIES[code]}; {again}")


def _expected(entry: Entry, world: World) -> Decision:
    """Decide from the rows as they stand: what the look will say unless the vault has changed."""
    claim = sight.newest_claim(world, entry)
    seen = snapshot_of(entry, claim.value if claim else None)
    return decide(seen, sight.renewal_policy(world, entry.vault, sight.fleet_row(world).value), world.now)


def _record(ref: CertificateRef, entry: Entry, world: World) -> Record:
    version, asked = (entry.version.id if entry.version else ""), entry.request
    return Record(
        certificate=ref,
        id=digest(str(ref), version, world.now.isoformat(), HistoryKind.REQUESTED),
        at=world.now,
        kind=HistoryKind.REQUESTED,
        trigger="api",
        actor=asked.actor if asked else "",
        version=version,
        reason=asked.reason if asked else "",
    )


def _body(entry: Entry, expected: Decision) -> dict[str, object]:
    return {
        "vault": entry.vault,
        "certificate": entry.certificate,
        "request": facts.asked(entry.request),
        "expected": {"decision": kind_of(expected), "reason": facts.reason(expected.reason)},
    }
