"""Act 1: a fleet is watched, its plan is read, nothing is written; then one vault is switched on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from localazure.client import Json
from localazure.demo.fleet import BILLING, FLEET, ORDERS
from localazure.demo.stage import OPERATORS, SERVICE, Stage
from localazure.demo.story import Story

EVERYTHING_FOR_OPERATORS = ["renewal-failed", "renewal-recovered", "action-needed", "abandoned"]


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "1",
        "Observe first",
        "Perennial is installed over two vaults that people have filled for years. Each is only observed: the first thing "
        "that Perennial does is to look, and to say what it would do.",
    )
    stage.start_app({ORDERS: "observe", BILLING: "observe"})
    story.say(f"the app is up at {stage.app.url}, both vaults in observe")
    _look(stage, story)
    _plan(stage, story)
    _switch(stage, story)


def _look(stage: Stage, story: Story) -> None:
    """Sweep both vaults, and see that each certificate is understood."""
    tick = stage.sweep()
    story.say("POST /api/sweeps: look at everything now")
    run = story.wait("the sweep's end", lambda: stage.swept(tick), 30)
    counts = Counter(seed.vault for seed in FLEET)
    story.claim(
        "the sweep saw every certificate of both vaults",
        run["seen"] == len(FLEET) and run["failed"] == 0 and run["state"] == "whole",
        f"{run['seen']} of {len(FLEET)} ({', '.join(f'{vault} {count}' for vault, count in counts.items())})",
    )
    decided = story.wait("a decision about each", lambda: _decided(stage), 30)
    right = [seed for seed in FLEET if decided[seed.vault, seed.name]["reason"]["code"] == seed.observed]
    wrong = [
        f"{seed.vault}/{seed.name}: {decided[seed.vault, seed.name]['reason']['code']} instead of {seed.observed}"
        for seed in FLEET
        if seed not in right
    ]
    rows = [_row(decided[seed.vault, seed.name], seed.what) for seed in FLEET]
    story.show(("vault", "certificate", "what it is", "ends in", "what Perennial says"), rows)
    story.claim(
        "each has a decision with the reason that it deserves", not wrong, "; ".join(wrong) or f"{len(right)} reasons"
    )


def _decided(stage: Stage) -> dict[tuple[str, str], Json]:
    """Return all certificates with their decisions, once all have one."""
    items = stage.app.everything("certificates")
    found = {(one["vault"], one["certificate"]): one for one in items if one["decision"]}
    return found if len(found) == len(FLEET) else {}


def _row(one: Json, what: str) -> tuple[str, ...]:
    days = round((datetime.fromisoformat(one["not_after"]) - datetime.now(UTC)).total_seconds() / 86400)
    return one["vault"], one["certificate"], what, f"{days} d", f"{one['decision']}: {one['reason']['sentence']}"


def _plan(stage: Stage, story: Story) -> None:
    """Read the plan, and see that nothing was written."""
    plan = stage.app.get("plan")
    blocked = {(one["vault"], one["certificate"]): group for group in plan["blocked"] for one in group["certificates"]}
    rows = [
        (vault["vault"], one["certificate"], _due(one, plan["at"]), one["not_after"][:10], ", ".join(one["blocked_by"]))
        for vault in plan["vaults"]
        for one in [*vault["now"], *(late for day in vault["days"] for late in day["certificates"])]
    ]
    story.say("GET /api/plan: what is due within 30 days, and what blocks it")
    story.show(("vault", "certificate", "due", "ends", "what keeps it from being renewed"), rows)
    story.show(
        ("blocked by", "count", "what to do"),
        [(group["code"], str(group["count"]), group["what_to_do"]) for group in plan["blocked"]],
    )
    named = _would_be_renewed(plan, ORDERS)
    expected = sorted(seed.name for seed in FLEET if seed.vault == ORDERS and seed.due)
    story.claim(
        f"the plan names what switching {ORDERS} on would renew now, and nothing else",
        named == expected and (ORDERS, expected[0]) in blocked,
        ", ".join(named),
    )
    asked = [*stage.asked(ORDERS), *stage.asked(BILLING)]
    methods = Counter(one["method"] for one in asked)
    story.claim(
        "nothing was written to either vault",
        set(methods) == {"GET"},
        ", ".join(f"{count} {method}" for method, count in methods.items()),
    )


def _due(one: Json, now: str) -> str:
    return f"{'since' if one['due_at'] <= now else 'on'} {one['due_at'][:10]}"


def _would_be_renewed(plan: Json, vault: str) -> list[str]:
    """Return what would be renewed at once if it were not for the vault's mode."""
    return sorted(
        one["certificate"]
        for found in plan["vaults"]
        if found["vault"] == vault
        for one in found["now"]
        if one["blocked_by"] == ["observed"]
    )


def _switch(stage: Stage, story: Story) -> None:
    """Subscribe who is to be told, and switch one vault on."""
    planned = _would_be_renewed(stage.app.get("plan"), ORDERS)
    subscribe(stage, story)
    story.say(f"the plan is accepted: PERENNIAL_VAULTS becomes {ORDERS}=renew {BILLING}=observe, and the app restarts")
    stage.stop_app()
    stage.start_app({ORDERS: "renew", BILLING: "observe"})
    story.say("the app is up again")
    modes = {one["vault"]: one["now"] for one in stage.app.get("mode")["vaults"]}
    story.claim(
        "one vault is set to renew",
        modes == {ORDERS: "renew", BILLING: "observe"},
        ", ".join(f"{v} {m}" for v, m in modes.items()),
    )
    story.wait(
        "the planned renewals",
        lambda: all(stage.reason(ORDERS, name) == "not-due" for name in planned),
        90,
    )
    made = {seed.name: stage.versions(ORDERS, seed.name) - 1 for seed in FLEET if seed.vault == ORDERS}
    renewed = sorted(name for name, count in made.items() if count)
    story.claim(
        "what the plan named was renewed, once each, and nothing else",
        renewed == planned and max(made.values()) == 1,
        ", ".join(f"{name} {count}×" for name, count in made.items() if count),
    )
    asked = stage.asked(BILLING)
    writes = [one for one in asked if one["method"] != "GET"]
    story.claim(
        "the observed vault was not written to", not writes, f"{len(writes)} writes among {len(asked)} requests"
    )


def subscribe(stage: Stage, story: Story) -> None:
    """Subscribe a service, the people on duty, and the Event Grid topic; prove by a test that the webhooks arrive signed."""
    everything: dict[str, object] = {"channel": "event-grid"}
    service = _webhook(stage, SERVICE, "ORDERS", ["new-version"])
    people = _webhook(stage, OPERATORS, "OPERATORS", EVERYTHING_FOR_OPERATORS)
    for name, body in (("everything", everything), ("orders-service", service), ("operators", people)):
        stage.app.put(f"subscriptions/{name}", {**body, "send": "test"})
    story.say(
        "subscribed: an Event Grid topic to everything, a service's webhook to new versions, the operators' to trouble"
    )
    first = story.wait("the test notices", lambda: stage.receiver.received(SERVICE, "Test"), 20)
    second = story.wait("the operators' test notice", lambda: stage.receiver.received(OPERATORS, "Test"), 20)
    story.claim(
        "webhooks arrive over TLS, with a signature that the Standard Webhooks library accepts",
        all(one.verified for one in [*first, *second]),
        f"{len([*first, *second])} test notices verified",
    )


def _webhook(stage: Stage, path: str, secret: str, kinds: list[str]) -> dict[str, object]:
    return {"channel": "webhook", "target": stage.receiver.url(path), "secret": secret, "kinds": kinds}
