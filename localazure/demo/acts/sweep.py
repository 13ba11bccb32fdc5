"""Act 12: the compliance rules over both vaults, and what is true of the whole story."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from localazure.client import Json
from localazure.demo.fleet import BILLING, FLEET, ORDERS
from localazure.demo.signers import KEYS
from localazure.demo.stage import Stage
from localazure.demo.story import Story

SEVERITIES = ("critical", "high", "medium", "low", "info")


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act("12", "Sweep", "The compliance rules over both vaults: what is wrong, and what to do about it.")
    tick = stage.sweep()
    run = story.wait("the sweep's end", lambda: stage.swept(tick), 30)
    names = {vault: _names(stage, vault) for vault in (ORDERS, BILLING)}
    total = sum(map(len, names.values()))
    story.claim(
        "the sweep saw every certificate that the vaults hold, and failed on none",
        run["state"] == "whole" and run["seen"] == total and run["failed"] == 0,
        f"{run['seen']} of {total}",
    )
    findings = stage.app.everything("findings")
    story.say(f"GET /api/findings: {len(findings)} are open")
    story.show(("severity", "rule", "where, and what to do"), _by_rule(findings))
    _findings(story, findings)
    _whole_story(stage, story, names)


def _by_rule(findings: list[Json]) -> list[tuple[str, str, str]]:
    """Return two rows for each severity and rule: where, and what to do."""

    def order(one: Json) -> tuple[int, str]:
        return SEVERITIES.index(one["severity"]), one["rule"]

    rows: list[tuple[str, str, str]] = []
    for _, group in groupby(sorted(findings, key=order), key=order):
        of_rule = list(group)
        where = ", ".join(f"{one['vault']}/{one['certificate'] or ''}" for one in of_rule)
        rows += [(of_rule[0]["severity"], of_rule[0]["rule"], where), ("", "", f"→ {of_rule[0]['what_to_do']}")]
    return rows


def _names(stage: Stage, vault: str) -> list[str]:
    return [str(one.name) for one in stage.person.client(vault).list_properties_of_certificates()]


def _findings(story: Story, findings: list[Json]) -> None:
    """Hold the findings against what was planted."""
    found = {(one["vault"], one["certificate"], one["rule"]) for one in findings}
    planted = {(seed.vault, seed.name, seed.finding) for seed in FLEET if seed.finding}
    missing = sorted(planted - found)
    counts = {one: sum(finding["severity"] == one for finding in findings) for one in SEVERITIES}
    story.claim(
        "every fault that was planted is found",
        not missing,
        ", ".join(map(str, missing))
        or f"{len(planted & found)} of {len(planted)}; {', '.join(f'{n} {s}' for s, n in counts.items() if n)}",
    )
    healthy = {(ORDERS, name) for name in ("crm", "payments", "wiki", "portal", "accounts", "shipping")}
    blamed = sorted(
        f"{one['certificate']}: {one['rule']}" for one in findings if (one["vault"], one["certificate"]) in healthy
    )
    story.claim("what is in order has no finding", not blamed, ", ".join(blamed) or f"{len(healthy)} certificates")


def _whole_story(stage: Stage, story: Story, names: dict[str, list[str]]) -> None:
    """Check what must be true of all acts together, in the vaults' own words."""
    replaced = Counter(
        (vault, name, successor)
        for vault in names
        for name in names[vault]
        for successor in stage.replaced(vault, name)
    )
    renewed = {(vault, name) for vault, name, _ in replaced}
    story.claim(
        "no version was replaced twice",
        max(replaced.values()) == 1,
        f"{len(renewed)} of {sum(map(len, names.values()))} certificates were renewed, {len(replaced)} versions replaced",
    )
    asked = [*stage.asked(ORDERS), *stage.asked(BILLING)]
    secrets = [one for one in asked if one["path"].startswith(("/secrets", "/keys"))]
    kinds = Counter(f"{one['method']}" for one in asked)
    story.claim(
        "Perennial read and created certificates, and never asked for a key or a secret",
        not secrets and set(kinds) == {"GET", "POST"} and not any(one["status"] == 403 for one in asked),
        ", ".join(f"{count} {kind}" for kind, count in kinds.items()),
    )
    own = Counter(f"{one['method']} {one['path'].split('/')[1]}" for one in stage.asked(KEYS))
    story.claim(
        f"and in {KEYS}, its own vault, asked for keys alone: to make them, read their public half, and sign",
        set(own) == {"GET keys", "POST keys"} and not any(one["status"] == 403 for one in stage.asked(KEYS)),
        ", ".join(f"{count} {kind}" for kind, count in own.items()),
    )
    health = stage.app.get("health")
    story.claim(
        "GET /api/health says that the clock and the sweep turn",
        health["status"] == "alive" and health["find_due"]["happened"] and health["sweep"]["happened"],
        f"what is due was looked for {health['find_due']['age_seconds']} s ago",
    )
