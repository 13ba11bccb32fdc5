"""What is old is forgotten, table by table, to the second and not too much at a time."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from perennial.authorities.acme.limits import Budget
from perennial.model.authority import AuthorityKind, AuthoritySetting, Usage
from perennial.model.certificate import CertificateRef
from perennial.model.findings import Finding, Severity
from perennial.model.history import HistoryKind, Record, VaultWalk, WalkState
from perennial.model.notices import DeliveryState
from perennial.ports.tables import DELIVERIES, Page, Query
from perennial.workflows.prune import prune
from perennial.workflows.reading import every
from tests.memory.tables import MemoryTable
from tests.workflows.test_schedules import put_delivery
from tests.workflows.walking import DAY, SECOND, stage

ROWS_A_TICK = 500


def test_each_table_is_forgotten_by_its_own_age(caplog: pytest.LogCaptureFixture) -> None:
    """To the second: deliveries by their span, the rest by the history's; what is open stays for ever."""
    on = stage()
    old, young = on.now - on.settings.keep_deliveries, on.now - on.settings.keep_history
    put_delivery(on, "kv-a:x", closed=old, state=DeliveryState.DELIVERED)
    put_delivery(on, "kv-a:y", closed=old + SECOND, state=DeliveryState.DELIVERED)
    put_delivery(on, "kv-a:z", closed=None)
    record = Record(certificate=CertificateRef("kv-a", "x"), id="1", at=young, kind=HistoryKind.EVENT)
    on.tables.history.put(record)
    on.tables.history.put(replace(record, id="2", at=young + SECOND))
    finding = Finding(vault="kv-a", certificate="x", rule="r", severity=Severity.LOW, opened=young, last_seen=young)
    for rule, resolved in (("old", young), ("young", young + SECOND), ("open", None)):
        on.tables.findings.put(replace(finding, rule=rule, resolved=resolved))
    for at in (young, young + SECOND):
        on.tables.sweeps.put(VaultWalk(tick=at, vault="kv-a", state=WalkState.WHOLE))
    with caplog.at_level(logging.INFO, logger="perennial"):
        assert prune(on.world())
        assert prune(on.world())
    assert [json.loads(text) for text in caplog.messages] == [{"event": "pruned", "rows": 4}]
    left = [row.value.subject for row in on.tables.deliveries.select(Query()).items]
    assert left == ["kv-a:y", "kv-a:z"]
    assert [row.id for row in on.history("x", "kv-a")] == ["2"]
    rules = [row.value.rule for row in on.tables.findings.select(Query(partition="kv-a")).items]
    assert rules == ["open", "young"]
    ticks = [row.value.tick for row in on.tables.sweeps.select(Query()).items if row.value.vault == "kv-a"]
    assert ticks == [young + SECOND]


@pytest.mark.parametrize(("own", "days"), [({}, 90), ({"domain": "9/200d"}, 200), ({"domain": "none"}, 90)])
def test_what_was_counted_of_a_limit_is_forgotten_when_nothing_of_it_can_count(own: dict[str, str], days: int) -> None:
    """To the second after its latest instant: the longest span of a limit, or as long as an earlier order makes the next a renewal."""
    on = stage()
    le = AuthoritySetting(name="le", directory="https://acme-v02.api.letsencrypt.org/directory", limits=own)
    on.settings = replace(on.settings, authorities=(le, AuthoritySetting(name="hand", kind=AuthorityKind.EXTERNAL)))
    budget, began = Budget(le, on.tables.usages), on.now
    names = ("www.example.com",)
    assert budget.spend(names, exempt=False, now=began) is None
    budget.settle(names, began, issued=False, now=began)  # a row that is left empty ages too
    budget.settle(names, began, issued=True, now=began + SECOND)
    budget.failed("www.example.com", now=began + 2 * SECOND)
    budget.blocked(began + 3 * SECOND, names, 'already issued for "shut.example"')
    left = {row.value.bucket.partition(":")[0] for row in every(on.tables.usages, Query())}
    assert left >= {"orders", "set", "failed", "domain"}
    buckets: list[list[str]] = []
    for _ in range(5):
        on.now = began + days * DAY + len(buckets) * SECOND - SECOND
        assert prune(on.world())
        buckets.append(sorted(row.value.bucket.partition(":")[0] for row in every(on.tables.usages, Query())))
    domain = ["domain"] * ("domain" not in own or days > 90)
    assert buckets == [
        sorted(["domain", *domain, "failed", "orders", "set"]),
        ["domain", "failed", "set"],
        ["domain", "failed"],
        ["domain"],
        [],
    ]


def test_counts_share_the_ticks_number_with_the_rest() -> None:
    """One row is left of it: one old count goes."""
    on = stage()
    for number in range(ROWS_A_TICK - 1):
        put_delivery(on, f"kv-a:{number}", closed=on.now - 500 * DAY)
    for number in range(3):
        on.tables.usages.put(Usage(authority="le", bucket=f"failed:{number}", latest=on.now - 500 * DAY))
    assert not prune(on.world())
    assert sum(1 for _ in every(on.tables.usages, Query())) == 2


@pytest.mark.parametrize("first", ["deliveries", "history", "findings"])
def test_a_tick_forgets_no_more_than_its_number_over_all_tables(first: str) -> None:
    """What one table used up is left to the next tick."""
    on = stage()
    old = on.now - 500 * DAY
    finding = Finding(vault="kv-a", certificate="x", rule="r", severity=Severity.LOW, opened=old, last_seen=old)
    record = Record(certificate=CertificateRef("kv-a", "x"), id="", at=old, kind=HistoryKind.EVENT)
    for number in range(ROWS_A_TICK - 1):
        match first:
            case "deliveries":
                put_delivery(on, f"kv-a:{number}", closed=old)
            case "history":
                on.tables.history.put(replace(record, id=f"{number}"))
            case _:
                on.tables.findings.put(replace(finding, rule=f"{number}", resolved=old))
    for number in range(3):
        on.tables.sweeps.put(VaultWalk(tick=old, vault=f"kv-{number}", state=WalkState.WHOLE))
    assert not prune(on.world())
    assert len([row for row in on.tables.sweeps.select(Query()).items if row.value.tick == old]) == 2
    assert prune(on.world())


def test_what_deliveries_used_up_the_history_has_not() -> None:
    """One row is left of the tick's number: one old record goes."""
    on = stage()
    old = on.now - 500 * DAY
    for number in range(ROWS_A_TICK - 1):
        put_delivery(on, f"kv-a:{number}", closed=old)
    record = Record(certificate=CertificateRef("kv-a", "x"), id="", at=old, kind=HistoryKind.EVENT)
    for number in range(3):
        on.tables.history.put(replace(record, id=f"{number}"))
    assert not prune(on.world())
    assert len(on.history("x", "kv-a")) == 2


def test_what_the_history_used_up_the_findings_have_not() -> None:
    """The same number is one for all tables."""
    on = stage()
    old = on.now - 500 * DAY
    record = Record(certificate=CertificateRef("kv-a", "x"), id="", at=old, kind=HistoryKind.EVENT)
    for number in range(ROWS_A_TICK - 1):
        on.tables.history.put(replace(record, id=f"{number}"))
    finding = Finding(vault="kv-a", certificate="x", rule="r", severity=Severity.LOW, opened=old, last_seen=old)
    for number in range(3):
        on.tables.findings.put(replace(finding, rule=f"{number}", resolved=old))
    assert not prune(on.world())
    assert len(on.tables.findings.select(Query(partition="kv-a")).items) == 2


class ShortPages[T](MemoryTable[T]):
    """A table whose pages are shorter than asked for, as the service's may be."""

    def select(self, query: Query, more: str | None = None) -> Page[T]:
        """Return three rows at the most."""
        return super().select(replace(query, limit=min(query.limit, 3)), more)


def test_short_pages_forget_no_more_than_the_ticks_number() -> None:
    """To the row."""
    on = stage()
    on.tables = replace(on.tables, deliveries=ShortPages(DELIVERIES))
    for number in range(ROWS_A_TICK + 10):
        put_delivery(on, f"kv-a:{number}", closed=on.now - 500 * DAY)
    assert not prune(on.world())
    assert sum(1 for _ in every(on.tables.deliveries, Query())) == 10
