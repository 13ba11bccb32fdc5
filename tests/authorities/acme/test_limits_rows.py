"""The budget of a CA in rows: how big, how many reads, and what holds whatever comes whenever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from perennial.adapters.codec import from_entity, to_entity
from perennial.authorities.acme.limits import Budget
from perennial.model import limits
from perennial.model.authority import AuthoritySetting, Usage
from perennial.ports.tables import USAGES, Page, Query, Stored
from tests.memory.tables import MemoryTable, memory_tables

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LE = AuthoritySetting(name="le", directory="https://acme-v02.api.letsencrypt.org/directory")
WWW = ("www.example.com",)


def test_the_fullest_row_fits_into_a_column() -> None:
    """A thousand instants, to the microsecond, stay under 32 K characters, and are read back."""
    instants = tuple(NOW + timedelta(microseconds=number + 1) for number in range(limits.MOST))
    row = Usage(authority="le", bucket="orders", spent=instants)
    entity = to_entity(row, USAGES.key(row))
    assert len(str(entity["spent"])) < 32_768
    assert from_entity(entity, Usage) == row


def test_a_budget_reads_each_row_once() -> None:
    """A wait costs one read a bucket, and one for an exempt order."""

    class Counted(MemoryTable[Usage]):
        """A table that counts its reads."""

        reads = 0

        def get(self, partition: str, key: str) -> Stored[Usage] | None:
            """Count."""
            self.reads += 1
            return super().get(partition, key)

        def select(self, query: Query, more: str | None = None) -> Page[Usage]:
            """Count."""
            self.reads += 1
            return super().select(query, more)

    table = Counted(USAGES)
    Budget(LE, table).wait(WWW, exempt=True, now=NOW)
    assert table.reads == 1
    table.reads = 0
    Budget(LE, table).wait(WWW, exempt=False, now=NOW)
    assert table.reads == 4


steps = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=60
)


@given(steps)
def test_never_more_than_the_limit_in_any_window(orders: list[tuple[int, int, bool, bool]]) -> None:
    """Whatever comes whenever: no window of a limit's length holds more than it allows, and an order waits only where one is full."""
    setting = replace(LE, limits={"orders": "6/1h", "domain": "4/2h", "set": "3/3h", "failed": "none"})
    budget, placed, now = Budget(setting, memory_tables().usages), list[tuple[datetime, str]](), NOW
    for seconds, number, urgent, asks in orders:
        now += timedelta(seconds=seconds)
        name = f"{number % 2}.d{number // 2}.com"
        wait = budget.wait((name,), exempt=False, now=now, urgent=urgent) if asks else None
        if wait is None:
            spent = budget.spend((name,), exempt=False, now=now, urgent=urgent)
            assert not (asks and spent)
            placed += [] if spent else [(now, name)]
            wait = spent
        counts = {
            6: [at for at, _ in placed if now < at + HOUR],
            4: [at for at, of in placed if of[2:] == name[2:] and now < at + 2 * HOUR],
            3: [at for at, of in placed if of == name and now < at + 3 * HOUR],
        }
        assert all(len(found) <= most for most, found in counts.items())
        assert wait is None or any(len(found) == most for most, found in counts.items())
        assert wait is None or wait > now
