"""A sweep on the real table service: windows, states and columns are as in memory."""

from __future__ import annotations

import pytest

from perennial.model.certificate import CertificateRef
from perennial.model.history import WalkState
from perennial.model.ids import inverted
from perennial.model.mode import Mode
from perennial.ports.tables import Query, Tables
from perennial.workflows import findings
from perennial.workflows.reading import every
from tests.contract import local
from tests.memory.stage import Stage
from tests.memory.tables import memory_tables
from tests.workflows.walking import HOUR, MINUTE, NOW, ORDERS, begin, put, settled, step

NAMES = ["0", "00", "a", "a-1", "a1", "ab", "z-9"]


@pytest.fixture(params=["choppy", "local"])
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Empty tables: in memory with empty pages in between, and on the local Azure."""
    if request.param == "choppy":
        return memory_tables(choppy=True)
    account = request.getfixturevalue("account")
    variables = local.point_at(request.getfixturevalue("azure"), monkeypatch, account)
    return local.tables(variables["PERENNIAL_TABLES"], local.app_identity(variables))


def test_two_sweeps_of_a_small_vault(tables: Tables) -> None:
    """First sights are looked at, findings open and resolve, an unchanged vault costs its list alone, a deleted name is gone."""
    on = Stage(NOW, vaults={ORDERS: Mode.RENEW}, events=False)
    on.tables, on.jumps, on.vaults.page_size = tables, False, 3
    put(on, *NAMES, owner="")
    on.run(2 * MINUTE)
    rows = {stored.value.certificate for stored in every(tables.inventory, Query(partition=ORDERS))}
    assert rows == set(NAMES)
    for name in NAMES:
        (stored,) = findings.rows_of(on.world(), (ORDERS, name))
        assert (stored.value.certificate, stored.value.rule, stored.value.state) == (name, "no-owner", "open")
    on.now += HOUR
    on.vaults.calls.clear()
    on.vaults.delete(CertificateRef(ORDERS, "a-1"))
    tick = begin(on)
    step(on, tick)
    walk = tables.sweeps.get(inverted(tick), ORDERS)
    assert walk is not None
    assert (walk.value.state, walk.value.seen, walk.value.checked, walk.value.failed) == (WalkState.WHOLE, 6, 6, 0)
    assert dict(on.vaults.calls) == {"page": 2}
    gone = [
        stored.value.certificate for stored in every(tables.inventory, Query(partition=ORDERS)) if stored.value.gone
    ]
    assert gone == ["a-1"]
    (ended,) = findings.rows_of(on.world(), (ORDERS, "a-1"))
    assert ended.value.state == "resolved"
    settled(on)
