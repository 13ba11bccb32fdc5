"""GET plan: what would be renewed now and in the next 30 days, and what blocks what. From the rows alone: no vault is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from perennial.decisions.case import Case
from perennial.model.decision import RenewalPolicy
from perennial.model.inventory import Entry
from perennial.model.mode import Mode
from perennial.model.reasons import Reason, ReasonCode
from perennial.ports.tables import Query
from perennial.workflows import sight
from perennial.workflows.api import blocks, facts, reading, rows
from perennial.workflows.api.http import Request, Response
from perennial.workflows.api.remedies import REMEDIES
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.reading import every
from perennial.workflows.world import World

AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Planned:
    """A certificate, and what keeps it from being renewed when it is due."""

    entry: Entry
    due: datetime | None  # None: not in the plan's time
    blocked: tuple[Reason, ...]
    drift: str = ""  # in what it is not what its policy and tags ask for


def shown(request: Request, world: World) -> Response:
    """Show the plan of the fleet, or of one vault."""
    given = reading.query(request, "vault")
    vault = reading.vault(given)
    fleet = sight.fleet_row(world).value
    names = sorted({*world.settings.vaults, vault} - {""})
    policies = {name: sight.renewal_policy(world, name, fleet) for name in names}
    entries = (stored.value for stored in every(world.tables.inventory, Query(partition=vault)))
    planned = [found for entry in entries if (found := _planned(entry, policies, world))]
    return Response(200, _body(planned, policies, sight.renewal_policy(world, vault, fleet), world.now))


def _planned(entry: Entry, policies: Mapping[str, RenewalPolicy], world: World) -> Planned | None:
    """Place an entry in the plan; None where it has no place: it is gone, or neither due in time nor waiting for a person."""
    policy = policies.get(entry.vault)
    if policy is None or entry.gone is not None or entry.version is None:
        return None
    soon = entry.due_at is not None and entry.due_at <= world.now + AHEAD
    blocked = blocks.of(entry, policy, world.now) if soon or entry.decision == "ask-human" else ()
    if not (soon or blocked):
        return None
    return Planned(entry, entry.due_at if soon else None, blocked, _drift(entry, policy, world.now))


def _drift(entry: Entry, policy: RenewalPolicy, now: datetime) -> str:
    if entry.drifted_at is None or entry.version is None:
        return ""
    return Case(snapshot_of(entry, None), entry.version, policy, now).differs


def _body(
    planned: list[Planned], policies: Mapping[str, RenewalPolicy], fleet: RenewalPolicy, now: datetime
) -> dict[str, object]:
    due = [one for one in planned if one.due is not None]
    return {
        "at": rows.instant(now),
        "until": rows.instant(now + AHEAD),
        "switch": {"mode": Mode.OBSERVE if fleet.switched_off else "as-set", "reason": fleet.switched_off},
        "brake": {"limit": fleet.brake, "begun_today": fleet.renewals_today},
        "totals": {
            "now": sum(_is_now(one, now) and not one.blocked for one in due),
            "later": sum(not _is_now(one, now) and not one.blocked for one in due),
            "blocked": sum(bool(one.blocked) for one in planned),
        },
        "vaults": [
            _vault(vault, policy, [one for one in due if one.entry.vault == vault], now)
            for vault, policy in policies.items()
        ],
        "blocked": _blocked(planned),
    }


def _is_now(one: Planned, now: datetime) -> bool:
    return one.due is not None and one.due <= now


def _vault(vault: str, policy: RenewalPolicy, due: list[Planned], now: datetime) -> dict[str, object]:
    days: dict[str, list[Planned]] = {}
    for one in sorted(due, key=_order):
        if one.due is not None and not _is_now(one, now):
            days.setdefault(one.due.astimezone(UTC).date().isoformat(), []).append(one)
    return {
        "vault": vault,
        "mode": policy.mode,
        "now": _items(sorted((one for one in due if _is_now(one, now)), key=_order)),
        "days": [{"day": day, "count": len(of_day), "certificates": _items(of_day)} for day, of_day in days.items()],
    }


def _order(one: Planned) -> tuple[datetime, str]:
    return one.due or one.entry.next_check, one.entry.certificate


def _items(planned: Iterable[Planned]) -> list[dict[str, object]]:
    return [
        {
            "certificate": one.entry.certificate,
            "due_at": rows.instant(one.due),
            "not_after": rows.instant(one.entry.not_after),
            "decision": one.entry.decision or None,
            "reason": facts.reason(one.entry.reason),
            "blocked_by": [reason.code for reason in one.blocked],
            "drift": one.drift or None,
        }
        for one in planned
    ]


def _blocked(planned: Iterable[Planned]) -> list[dict[str, object]]:
    by_code: dict[ReasonCode, list[dict[str, object]]] = {}
    for one in planned:
        for reason in one.blocked:
            shown: dict[str, object] = {
                "vault": one.entry.vault,
                "certificate": one.entry.certificate,
                "sentence": reason.sentence,
            }
            by_code.setdefault(reason.code, []).append(shown)
    return [
        {"code": code, "count": len(of_code), "what_to_do": REMEDIES[code], "certificates": of_code}
        for code, of_code in sorted(by_code.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
