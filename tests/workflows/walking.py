"""A stage with a fleet that was swept once, so that a second sweep finds it unchanged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from perennial.model.certificate import CertificateRef, IssuancePolicy, LifetimeAction
from perennial.model.history import VaultWalk
from perennial.model.ids import inverted
from perennial.model.inventory import FleetRow, VaultRow
from perennial.model.messages import Walk
from perennial.model.mode import Mode
from perennial.workflows import walk
from perennial.workflows.sight import fleet_row
from perennial.workflows.world import World
from tests.memory.stage import Stage
from tests.memory.tables import MemoryTable

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ORDERS, WATCHED = "kv-orders", "kv-watched"
BOTH = {ORDERS: Mode.RENEW, WATCHED: Mode.OBSERVE}


def put(stage: Stage, *names: str, vault: str = ORDERS, left: timedelta = 80 * DAY, owner: str = "team-a") -> None:
    """Import self-signed certificates that are well kept."""
    for name in names:
        host = f"{name}.example"
        policy = IssuancePolicy(
            issuer="Self", subject=f"CN={host}", names=(host,), action=LifetimeAction.EMAIL_CONTACTS
        )
        tags = {"perennial-owner": owner} if owner else {}
        born = stage.now + left - 90 * DAY
        ref = CertificateRef(vault, name)
        stage.vaults.import_certificate(
            ref, born, stage.now + left, policy=policy, tags=tags, names=(host,), created=born, quiet=True
        )


def named(count: int) -> list[str]:
    """Return names in order."""
    return [f"cert-{number:05d}" for number in range(count)]


def stage(*names: str, vaults: dict[str, Mode] | None = None, page_size: int = 25) -> Stage:
    """Return a stage whose fleet has been swept and looked at, an hour ago; the operators hear of everything."""
    made = Stage(NOW - 2 * HOUR, vaults=vaults or {ORDERS: Mode.RENEW}, events=False)
    made.jumps = False  # what only a minute's tick brings about is tested here
    made.vaults.page_size = page_size
    made.subscribe("ops")
    put(made, *names)
    made.run(HOUR)
    settled(made)
    made.run(HOUR)
    made.channel.sent.clear()
    made.queues.sent.clear()
    made.vaults.calls.clear()
    return made


def settled(stage: Stage) -> None:
    """Check that nothing failed on the way here."""
    assert stage.failed == []


def sweep(stage: Stage, span: timedelta = 5 * MINUTE) -> VaultWalk:
    """Sweep now, let what follows happen, and return the walk of the first vault."""
    tick = stage.now
    stage.sweep()
    stage.run(span)
    return walk_of(stage, tick)


def begin(stage: Stage) -> datetime:
    """Start a sweep whose messages nobody takes, and return its tick."""
    heap, stage._heap = stage._heap, []
    stage.sweep()
    stage._heap = heap
    return stage.now


def step(stage: Stage, tick: datetime, vault: str = ORDERS, world: World | None = None) -> None:
    """Hand the walk's message over, once."""
    walk.walk_vault(msgspec.json.encode(Walk(tick=tick, vault=vault)).decode(), world or stage.world())


def walk_of(stage: Stage, tick: datetime, vault: str = ORDERS) -> VaultWalk:
    """Return a walk's row."""
    stored = stage.tables.sweeps.get(inverted(tick), vault)
    assert stored is not None
    return stored.value


def walks(stage: Stage, vault: str = ORDERS) -> list[VaultWalk]:
    """Return a vault's walks, newest first."""
    table = stage.tables.sweeps
    assert isinstance(table, MemoryTable)
    return [row for row in table.all() if row.vault == vault]


def vault_row(stage: Stage, vault: str = ORDERS) -> VaultRow:
    """Return a vault's row."""
    stored = stage.tables.vaults.get("vault", vault)
    assert stored is not None
    return stored.value


def fleet(stage: Stage) -> FleetRow:
    """Return the fleet's row."""
    return fleet_row(stage.world()).value


def writes(table: object) -> int:
    """Return how many writes a table in memory has had."""
    assert isinstance(table, MemoryTable)
    return table._rows.writes
