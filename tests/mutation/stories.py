"""Which tests tell a module's story: those that its mutants meet first, and the only ones where a whole session is needed for one mutant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: Decisions that no other one's tests reach.
ALONE = frozenset({"chains", "posted"})

#: What no file's name says: a module, and the tests beside its own that tell of it.
MORE: Mapping[str, tuple[str, ...]] = {
    "perennial/decisions/chains.py": ("decisions/test_chain_links.py",),
    "perennial/workflows/announce.py": ("workflows/test_notices.py", "workflows/test_outbox.py"),
    "perennial/workflows/ari.py": ("workflows/test_asking_cas.py", "workflows/test_windows.py"),
    "perennial/workflows/baseline.py": ("workflows/test_first_walk.py",),
    "perennial/workflows/claims.py": ("workflows/test_rows.py", "workflows/test_renewal_ends.py"),
    "perennial/workflows/deliver.py": ("workflows/test_turns.py", "workflows/test_outbox.py"),
    "perennial/workflows/due.py": ("workflows/test_tick.py", "workflows/test_schedules.py"),
    "perennial/workflows/failing.py": (
        "workflows/test_failover.py",
        "workflows/test_renewal_ends.py",
        "workflows/test_renew_steps.py",
    ),
    "perennial/workflows/findings.py": ("workflows/test_finding_rows.py",),
    "perennial/workflows/gone.py": ("workflows/test_gone_rows.py",),
    "perennial/workflows/intake.py": ("intake/test_intake.py",),
    "perennial/workflows/look.py": ("workflows/test_look_ends.py", "workflows/test_look_trouble.py"),
    "perennial/workflows/notices.py": ("workflows/test_notice_data.py",),
    "perennial/workflows/preflight.py": ("workflows/test_looking_ahead.py", "workflows/test_preflight_bounds.py"),
    "perennial/workflows/prune.py": ("workflows/test_forgetting.py",),
    "perennial/workflows/renew.py": ("workflows/test_renew_steps.py", "workflows/test_renewal_ends.py"),
    "perennial/workflows/seen.py": ("workflows/test_seen_ca.py",),
    "perennial/workflows/sight.py": (
        "workflows/test_brake.py",
        "workflows/test_claims.py",
        "workflows/test_renew_steps.py",
    ),
    "perennial/workflows/standing.py": ("workflows/test_places.py",),
    "perennial/workflows/sweep.py": ("workflows/test_walks.py", "workflows/test_schedules.py"),
    "perennial/workflows/walk.py": ("workflows/test_walk_legs.py", "workflows/test_walk_trouble.py"),
    "perennial/workflows/walk_end.py": ("workflows/test_first_walk.py",),
    "perennial/workflows/walk_page.py": ("workflows/test_walks.py",),
    "perennial/workflows/world.py": ("workflows/test_renew_steps.py",),
    "perennial/workflows/api/ahead.py": ("api/test_forecast.py",),
    "perennial/workflows/api/authorities.py": ("api/test_authorities_shown.py",),
    "perennial/workflows/api/certificates.py": ("api/test_shown.py",),
    "perennial/workflows/api/deliveries.py": ("api/test_shown.py",),
    "perennial/workflows/api/facts.py": ("api/test_shapes.py", "api/test_shown.py"),
    "perennial/workflows/api/findings.py": ("api/test_shown.py",),
    "perennial/workflows/api/forecast.py": ("api/test_plan.py", "api/test_plan_edges.py"),
    "perennial/workflows/api/heartbeat.py": ("api/test_health.py",),
    "perennial/workflows/api/http.py": ("api/test_problems.py", "api/test_refusals.py"),
    "perennial/workflows/api/paging.py": ("api/test_certificates.py",),
    "perennial/workflows/api/pending.py": ("api/test_discard.py", "api/test_discard_edges.py"),
    "perennial/workflows/api/reading.py": ("api/test_refusals.py",),
    "perennial/workflows/api/remedies.py": ("api/test_plan.py",),
    "perennial/workflows/api/renewals.py": ("api/test_renew.py",),
    "perennial/workflows/api/requests.py": ("api/test_requests_kept.py", "api/test_chain_refused.py"),
    "perennial/workflows/api/rows.py": ("api/test_mode.py", "api/test_renew.py"),
    "perennial/workflows/api/signed.py": ("api/test_authorities.py", "api/test_forecast.py"),
    "perennial/workflows/api/sweeps.py": ("api/test_shown.py",),
}


def story(path: Path) -> list[str]:
    """Return the tests that tell a module's story; the whole folder that mirrors it where no file has its name: all decisions are one story."""
    mirror = Path("tests", *path.parts[1:-1])
    folder = Path("tests", path.parts[-2])
    own = folder / f"test_{path.stem}.py"
    if path.parts[-2] == "decisions" and path.stem not in ALONE:
        return [str(mirror)]
    told = [str(own)] if own.is_file() else []
    told += [str(Path("tests", name)) for name in MORE.get(str(path), ())]
    return told or [str(mirror)]
