"""Small breaks, each at one port or in the order of the checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

from perennial.decisions.case import Case
from perennial.decisions.renewal import CHECKS, Check
from perennial.errors import ChannelError
from perennial.model.decision import Decision, LeaveAlone, WaitUntil
from perennial.model.history import HistoryKind, Record
from perennial.model.inventory import Entry, VaultRow
from perennial.model.messages import Look
from perennial.model.notices import Delivery, NoticeKind, Subscription
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Renewal, Step
from perennial.ports import tables as specs
from perennial.ports.tables import Query, Stored, TableSpec
from perennial.ports.vault import ListPage
from tests.memory.queue import MemoryIntake
from tests.memory.stage import Stage
from tests.memory.tables import MemoryTable, Rows
from tests.simulation.sabotage import Alone
from tests.workflows.telling import Scene

DAY = timedelta(days=1)


def rows_of(table: object) -> Rows:
    """Return what a table in memory keeps its rows in."""
    assert isinstance(table, MemoryTable)
    return table._rows


class Spoilt[T](MemoryTable[T]):
    """A table that changes each row on its way in; None drops it and says that it was written."""

    def __init__(self, spec: TableSpec[T], rows: Rows, spoil: Callable[[T], T | None]) -> None:
        super().__init__(spec, rows)
        self._spoil = spoil

    def insert(self, row: T) -> Stored[T] | None:
        """Insert what is left of the row."""
        spoilt = self._spoil(row)
        return Stored(row, "0") if spoilt is None else super().insert(spoilt)

    def save(self, row: Stored[T]) -> Stored[T]:
        """Save what is left of the row."""
        spoilt = self._spoil(row.value)
        return row if spoilt is None else super().save(Stored(spoilt, row.etag))

    def put(self, row: T) -> None:
        """Write what is left of the row."""
        spoilt = self._spoil(row)
        if spoilt is not None:
            super().put(spoilt)


class Insertable(MemoryTable[Renewal]):
    """Claims that nobody sees, and that can be inserted again and again."""

    def get(self, partition: str, key: str) -> Stored[Renewal] | None:
        """Show nothing."""
        return None

    def insert(self, row: Renewal) -> Stored[Renewal] | None:
        """Insert over what is there."""
        self.put(row)
        return super().get(*self.spec.key(row))


class OneForAll(MemoryTable[VaultRow]):
    """Rows of vaults in which one's trouble is everybody's."""

    def get(self, partition: str, key: str) -> Stored[VaultRow] | None:
        """Show the newest trouble of any vault as this one's."""
        found = super().get(partition, key)
        rows = [stored.value for stored in self.select(Query(partition=partition)).items]
        closed = [row.closed_until for row in rows if row.closed_until]
        return replace(found, value=replace(found.value, closed_until=max(closed))) if found and closed else found


class DroppingIntake(MemoryIntake):
    """A queue that acknowledges and keeps nothing."""

    def put(self, look: Look) -> None:
        """Drop it."""


class Silent(Reason):
    """A reason that says nothing."""

    @property
    def sentence(self) -> str:
        """Say nothing."""
        return ""


def unreasoned(case: Case) -> Decision | None:
    """Leave it alone, and do not say why."""
    return LeaveAlone(Silent(ReasonCode.NOT_DUE), case.recheck())


def at_once(case: Case) -> Decision | None:
    """Wait until now."""
    return WaitUntil(Reason(ReasonCode.NOT_DUE), case.now)


def paused_to_the_end(case: Case) -> Decision | None:
    """Hold back for a day whatever life is left."""
    return WaitUntil(Reason(ReasonCode.PAUSED), case.now + DAY) if case.due and case.managed else None


def before(check: Check, added: Check) -> Sequence[Check]:
    """Return the precedence with a check put before one of its own."""
    at = CHECKS.index(check)
    return (*CHECKS[:at], added, *CHECKS[at:])


def last(moved: Check) -> Sequence[Check]:
    """Return the precedence with one check moved to its end."""
    return (*(check for check in CHECKS if check is not moved), moved)


def nothing_is_listed(on: Stage) -> None:
    """Let the vaults list nothing."""
    vars(on.vaults)["page"] = lambda vault, more=None: ListPage((), None)


def a_list_ends_at(name: str) -> Callable[[Stage], None]:
    """Return a break: a vault's list ends at one name."""

    def spoil(on: Stage) -> None:
        whole = on.vaults.page

        def page(vault: str, more: str | None = None) -> ListPage:
            listed = whole(vault, more)
            names = [item.ref.name for item in listed.items]
            return ListPage(listed.items[: names.index(name) + 1], None) if name in names else listed

        vars(on.vaults)["page"] = page

    return spoil


def untold_failures(on: Stage) -> None:
    """Lose the notices of failures before they are written."""
    kept = on.tables.deliveries
    spoilt = Spoilt(specs.DELIVERIES, rows_of(kept), lambda row: None if row.kind is NoticeKind.RENEWAL_FAILED else row)
    on.tables = replace(on.tables, deliveries=spoilt)


def unseen_claims(on: Stage) -> None:
    """Let nobody see a claim, and everybody insert one."""
    on.tables = replace(on.tables, renewals=Insertable(specs.RENEWALS, rows_of(on.tables.renewals)))


def ageless(on: Stage) -> None:
    """Let no invocation know that it has outlived its time."""
    sound = on.world
    vars(on)["world"] = lambda: replace(sound(), outlived=lambda: False)


def forgotten_intents(on: Stage) -> Stage:
    """Lose what was saved before a create was sent."""
    kept = on.tables.renewals
    spoilt = Spoilt(
        specs.RENEWALS,
        rows_of(kept),
        lambda row: replace(row, checkpoint=Checkpoint()) if row.checkpoint.step is Step.SENDING else row,
    )
    on.tables = replace(on.tables, renewals=spoilt)
    return on


def unrecorded_losses(on: Stage) -> None:
    """Lose the record of a lost message."""
    kept = on.tables.history
    spoilt: Spoilt[Record] = Spoilt(
        specs.HISTORY, rows_of(kept), lambda row: None if row.kind is HistoryKind.MESSAGE_LOST else row
    )
    on.tables = replace(on.tables, history=spoilt)


def _inventory(on: Stage, spoil: Callable[[Entry], Entry | None]) -> None:
    on.tables = replace(on.tables, inventory=Spoilt(specs.INVENTORY, rows_of(on.tables.inventory), spoil))


def out_of_the_schedule(on: Stage) -> None:
    """Move each row out of the schedule."""
    _inventory(on, lambda row: replace(row, next_check=row.next_check + 30 * DAY))


def rows_without_reason(on: Stage) -> None:
    """Let rows lose their reason."""
    _inventory(on, lambda row: replace(row, reason=None))


def one_closes_all(on: Stage) -> None:
    """Let one vault's closure close every vault."""
    on.tables = replace(on.tables, vaults=OneForAll(specs.VAULTS, rows_of(on.tables.vaults)))


def _deliveries(scene: Scene, table: MemoryTable[Delivery]) -> None:
    scene.tables = replace(scene.tables, deliveries=table)


def lost_deliveries(scene: Scene) -> None:
    """Lose the rows of one subscription."""
    rows = rows_of(scene.tables.deliveries)
    _deliveries(scene, Spoilt(specs.DELIVERIES, rows, lambda row: None if row.subscription == "web" else row))


def lonely_deliveries(scene: Scene) -> None:
    """Let no delivery see its siblings."""
    _deliveries(scene, Alone(specs.DELIVERIES, rows_of(scene.tables.deliveries)))


def diced_ids(scene: Scene) -> None:
    """Give a notice another id each time that it is written."""
    dice = count()
    rows = rows_of(scene.tables.deliveries)
    _deliveries(
        scene, Spoilt(specs.DELIVERIES, rows, lambda row: replace(row, notice=f"{next(dice):04}{row.notice[4:]}"))
    )


def never_closed(scene: Scene) -> None:
    """Let no subscription stay closed."""
    spoilt: Spoilt[Subscription] = Spoilt(
        specs.SUBSCRIPTIONS,
        rows_of(scene.tables.subscriptions),
        lambda row: replace(row, closed_until=None),
    )
    scene.tables = replace(scene.tables, subscriptions=spoilt)


def all_down_together(scene: Scene) -> None:
    """Let the dead target take the living one with it."""
    scene.channel.down = ChannelError("connection refused")
