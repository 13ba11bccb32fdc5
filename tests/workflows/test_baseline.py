"""A vault's first whole walk: findings open silently, then one summary."""

from __future__ import annotations

from perennial.model.mode import Mode
from tests.memory.stage import Stage
from tests.workflows.walking import HOUR, MINUTE, NOW, ORDERS, SECOND, named, put, settled, sweep, vault_row


def new_vault(count: int, owner: str = "") -> Stage:
    """Return a vault that Perennial has never seen."""
    on = Stage(NOW, vaults={ORDERS: Mode.RENEW}, events=False)
    on.jumps = False
    on.subscribe("ops")
    put(on, *named(count), owner=owner)
    return on


def test_the_first_walk_is_one_notice() -> None:
    """Forty certificates without owner are one summary with counts, and no notice of a finding."""
    on = new_vault(40)
    on.run(HOUR)
    (told,) = on.told("action-needed", code="first-walk")
    (body,) = [one.delivery.body for one in on.channel.sent if one.delivery.notice == told]
    assert '"certificates":40' in body
    assert '"low":40' in body
    assert on.told("finding-opened") == []
    assert vault_row(on).baseline_told
    settled(on)


def test_the_summary_waits_for_the_looks() -> None:
    """Looks of the first walk come 25 a second; the summary is told when all are done, not before."""
    on = new_vault(1_600)
    on.run(MINUTE)
    assert vault_row(on).whole_walk is not None
    assert not vault_row(on).baseline_told
    on.run(5 * MINUTE)
    assert vault_row(on).baseline_told
    assert len(on.told("action-needed", code="first-walk")) == 1
    assert on.told("finding-opened") == []


def test_afterwards_each_finding_is_told() -> None:
    """What opens after the summary is told by itself, and the summary is not told again."""
    on = new_vault(3)
    on.run(HOUR)
    put(on, "new", owner="")
    sweep(on)
    sweep(on)
    assert len(on.told("finding-opened")) == 1
    assert len(on.told("action-needed", code="first-walk")) == 1


def test_a_vault_without_findings_has_nothing_to_say() -> None:
    """A well-kept vault is not told of; from then on its findings are."""
    on = new_vault(3, owner="team-a")
    on.run(HOUR)
    assert on.told("action-needed") == []
    assert vault_row(on).baseline_told


def test_looks_that_never_come_do_not_silence_a_vault_for_ever() -> None:
    """Two hours after the walk the summary is told with what there is."""
    on = new_vault(60)
    on.run(SECOND)
    on._heap.clear()  # the looks are lost, and no row is there that would ask for them
    on.run(2 * HOUR - MINUTE)
    assert not vault_row(on).baseline_told
    on.run(5 * MINUTE)
    assert vault_row(on).baseline_told
