"""One page of a walk: what it counts, what it asks for, and when."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.model.certificate import CertificateRef, IssuancePolicy, LifetimeAction, Listed
from perennial.model.decision import RenewalPolicy
from perennial.model.findings import Finding, Severity
from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.model.mode import Mode
from perennial.model.renewal import Checkpoint, Renewal, Step
from perennial.ports.tables import FINDINGS
from perennial.workflows import vault_state
from perennial.workflows.sight import fleet_row, renewal_policy
from perennial.workflows.walk_page import Beside, Counts, PageWalk, change, renewals_a_day
from perennial.workflows.world import World
from tests.memory.stage import Stage
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite
from tests.workflows.test_ahead import Counting
from tests.workflows.walking import DAY, HOUR, MINUTE, ORDERS, SECOND, named, stage

NAME = named(1)[0]
REF = CertificateRef(ORDERS, NAME)


def listed(entry: Entry, **changes: Any) -> Listed:
    """Return the item that shows what the row knows, but for some changes."""
    version = entry.version
    assert version is not None
    assert version.leaf is not None
    item = Listed(
        ref=entry.ref,
        sha1=version.leaf.sha1,
        enabled=version.enabled,
        created=version.created,
        not_before=version.not_before,
        not_after=version.not_after,
        tags=entry.tags,
    )
    return replace(item, **changes)


def page(on: Stage, *items: Listed, before: int = 0, world: World | None = None, **vault: Any) -> Counts:
    """Walk a page; `before`: looks that the walk had queued; `vault`: columns of the vault's row."""
    at = world or on.world()
    row = replace(vault_state.row_of(at, ORDERS).value, **vault)
    policy = renewal_policy(at, ORDERS, fleet_row(at).value)
    return PageWalk(at, row, policy, Beside.of(at, ORDERS), before).take(items)


def looks(on: Stage) -> list[tuple[Look, timedelta]]:
    """Return the looks that were queued, with their delay."""
    return [(one, delay) for one, delay in on.queues.sent if isinstance(one, Look)]


def test_a_look_is_sent_with_what_the_list_shows() -> None:
    """The thumbprint is the look's hint; the row asks for a read since now, and comes up ten minutes after the look."""
    on = stage(NAME)
    entry = on.entry(NAME)
    counts = page(on, listed(entry, sha1="0" * 40), before=250)
    look = Look(certificate=REF, cause="sweep: another version", sha1="0" * 40)
    assert looks(on) == [(look, 10 * SECOND)]
    after = on.entry(NAME)
    assert (after.read_at, after.next_check) == (on.now, on.now + 10 * SECOND + 10 * MINUTE)
    assert (counts.seen, counts.checked, dict(counts.skipped), counts.queued) == (1, 0, {"another version": 1}, 1)


def test_what_was_to_be_read_earlier_stays_so() -> None:
    """Neither instant is moved back; one whose clock has come is asked for by the walk too."""
    on = stage(NAME)
    rewrite(on, NAME, read_at=on.now - DAY, next_check=on.now)
    page(on, listed(on.entry(NAME), sha1="0" * 40))
    entry = on.entry(NAME)
    assert (entry.read_at, entry.next_check) == (on.now - DAY, on.now)
    assert len(looks(on)) == 1


@pytest.mark.parametrize(
    ("read_at", "next_check", "asked"),
    [
        (timedelta(0), SECOND, False),
        (SECOND, HOUR, True),
        (timedelta(0), timedelta(0), True),
    ],
)
def test_a_read_that_is_on_its_way_is_counted_and_not_asked_for(
    read_at: timedelta, next_check: timedelta, asked: bool
) -> None:
    """It must be read by now, and a look is to come."""
    on = stage(NAME)
    rewrite(on, NAME, read_at=on.now + read_at, next_check=on.now + next_check)
    counts = page(on, listed(on.entry(NAME), sha1="0" * 40))
    assert (dict(counts.skipped), counts.checked) == ({"another version": 1}, 0)
    assert len(looks(on)) == counts.queued == asked


@pytest.mark.parametrize(("before", "delay"), [(1000, timedelta(seconds=40)), (10**6, HOUR)])
def test_looks_are_sent_twenty_five_a_second_and_within_an_hour(before: int, delay: timedelta) -> None:
    """However many a walk has queued."""
    on = stage(NAME)
    page(on, listed(on.entry(NAME), sha1="0" * 40), before=before)
    assert looks(on)[0][1] == delay


def test_what_is_gone_and_listed_again_is_read_whatever_else() -> None:
    """Its row asks for a look even if one seems to be on its way; until then it asks for no renewals."""
    on = stage(NAME)
    rewrite(on, NAME, gone=on.now - HOUR, read_at=on.now - HOUR, next_check=on.now + DAY)
    counts = page(on, listed(on.entry(NAME)))
    assert [look.cause for look, _ in looks(on)] == ["sweep: listed again"]
    assert counts.expected == 0.0


@pytest.mark.parametrize(("times", "failed"), [(1, 0), (2, 0), (3, 1)])
def test_a_row_that_others_write_is_read_again_three_times(
    times: int, failed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Then it counts as failed, with a warning, and the page goes on."""
    on = stage(*named(2))
    items = [listed(on.entry(name), sha1="0" * 40) for name in named(2)]
    with caplog.at_level(logging.WARNING, logger="perennial"):
        counts = page(on, *items, world=raced(on.world(), "inventory", times=times))
    assert (counts.seen, counts.failed, counts.queued) == (2, failed, 2 - failed)
    warned = [json.loads(text) for text in caplog.messages]
    said = {"event": "walk-item-failed", "certificate": str(REF), "error": f"Changed: {REF}"}
    assert warned == [said] * failed


def test_a_race_that_shows_nothing_new_any_more_asks_for_nothing() -> None:
    """The other's write was the look that read it."""
    on = stage(NAME)
    before = on.entry(NAME)
    rewrite(on, NAME, tags={"old": "tag"})
    world = raced(on.world(), "inventory", lambda row: replace(row, tags=before.tags))
    counts = page(on, listed(before), world=world)
    assert looks(on) == []
    assert (counts.failed, counts.checked, dict(counts.skipped)) == (0, 1, {})


def test_an_overdue_row_is_leased_for_an_hour_after_its_look() -> None:
    """Out of find_due's way; a row that is written meanwhile is looked at by somebody."""
    on = stage(NAME)
    rewrite(on, NAME, next_check=on.now - HOUR)
    counts = page(on, listed(on.entry(NAME)), before=250)
    assert looks(on) == [(Look(certificate=REF, cause="sweep: overdue"), 10 * SECOND)]
    assert on.entry(NAME).next_check == on.now + 10 * SECOND + HOUR
    assert (counts.queued, counts.checked) == (1, 1)
    on.queues.sent.clear()
    rewrite(on, NAME, next_check=on.now - HOUR)
    counts = page(on, listed(on.entry(NAME)), world=raced(on.world(), "inventory"))
    assert (looks(on), counts.queued, counts.checked) == ([], 0, 1)


@pytest.mark.parametrize("told", [False, True])
def test_findings_open_silently_until_the_vaults_summary(told: bool) -> None:
    """Then each is told; it belongs to the certificate's owner."""
    on = stage(NAME)
    rewrite(on, NAME, owner="")
    counts = page(on, listed(on.entry(NAME)), baseline_told=told)
    stored = on.tables.findings.get(ORDERS, f"{NAME}:no-owner")
    assert stored is not None
    assert stored.value.silent is not told
    assert counts.findings == 1
    on.run(SECOND)
    assert len(on.told("finding-opened")) == told


def test_findings_that_are_known_are_read_once_a_page() -> None:
    """Not once more for each certificate."""
    on = stage(*named(20))
    counting = Counting(FINDINGS)
    world = on.world()
    world = replace(world, tables=replace(world.tables, findings=counting))
    page(on, *(listed(on.entry(name)) for name in named(20)), world=world)
    assert counting.calls <= 2


def test_a_names_findings_are_read_whole_where_a_window_ends_in_them() -> None:
    """A hundred rows a call: the thirty-fourth of names with three each is cut by it."""
    on = stage()
    names = [f"c{number:02}" for number in range(34)]
    for name in names:
        for rule in ("a-rule", "b-rule", "c-rule"):
            row = Finding(
                vault=ORDERS, certificate=name, rule=rule, severity=Severity.LOW, opened=on.now, last_seen=on.now
            )
            on.tables.findings.put(row)
    found = Beside.of(on.world(), ORDERS).findings.of(names)
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(names, 3)


def observed(on: Stage) -> RenewalPolicy:
    """Let the vault be observed by now, and return the policy of before."""
    before = renewal_policy(on.world(), ORDERS, fleet_row(on.world()).value)
    on.settings = replace(on.settings, vaults={ORDERS: Mode.OBSERVE})
    return before


@pytest.mark.parametrize(
    ("mode_seen", "left", "cause"),
    [("renew", 20, "sweep: mode"), ("", 20, None), ("observe", 20, None), ("renew", 80, None)],
)
def test_another_mode_asks_for_looks_at_what_it_changes(mode_seen: str, left: int, cause: str | None) -> None:
    """Due, and now only observed; not what decides as before, nor where the mode is the one of the last walk."""
    on = stage(NAME)
    entry = on.entry(NAME)
    assert entry.version is not None
    version = replace(
        entry.version, not_before=on.now + (left - 90) * DAY, not_after=on.now + left * DAY, created=on.now - DAY
    )
    observed(on)
    rewrite(on, NAME, version=version)
    page(on, listed(on.entry(NAME)), mode_seen=mode_seen)
    assert [look.cause for look, _ in looks(on)] == ([cause] if cause else [])


def test_a_row_without_a_reason_has_a_look_before_it() -> None:
    """It was never decided about, so nothing is compared."""
    on = stage(NAME)
    observed(on)
    rewrite(on, NAME, reason=None)
    assert page(on, listed(on.entry(NAME)), mode_seen="renew").failed == 0
    assert looks(on) == []


def test_the_claim_is_part_of_what_the_rules_judge() -> None:
    """One that has waited for too long is a finding; a claim that is named and missing is none."""
    on = stage(NAME)
    entry = on.entry(NAME)
    assert entry.version is not None
    version = replace(entry.version, not_before=on.now - 70 * DAY, not_after=on.now + 20 * DAY)
    claim = Renewal(
        certificate=REF,
        replacing=version.id,
        issuer="vault",
        opened=on.now - 2 * DAY,
        next_step=on.now + DAY,
        earliest=on.now + DAY,
        checkpoint=Checkpoint(Step.WAITING),
    )
    rewrite(on, NAME, version=version, claim=version.id)
    assert page(on, listed(on.entry(NAME))).failed == 0
    assert on.tables.findings.get(ORDERS, f"{NAME}:pending-operation-too-old") is None
    on.tables.renewals.put(claim)
    page(on, listed(on.entry(NAME)))
    assert on.tables.findings.get(ORDERS, f"{NAME}:pending-operation-too-old") is not None


def test_what_a_list_shows_that_the_row_does_not_know() -> None:
    """Enabled again, other tags, a version where none is known or none is finished."""
    on = stage(NAME)
    entry = on.entry(NAME)
    version = entry.version
    assert version is not None
    disabled = replace(entry, version=replace(version, enabled=False))
    assert change(disabled, listed(entry)) == "enabled"
    assert change(entry, listed(entry, enabled=False)) == "disabled"
    assert change(entry, listed(entry, tags={"a": "b"})) == "other tags"
    assert change(replace(entry, version=None), listed(entry)) == "another version"
    assert change(replace(entry, version=replace(version, leaf=None)), listed(entry)) == "another version"
    assert change(entry, listed(entry)) == ""


def test_how_many_renewals_a_day_a_lifetime_asks_for() -> None:
    """One a period, from birth to the due date or two thirds of the life; at most one an hour; none where not managed."""
    on = stage(NAME)
    entry = on.entry(NAME)
    assert entry.version is not None
    policy = RenewalPolicy(mode=Mode.RENEW)
    born: datetime = entry.version.not_before
    assert renewals_a_day(replace(entry, due_at=born + 30 * DAY), policy) == pytest.approx(1 / 30)
    assert renewals_a_day(replace(entry, due_at=None), policy) == pytest.approx(1 / 60)
    assert renewals_a_day(replace(entry, due_at=born + MINUTE), policy) == 24.0
    assert renewals_a_day(replace(entry, version=None), policy) == 0.0
    assert renewals_a_day(entry, replace(policy, mode=Mode.OBSERVE)) == 0.0
    assert renewals_a_day(replace(entry, tags={"perennial-renew": "never"}), policy) == 0.0


def test_policies_do_not_count() -> None:
    """Key Vault's own rotation is managed too: it is a renewal that may have to be made."""
    on = stage(NAME)
    auto = IssuancePolicy(issuer="Self", action=LifetimeAction.AUTO_RENEW)
    assert renewals_a_day(replace(on.entry(NAME), policy=auto), RenewalPolicy(mode=Mode.RENEW)) > 0
