"""Looking daily whether a renewal could succeed, long before it is due: tables, the CA and the DNS only, no vault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.decisions.case import Case
from perennial.errors import IssuerError
from perennial.model.authority import Obstacle
from perennial.model.ids import spread
from perennial.model.notices import Notice
from perennial.workflows import notices
from perennial.workflows.sight import Sight

DAY = timedelta(days=1)
PATIENCE = timedelta(hours=1)  # after a check that could not be made
MOST, LONGEST = 20, 400  # obstacles of one certificate, and characters of each text
NEAR = timedelta(days=3)  # before it is due, or a tenth of the life if that is more: a person is told


def look_ahead(sight: Sight) -> None:
    """Ask the first issuer of a certificate's list what stands in the way, if the hour of this certificate's day has come."""
    entry, now, case = sight.entry, sight.world.now, _case(sight)
    if case is None:
        if entry.preflight_at is not None or entry.obstacles:
            sight.entry = replace(entry, preflight_at=None, obstacles=(), obstructed_since=None)
        return
    due = entry.preflight_at or now + spread(sight.ref, DAY, "preflight")
    if due > now:
        sight.entry = replace(entry, preflight_at=due)
        return
    leaf = case.current.leaf
    names = tuple(sorted({*case.seen.policy.names, *(leaf.names if leaf else ())}))
    try:
        found = sight.world.issuers[case.issuers[0]].obstacles(names, now)
    except IssuerError as failure:  # that it could not be looked at is no obstacle, and removes none
        again = now + (failure.retry_after or PATIENCE) + spread(sight.ref, PATIENCE, "preflight-again")
        sight.entry = replace(entry, preflight_at=again)
        sight.did.append(f"not-looked-ahead: {failure.code}")
        return
    since = (entry.obstructed_since or now) if found else None
    sight.entry = replace(entry, preflight_at=now + DAY, obstacles=_kept(found), obstructed_since=since)
    sight.did.append(f"obstacles: {len(found)}" if found else "looked-ahead")


def _kept(found: tuple[Obstacle, ...]) -> tuple[Obstacle, ...]:
    """Return what fits a row, a finding and a notice (32 K characters each): of a hundred names the first faults, and how many more there are."""
    cut = [replace(one, what=one.what[:LONGEST], fix=one.fix[:LONGEST]) for one in found[:MOST]]
    if len(found) > MOST:
        cut[-1] = replace(cut[-1], what=f"{cut[-1].what} (and {len(found) - MOST} more)")
    return tuple(cut)


def warning(sight: Sight) -> Notice | None:
    """Return what a person is to be told of obstacles when the renewal is near, once an occasion; None: nothing."""
    entry, case = sight.entry, _case(sight)
    if not entry.obstacles or entry.obstructed_since is None or case is None or not case.managed:
        return None
    if sight.world.now < case.due_at - max(NEAR, case.current.lifetime / 10):
        return None
    what = "; ".join(f"{one.code}: {one.what}" for one in entry.obstacles)
    fix = "; ".join(dict.fromkeys(one.fix for one in entry.obstacles))
    occasion, since = entry.obstructed_since.isoformat(), entry.obstructed_since
    return notices.certificate_notice(
        entry, "issuance-blocked", f"its renewal would fail: {what}", occasion=occasion, now=since, fix=fix
    )


def _case(sight: Sight) -> Case | None:
    """Return the case of a certificate that an authority signs; None: there is nothing to look at."""
    version = sight.entry.version
    if sight.gone or version is None or version.leaf is None:
        return None
    case = sight.case
    return case if case.signed and case.wishes.renew is not False else None
