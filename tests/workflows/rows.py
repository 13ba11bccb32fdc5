"""A stage's rows: rewritten column by column, as another would, and what is written there for people."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from perennial.model.inventory import Entry, VaultRow
from perennial.ports.tables import Stored
from perennial.workflows import vault_state
from perennial.workflows.sight import fleet_row
from tests.memory.stage import Stage
from tests.memory.tables import MemoryTable


def stored(on: Stage, name: str = "www", vault: str = "kv-orders") -> Stored[Entry]:
    """Return a certificate's row and its ETag."""
    found = on.tables.inventory.get(vault, name)
    assert found is not None
    return found


def rewrite(on: Stage, name: str = "www", vault: str = "kv-orders", **columns: Any) -> Entry:
    """Change columns of a certificate's row."""
    row = stored(on, name, vault)
    return on.tables.inventory.save(replace(row, value=replace(row.value, **columns))).value


def rewrite_vault(on: Stage, vault: str = "kv-orders", **columns: Any) -> Stored[VaultRow]:
    """Change columns of a vault's row."""
    row = vault_state.row_of(on.world(), vault)
    return on.tables.vaults.save(replace(row, value=replace(row.value, **columns)))


def rewrite_fleet(on: Stage, **columns: Any) -> None:
    """Change columns of the fleet's row."""
    row = fleet_row(on.world())
    on.tables.fleet.save(replace(row, value=replace(row.value, **columns)))


def written(on: Stage, kind: str = "") -> list[dict[str, Any]]:
    """Return the data of the notices that were written, sent or not; of one kind, if given."""
    table = on.tables.deliveries
    assert isinstance(table, MemoryTable)
    return [json.loads(row.body) for row in table.all() if kind in ("", row.kind)]
