"""What a policy or a tag asks for and a certificate is not: renewed once, in the plan, and never in a loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from perennial.model.history import HistoryKind
from perennial.model.inventory import Entry
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome
from perennial.ports.tables import Query
from perennial.workflows.api import forecast
from perennial.workflows.api.http import Request
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, UNKNOWN, WWW
from tests.workflows.signed_stage import signed_stage

WIDER = replace(UNKNOWN, names=("api.example", "www.example"), fingerprint="wider")
OTHER_KEY = replace(UNKNOWN, key_type="RSA", key_size=3072, curve="", fingerprint="other key")


def read(on: Stage) -> Entry:
    """Let the vault be read now, as the event or the sweep after a person's change has it."""
    return on.look("www", sha1="another")


def open_findings(on: Stage) -> set[str]:
    """Return the rules that are broken now."""
    rows = on.tables.findings.select(Query(partition="kv-orders")).items
    return {stored.value.rule for stored in rows if stored.value.state == "open"}


def test_a_name_more_in_the_policy_is_renewed_for() -> None:
    """At once, by its own reason, and then no more: the new version names it."""
    on = signed_stage()
    assert on.look("www").drifted_at is None
    on.vaults.set_policy(WWW, WIDER)
    read(on)
    on.run(HOUR)
    (claim,) = on.claims("www")
    assert (claim.outcome, claim.trigger, claim.drift) == (
        Outcome.ISSUED,
        ReasonCode.DRIFTED,
        "it does not name api.example",
    )
    entry = on.entry("www")
    assert entry.version is not None
    assert entry.version.leaf is not None
    assert entry.version.leaf.names == ("api.example", "www.example")
    assert entry.drifted_at is None
    (decided,) = [row for row in on.history("www") if row.kind is HistoryKind.CLAIMED]
    assert "it does not name api.example" in decided.reason


def test_a_drift_that_a_renewal_leaves_is_a_finding_and_no_loop(spoil: Callable[[Stage], None]) -> None:
    """The memory's vaults make one kind of key: a policy that asks for another is renewed for once, then told."""
    on = signed_stage()
    spoil(on)
    on.look("www")
    on.vaults.set_policy(WWW, OTHER_KEY)
    read(on)
    on.run(DAY)
    assert len(on.claims("www")) == 1
    assert "drift-remains" in open_findings(on), "what a renewal left is told"
    on.run(50 * DAY)
    assert len(on.vaults.versions(WWW)) == 2, "not again, also after the loop guard's time"
    on.run(20 * DAY)
    assert [claim.trigger for claim in on.claims("www")] == [ReasonCode.DRIFTED, ReasonCode.DUE]
    assert len(on.vaults.versions(WWW)) == 3
    on.run(30 * DAY)
    assert len(on.vaults.versions(WWW)) == 3, "a renewal by the lifetime rule left it too"
    on.vaults.set_policy(WWW, UNKNOWN)
    read(on)
    assert "drift-remains" not in open_findings(on)


def test_another_drift_waits_for_the_loop_guard_and_comes_then() -> None:
    """A second change a day after the first renewal."""
    on = signed_stage()
    on.look("www")
    on.vaults.set_policy(WWW, WIDER)
    read(on)
    on.run(DAY)
    on.vaults.set_policy(WWW, replace(WIDER, names=("api.example", "b.example", "www.example"), fingerprint="widest"))
    entry = read(on)
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.LOOP_GUARD
    on.run(23 * DAY)
    assert [claim.trigger for claim in on.claims("www")] == [ReasonCode.DRIFTED, ReasonCode.DRIFTED]


def test_a_ca_that_is_no_longer_in_the_list_is_a_drift() -> None:
    """What it signed is renewed by whoever is listed now; what the second of the list signed stays."""
    on = signed_stage(left=29 * DAY)
    on.look("www")
    on.run(30 * DAY)
    assert on.entry("www").issued_through == "first"
    on.vaults.set_tags(WWW, {"perennial-issuer": "second, first"})
    read(on)
    on.run(DAY)
    assert len(on.claims("www")) == 1
    on.vaults.set_tags(WWW, {"perennial-issuer": "second"})
    read(on)
    on.run(DAY)
    assert on.claims("www")[1].drift == "first signed it, asked for is second"
    assert on.entry("www").issued_through == "second"


def test_the_plan_names_what_drifted() -> None:
    """In an observed vault: what would be renewed, and since when; nothing is written to the vault."""
    on = signed_stage(mode=Mode.OBSERVE)
    on.look("www")
    on.vaults.set_policy(WWW, WIDER)
    entry = read(on)
    assert (entry.drifted_at, entry.due_at) == (NOW, NOW)
    found = forecast.shown(Request(), on.world())
    assert '"drift":"it does not name api.example"' in found.payload.decode()
    on.run(timedelta(days=2))
    assert on.entry("www").drifted_at == NOW
    assert on.vaults.calls["create"] == 0


def test_a_name_that_the_policy_lost_is_a_persons_to_accept() -> None:
    """Losing a name breaks a service: asked, not done, also where another name is missing."""
    on = signed_stage()
    on.look("www")
    on.vaults.set_policy(WWW, replace(UNKNOWN, subject="CN=api.example", names=("api.example",), fingerprint="other"))
    entry = read(on)
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.POLICY_DOES_NOT_MATCH
    on.run(DAY)
    assert on.claims("www") == []
