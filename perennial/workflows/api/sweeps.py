"""Sweeps: their runs, newest first, with counts computed from the rows of their vaults; and one now."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from perennial.model.history import TERMINAL, VaultWalk, WalkState
from perennial.ports.tables import SWEEPS, Query
from perennial.workflows import sweep
from perennial.workflows.api import paging, reading
from perennial.workflows.api.http import PREFIX, Request, Response
from perennial.workflows.api.rows import instant
from perennial.workflows.reading import every
from perennial.workflows.world import World

# Greater than every vault's name: a cursor with it leaves a whole run behind, also a row that is written late.
LAST = "~"


class Wanted(reading.Body, frozen=True):
    """The body of a POST; it may be empty."""

    reason: str = ""


def listed(request: Request, world: World) -> Response:
    """List runs, newest first."""
    given = reading.query(request, "limit", "cursor")
    page = paging.paging(given)
    walks = (stored.value for stored in every(world.tables.sweeps, Query(beyond=page.after)))
    runs: list[dict[str, object]] = []
    last = ""
    for tick, of_tick in groupby(walks, key=lambda walk: SWEEPS.key(walk)[0]):
        if len(runs) == page.limit:
            return Response(200, {"items": runs, "next": paging.cursor(last, LAST)})
        runs.append(_run(list(of_tick)))
        last = tick
    return Response(200, {"items": runs, "next": None})


def started(request: Request, world: World) -> Response:
    """Start a sweep of every vault now."""
    reading.query(request)
    wanted, actor = reading.body(request, Wanted), reading.actor(request)
    asked_by = f"{actor}: {reading.reason(wanted.reason)}" if wanted.reason else actor
    tick = sweep.start(world, tick=world.now, asked_by=asked_by)
    body = {"tick": instant(tick), "asked_by": asked_by, "vaults": sorted(world.settings.vaults)}
    return Response(202, body, {"Location": f"{PREFIX}/sweeps"})


def _run(walks: list[VaultWalk]) -> dict[str, object]:
    states = Counter(walk.state for walk in walks)
    skipped: Counter[str] = Counter()
    for walk in walks:
        skipped.update(walk.skipped)
    going = any(walk.state not in TERMINAL for walk in walks)
    ends = [walk.ended for walk in walks if walk.ended]
    starts = [walk.started for walk in walks if walk.started]
    return {
        "tick": instant(walks[0].tick),
        "asked_by": walks[0].asked_by,
        "state": "walking" if going else _ended(states),
        "started": instant(min(starts, default=None)),
        "ended": None if going else instant(max(ends, default=None)),
        "vault_states": {state.value: count for state, count in sorted(states.items())},
        "seen": sum(walk.seen for walk in walks),
        "checked": sum(walk.checked for walk in walks),
        "skipped": dict(sorted(skipped.items())),
        "failed": sum(walk.failed for walk in walks),
        "queued": sum(walk.queued for walk in walks),
        "findings": sum(walk.findings for walk in walks),
        "vaults": [_walk(walk) for walk in walks],
    }


def _ended(states: Counter[WalkState]) -> str:
    """Name a run that has ended after its worst vault."""
    order = (WalkState.FAILED, WalkState.OVERTAKEN, WalkState.WHOLE)
    return next(state.value for state in order if states[state])


def _walk(walk: VaultWalk) -> dict[str, object]:
    return {
        "vault": walk.vault,
        "state": walk.state,
        "started": instant(walk.started),
        "ended": instant(walk.ended),
        "seen": walk.seen,
        "checked": walk.checked,
        "skipped": dict(walk.skipped),
        "failed": walk.failed,
        "queued": walk.queued,
        "findings": walk.findings,
        "error": walk.error or None,
        "fix": walk.fix or None,
    }
