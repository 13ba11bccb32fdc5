"""GET and PUT mode: the fleet's kill switch. What each vault may do is a setting, shown beside it."""

from __future__ import annotations

from dataclasses import replace

from perennial import log
from perennial.errors import BadInput, Changed
from perennial.model.inventory import Entry, FleetRow
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.ports.tables import Query, Stored
from perennial.workflows import sight
from perennial.workflows.api import reading, rows
from perennial.workflows.api.http import Request, Response
from perennial.workflows.reading import every
from perennial.workflows.world import World

AS_SET = "as-set"


class Wanted(reading.Body, frozen=True):
    """The body of a PUT."""

    mode: str
    reason: str


def shown(request: Request, world: World) -> Response:
    """Show the switch and the vaults' modes."""
    reading.query(request)
    return Response(200, _mode(sight.fleet_row(world).value, world))


def turned(request: Request, world: World) -> Response:
    """Turn the switch: `observe` stops every vault write from the next step on, `as-set` lets vaults be as their settings say."""
    reading.query(request)
    wanted = reading.body(request, Wanted)
    if wanted.mode not in (AS_SET, Mode.OBSERVE):
        raise BadInput(
            "mode", f"{Mode.OBSERVE} (no vault is written to) or {AS_SET} (vaults are as their settings say)"
        )
    reason, actor = reading.reason(wanted.reason), reading.actor(request)
    off = reason if wanted.mode == Mode.OBSERVE else ""

    def turn(row: FleetRow) -> FleetRow:
        return replace(row, switch_off=off, switch_actor=actor, switch_at=world.now)

    fleet = rows.change(world.tables.fleet, lambda: sight.fleet_row(world), turn)
    log.warn("mode", mode=wanted.mode, actor=actor, reason=reason)
    if not off:
        _wake(world)
    return Response(200, _mode(fleet, world))


def _wake(world: World) -> None:
    """Let what is due and waits for the switch be looked at now; the rest sees it at its next check."""
    query = Query(due=("due_at", world.now))
    for stored in every(world.tables.inventory, query):
        if _waits(stored.value):
            try:
                world.tables.inventory.save(Stored(replace(stored.value, next_check=world.now), stored.etag))
            except Changed:  # a look is at work on it, and reads the switch before it writes
                continue


def _waits(entry: Entry) -> bool:
    return entry.reason is not None and entry.reason.code is ReasonCode.KILL_SWITCH


def _mode(fleet: FleetRow, world: World) -> dict[str, object]:
    off = bool(fleet.switch_off)
    return {
        "mode": Mode.OBSERVE if off else AS_SET,
        "reason": fleet.switch_off or None,
        "actor": fleet.switch_actor or None,
        "at": rows.instant(fleet.switch_at),
        "vaults": [
            {"vault": vault, "setting": mode, "now": Mode.OBSERVE if off else mode}
            for vault, mode in sorted(world.settings.vaults.items())
        ],
    }
