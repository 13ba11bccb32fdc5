"""What was found in a vault when it was first walked whole: one summary instead of a notice for each finding."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from perennial.errors import Changed
from perennial.model.findings import Severity
from perennial.model.inventory import VaultRow
from perennial.ports.tables import Query, Stored
from perennial.workflows import announce, notices
from perennial.workflows.findings import OPEN
from perennial.workflows.reading import every
from perennial.workflows.world import World

LONGEST = timedelta(hours=2)  # for the looks that the walk queued; what they find later is told one by one
FIX = "Read GET /api/findings for this vault. From now on each new finding is told by itself."


def summarize(world: World, stored: Stored[VaultRow]) -> None:
    """Tell the summary once the looks of the first whole walk are done, and let findings be told from then on."""
    row = stored.value
    if row.whole_walk is None or row.baseline_told:
        return
    if world.now < row.whole_walk + LONGEST and _looked_at(world, row.vault) < row.listed:
        return
    found = _open(world, row.vault)
    if found:
        numbers = {severity.name.lower(): found[severity] for severity in sorted(found, reverse=True)}
        words = ", ".join(f"{count} {severity}" for severity, count in numbers.items())
        reason = f"first walked whole: {row.listed} certificates, {found.total()} findings ({words})"
        facts = {"certificates": row.listed, "findings": numbers}
        # One occasion: a vault is first walked whole once, so a repeat after a crash has the same id.
        notice = notices.vault_notice(
            row.vault, "first-walk", reason, occasion="first", now=row.whole_walk, fix=FIX, facts=facts
        )
        announce.tell(world, notice)
    try:
        world.tables.vaults.save(Stored(replace(row, baseline_told=True), stored.etag))
    except Changed:
        return  # the next minute comes here again


def _looked_at(world: World, vault: str) -> int:
    rows = every(world.tables.inventory, Query(partition=vault))
    return sum(1 for stored in rows if stored.value.decision or stored.value.gone)


def _open(world: World, vault: str) -> Counter[Severity]:
    rows = every(world.tables.findings, Query(partition=vault, equal={"state": OPEN}))
    return Counter(stored.value.severity for stored in rows)
