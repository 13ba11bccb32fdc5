"""What stands in the plan and what does not: to the second, with its day, its drift, and the order of what blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from perennial.model.certificate import CertificateRef, IssuancePolicy
from perennial.model.mode import Mode
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, WATCHED, WEB, stock
from tests.memory.world import SETTINGS, make_world

SECOND = timedelta(seconds=1)


def at(world: World, name: str, days: timedelta, vault: str = "kv-orders", **columns: Any) -> None:
    """Put a certificate there that is due so long after now."""
    entry = stock(world, CertificateRef(vault, name), left=150 * DAY)
    world.tables.inventory.put(replace(entry, **{"due_at": NOW + days, **columns}))


def names(world: World) -> tuple[list[str], list[str]]:
    """Return what stands under now, and what stands under days, of the vault that is renewed."""
    part = next(one for one in Api(world).call("plan").one("vaults") if one["vault"] == "kv-orders")
    of_days = [item["certificate"] for day in part["days"] for item in day["certificates"]]
    return [item["certificate"] for item in part["now"]], of_days


def test_now_and_the_thirtieth_day_to_the_second() -> None:
    """Due at this second is now, at the last second of the plan is in it, and the second after is not."""
    world = make_world(NOW)
    at(world, "now", timedelta(0))
    at(world, "next", SECOND)
    at(world, "last", 30 * DAY)
    at(world, "after", 30 * DAY + SECOND)
    assert names(world) == (["now"], ["next", "last"])
    found = Api(world).call("plan")
    assert (found.one("at"), found.one("until")) == ("2026-11-24T08:00:00Z", "2026-12-24T08:00:00Z")
    assert found.one("switch") == {"mode": "as-set", "reason": None}
    assert found.one("totals") == {"now": 1, "later": 2, "blocked": 0}


def test_what_has_no_due_date_no_version_or_no_vault_of_ours_is_not_planned() -> None:
    """Nothing can be said of it."""
    world = make_world(NOW)
    at(world, "a", timedelta(0), due_at=None)
    at(world, "b", timedelta(0), version=None)
    at(world, "c", timedelta(0), vault="kv-former")
    found = Api(world).call("plan")
    assert (names(world), found.one("blocked")) == (([], []), [])
    assert [one["vault"] for one in found.one("vaults")] == ["kv-orders", "kv-watched"]


def test_what_is_not_due_in_time_is_not_told_as_blocked() -> None:
    """Its vault is only observed, and nothing would come of it in thirty days."""
    world = make_world(NOW)
    stock(world, WATCHED, left=290 * DAY)
    assert Api(world).call("plan").one("blocked") == []


def test_what_is_blocked_counts_apart_today_and_later() -> None:
    """In no other total."""
    world = make_world(NOW)
    for name, days in (("now", timedelta(0)), ("later", DAY)):
        at(world, name, days, vault="kv-watched")
    assert Api(world).call("plan").one("totals") == {"now": 0, "later": 0, "blocked": 2}


def test_what_blocks_most_stands_first() -> None:
    """And of two alike the one whose name comes first."""
    world = make_world(NOW, settings=replace(SETTINGS, vaults={**SETTINGS.vaults, "kv-z": Mode.RENEW}))
    for name in ("a", "b"):
        at(world, name, timedelta(0), paused_until=NOW + DAY)
    at(world, "c", timedelta(0), vault="kv-watched")
    at(world, "d", timedelta(0), tags={"perennial-renew": "never"})
    found = Api(world).call("plan").one("blocked")
    assert [(one["code"], one["count"]) for one in found] == [("paused", 2), ("never", 1), ("observed", 1)]


def test_an_item_says_what_was_decided_and_what_has_drifted() -> None:
    """A drift only where the row says that there is one; null for what is not."""
    settings = replace(SETTINGS, authorities=(), issuers=())
    world = make_world(NOW, settings=settings)
    at(world, "plain", timedelta(0), decision="", reason=None)
    (item,) = next(one for one in Api(world).call("plan").one("vaults") if one["vault"] == "kv-orders")["now"]
    assert (item["decision"], item["reason"], item["drift"]) == (None, None, None)
    at(world, "plain", timedelta(0), decision="renew")
    (item,) = next(one for one in Api(world).call("plan").one("vaults") if one["vault"] == "kv-orders")["now"]
    assert item["decision"] == "renew"


def test_a_drift_is_shown_once_the_row_tells_of_it() -> None:
    """What its policy asks for beyond the certificate, as the look that saw it wrote."""
    world = make_world(NOW)
    world = replace(world, issuers={**world.issuers, "corp": world.issuers["vault"]})
    policy = IssuancePolicy(
        issuer="Unknown", subject="CN=web.example", names=("web.example", "api.example"), fingerprint="f"
    )
    entry = stock(world, WEB, left=50 * DAY, policy=policy, tags={"perennial-issuer": "corp"})
    for since, drift in ((None, None), (NOW, "it does not name api.example")):
        world.tables.inventory.put(replace(entry, due_at=NOW, drifted_at=since))
        found = Api(world).call("plan")
        part = next(one for one in found.one("vaults") if one["vault"] == "kv-orders")
        assert [item["drift"] for item in part["now"]] == [drift]
