"""PUT findings/waiver: a person lives with a finding until an instant. It stays open and listed; nobody is told of it meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial import log
from perennial.errors import BadInput
from perennial.model.findings import Finding
from perennial.ports.tables import Stored
from perennial.workflows.api import reading, rows
from perennial.workflows.api.findings import shape
from perennial.workflows.api.http import Request, Response, not_found
from perennial.workflows.world import World

LONGEST = timedelta(days=366)  # a finding that is lived with is thought of again once a year


class Wanted(reading.Body, frozen=True):
    """The body of a PUT."""

    vault: str
    rule: str
    until: str | None  # null ends the waiver now
    reason: str
    certificate: str | None = None  # null: a finding of the vault itself


def put(request: Request, world: World) -> Response:
    """Waive one finding until an instant, or end its waiver. The next look or walk tells what stands then."""
    reading.query(request)
    wanted = reading.body(request, Wanted)
    until, reason, actor = _until(wanted.until, world.now), reading.reason(wanted.reason), reading.actor(request)

    def waive(row: Finding) -> Finding:
        # A waiver that ends now was over at this instant: what still stands is told anew, as after any other.
        return replace(row, waived_until=until or world.now, waived_by=actor, waived_why=reason)

    row = rows.change(world.tables.findings, lambda: _found(wanted, world), waive)
    log.line("waived", vault=row.vault, certificate=row.certificate, rule=row.rule, until=until, actor=actor)
    return Response(200, shape(row))


def _until(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    until = reading.instant({"until": text}, "until")
    if until is None or not now < until <= now + LONGEST:
        raise BadInput("until", f"an instant after now, at most {LONGEST.days} days ahead, or null to end the waiver")
    return until


def _found(wanted: Wanted, world: World) -> Stored[Finding]:
    vault, name = wanted.vault.lower(), (wanted.certificate or "").lower()
    named = reading.VAULT.fullmatch(vault) and (not name or reading.CERTIFICATE.fullmatch(name))
    if not named or not reading.RULE.fullmatch(wanted.rule):
        raise not_found("no finding can have that name", "GET /api/findings lists what there is")
    stored = world.tables.findings.get(vault, f"{name}:{wanted.rule}")
    if stored is None:
        raise not_found(f"there is no finding {wanted.rule} of {vault}/{name}", "GET /api/findings lists what there is")
    return stored
