"""The brake's notice: once a day, when the day's number of automatic renewals is reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.decisions.case import managed
from perennial.decisions.tags import wishes
from perennial.model.inventory import Entry, FleetRow
from perennial.ports.tables import Query
from perennial.workflows import announce, notices
from perennial.workflows.reading import every
from perennial.workflows.sight import renewal_policy
from perennial.workflows.world import World

FIX = (
    "read GET /api/plan: if that many are meant to be renewed, raise PERENNIAL_MAX_RENEWALS_PER_DAY or wait; if not, "
    "turn the fleet's switch to observe (PUT /api/mode) and find out why they are due"
)


def tell_brake(world: World, fleet: FleetRow) -> FleetRow:
    """Tell of a brake that stops, with how many wait and the last day it will take; return the fleet as it is to be saved."""
    today = world.now.date()
    policy = renewal_policy(world, "", fleet)
    if policy.renewals_today < policy.brake or fleet.brake_told == today:
        return fleet
    waiting = sum(_waits(world, vault, row) for vault in world.settings.vaults for row in _due(world, vault))
    if waiting:
        last = today + timedelta(days=-(-waiting // max(policy.brake, 1)))
        reason = (
            f"{policy.renewals_today} automatic renewals were begun today, as many as the brake allows; "
            f"{waiting} wait, at this pace until {last}; what is in its last tenth goes on"
        )
        facts = {"begun": policy.renewals_today, "limit": policy.brake, "waiting": waiting, "last_day": str(last)}
        occasion = today.isoformat()
        announce.tell(
            world, notices.fleet_notice("brake", reason, occasion=occasion, now=world.now, fix=FIX, facts=facts)
        )
    return replace(fleet, brake_told=today) if waiting else fleet


def _due(world: World, vault: str) -> list[Entry]:
    query = Query(partition=vault, due=("due_at", world.now))
    return [stored.value for stored in every(world.tables.inventory, query)]


def _waits(world: World, vault: str, entry: Entry) -> bool:
    """Tell whether a due certificate is one that the brake holds back: chosen, and not begun."""
    begun = entry.version is None or entry.claim == entry.version.id
    chosen = managed(world.settings.vaults[vault], wishes(entry.tags))
    return chosen and not begun and entry.gone is None and entry.decision in ("wait-until", "renew")
