"""The first days: a mixed fleet is watched, planned and judged without a write; then one setting lets the due one be renewed."""

from __future__ import annotations

import re
from datetime import timedelta

from localazure.client import await_until
from tests.journeys.running import PATIENCE, App, Journey

DAY = timedelta(days=1)
NAMES = ("due", "fresh", "supervised", "public")


def _mixed(journey: Journey) -> str:
    """Fill a vault: one due, one not, one that Key Vault renews, a public one imported over a Self policy."""
    vault, person = journey.vault(), journey.operator
    person.seed(vault, "due", left=20 * DAY)
    person.seed(vault, "fresh", left=80 * DAY, tags={"perennial-owner": "shop"})
    person.seed(vault, "supervised", left=20 * DAY, auto_renew=True)
    person.seed(vault, "public", left=20 * DAY, signed_by=journey.ca("Public CA"), public=True)
    return vault


def _reasons(app: App, vault: str) -> dict[str, str]:
    items = app.get(f"certificates?vault={vault}&limit=100")["items"]
    return {item["certificate"]: item["reason"]["code"] for item in items if item["reason"]}


def test_a_fleet_is_watched_first_and_renewed_when_its_setting_says_so(journey: Journey) -> None:
    """Observed: plan, reasons and findings, no write. Switched on: the due one is renewed, the other three are left alone."""
    vault = _mixed(journey)
    with journey.app({vault: "observe"}, hear=[]) as app:
        app.sweep()
        await_until(lambda: len(_reasons(app, vault)) == len(NAMES), PATIENCE)
        observed = _reasons(app, vault)
        assert observed == {
            "due": "observed",
            "fresh": "not-due",
            "supervised": "supervised",
            "public": "policy-does-not-match-certificate",
        }
        plan = app.get(f"plan?vault={vault}")
        now = {item["certificate"]: item["blocked_by"] for item in plan["vaults"][0]["now"]}
        assert now["due"] == ["observed"]
        assert plan["totals"]["now"] == 0
        found = app.get(f"findings?vault={vault}&limit=100")["items"]
        assert all(one["what_to_do"] for one in found)
        assert {(one["certificate"], one["rule"]) for one in found} >= {
            ("due", "no-owner"),
            ("public", "policy-does-not-match-certificate"),
        }
        assert ("fresh", "no-owner") not in {(one["certificate"], one["rule"]) for one in found}
        known = app.sweep()[0]
        assert (known["seen"], known["checked"], known["queued"]) == (4, 4, 0)
    assert [one for one in journey.asked(vault) if not one.startswith("GET ")] == []
    with journey.app({vault: "renew"}) as app:
        app.tick()  # the vault's mode has changed: it is walked, and what would now decide otherwise is looked at
        await_until(lambda: journey.versions(vault, "due") == 2, PATIENCE)
        await_until(lambda: _reasons(app, vault)["due"] == "not-due", PATIENCE)
        assert _reasons(app, vault) == observed | {"due": "not-due"}
        sentence = app.certificate(vault, "supervised")["reason"]["sentence"]
        assert re.search(r"\d{4}-\d\d-\d\d", sentence)  # it says when Perennial would step in
    assert journey.creates(vault) == ["POST /certificates/due/create"]
