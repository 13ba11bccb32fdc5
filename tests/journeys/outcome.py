"""How every bad day must end, however long it takes: one new version, told under one id, a next check in the row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any, Self

from tests.journeys.running import App, Journey, Json
from tests.journeys.waits import end_waits, rows_of

ROUNDS = 30  # turns of the clock until all must have ended
PAUSE = 1.0  # seconds between them


@dataclass(frozen=True, slots=True)
class Rows:
    """What the app's rows say at one moment, by vault: each of a journey's vaults has one certificate."""

    inventory: Mapping[str, Mapping[str, Any]]
    history: Mapping[str, Counter[str]]

    @classmethod
    def read(cls, journey: Journey) -> Self:
        """Read them."""
        kinds: dict[str, Counter[str]] = {}
        for row in rows_of(journey, "history"):
            kinds.setdefault(str(row["PartitionKey"]).partition(":")[0], Counter())[str(row["kind"])] += 1
        return cls({str(row["PartitionKey"]): row for row in rows_of(journey, "inventory")}, kinds)

    def amiss(self, vault: str, versions: list[str], told: list[Json]) -> str:
        """Say what is not yet as it must be; empty: all is well. `versions` are the vault's own, `told` is what the subscriber got."""
        row, kinds = self.inventory.get(vault, {}), self.history.get(vault, Counter())
        news = [one for one in told if str(one["type"]).endswith("NewVersion")]
        ids = {(str(one["id"]), str(one["data"]["version"])) for one in news}
        problems = {
            f"{len(versions)} versions, not 2": len(versions) != 2,
            f"its history counts {dict(kinds)}": (kinds["claimed"], kinds["issued"]) != (1, 1),
            f"the row announced {row.get('announced')}": row.get("announced") != versions[-1],
            f"its subscriber was told {sorted(ids)}": {version for _, version in ids} != {versions[-1]}
            or len(ids) != 1,
            f"its next check is {row.get('next_check')}": not row or row["next_check"] <= datetime.now(UTC),
        }
        return "; ".join(text for text, wrong in problems.items() if wrong)


def still_amiss(
    journey: Journey, app: App, names: Mapping[str, str], told: Callable[[str], list[Json]], *, dead: bool = False
) -> dict[str, str]:
    """Let time pass until all is well with these vaults' certificates, or long enough; return what is still amiss, by vault.

    `dead`: whoever holds a lease at first is dead.
    """
    wrong = dict.fromkeys(names, "not looked at")
    for number in range(ROUNDS):
        end_waits(journey, wrong, dead=dead and number == 0)
        app.tick()
        Event().wait(PAUSE)
        rows = Rows.read(journey)
        found = {
            vault: rows.amiss(vault, journey.operator.versions(vault, names[vault]), told(vault)) for vault in wrong
        }
        wrong = {vault: problem for vault, problem in found.items() if problem}
        if not wrong:
            break
    return wrong
