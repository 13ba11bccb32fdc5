"""Findings over time: one opens, stays, resolves and reopens in one row, and each change is told once.

The order of row and notice: a notice's id holds the instant of opening, which only the row remembers. So an opening is written first, marked
untold, then told, then unmarked: a crash in between leaves the mark, and the next reconciliation tells it under the same id. A resolution is told
first and written then: the row still holds the opening, so a repeat has the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from perennial.compliance.engine import RULE_FAILED
from perennial.errors import Changed
from perennial.model.findings import Finding, Found
from perennial.ports.tables import Query, Stored
from perennial.workflows import announce, notices
from perennial.workflows.reading import every
from perennial.workflows.world import World

OPEN, RESOLVED = "open", "resolved"
FRESHNESS = timedelta(days=1)  # last_seen is written no more often, or each walk would write every finding
TRIES = 4


@dataclass(frozen=True, slots=True)
class Manner:
    """How changes are recorded and told."""

    silent: bool  # the vault's first summary will tell it
    owner: str


def reconcile(
    world: World,
    subject: tuple[str, str],
    found: Iterable[Found],
    *,
    silent: bool,
    owner: str,
    known: Iterable[Stored[Finding]] | None = None,
) -> int:
    """Bring the rows of a subject (vault and certificate; an empty name: the vault itself) in line with what was found; return how many are open.

    `known`: its rows, if they were read before. A row that another wrote meanwhile makes it read all rows again.
    """
    now_found = {one.rule: one for one in found}
    manner = Manner(silent, owner)
    for _ in range(TRIES):
        rows = {stored.value.rule: stored for stored in (rows_of(world, subject) if known is None else known)}
        try:
            _bring_in_line(world, subject, now_found, rows, manner)
        except Changed:
            known = None
            continue
        return len(now_found)
    raise Changed(f"findings of {subject[0]}/{subject[1]}")


def rows_of(world: World, subject: tuple[str, str]) -> list[Stored[Finding]]:
    """Read the rows of a certificate, or with an empty name those of its vault."""
    return list(every(world.tables.findings, Query(partition=subject[0], prefix=f"{subject[1]}:")))


def _bring_in_line(
    world: World,
    subject: tuple[str, str],
    found: Mapping[str, Found],
    rows: Mapping[str, Stored[Finding]],
    manner: Manner,
) -> None:
    for rule, one in found.items():
        stored = rows.get(rule)
        if stored is None:
            _open(world, subject, one, manner)
        elif stored.value.state == OPEN:
            _stay(world, stored, one, manner)
        else:
            _reopen(world, stored, one, manner)
    unsure = found[RULE_FAILED].evidence if RULE_FAILED in found else {}  # a broken rule resolves nothing
    for rule, stored in rows.items():
        if rule not in found and rule not in unsure and stored.value.state == OPEN:
            _resolve(world, stored, manner)


def _open(world: World, subject: tuple[str, str], found: Found, manner: Manner) -> None:
    row = Finding(
        vault=subject[0],
        certificate=subject[1],
        rule=found.rule,
        severity=found.severity,
        opened=world.now,
        last_seen=world.now,
        owner=manner.owner,
        evidence=found.evidence,
        fix=found.fix,
        untold=not manner.silent,
        silent=manner.silent,
    )
    stored = world.tables.findings.insert(row)
    if stored is None:  # another look opened it in between
        raise Changed
    _tell_opening(world, stored)


def _stay(world: World, stored: Stored[Finding], found: Found, manner: Manner) -> None:
    row = stored.value
    seen = replace(row, severity=found.severity, evidence=found.evidence, fix=found.fix, owner=manner.owner)
    if row.waived_until is not None and row.waived_until <= world.now:
        seen = replace(
            seen, waived_until=None, waived_by="", waived_why="", untold=True
        )  # one told before the waiver has its id already
    if seen != row or world.now - row.last_seen >= FRESHNESS:
        stored = world.tables.findings.save(Stored(replace(seen, last_seen=world.now), stored.etag))
    _tell_opening(world, stored)


def _reopen(world: World, stored: Stored[Finding], found: Found, manner: Manner) -> None:
    row = replace(
        stored.value,
        severity=found.severity,
        evidence=found.evidence,
        fix=found.fix,
        owner=manner.owner,
        opened=world.now,
        last_seen=world.now,
        resolved=None,
        state=OPEN,
        times=stored.value.times + 1,
        untold=not manner.silent,
        silent=manner.silent,
    )
    _tell_opening(world, world.tables.findings.save(Stored(row, stored.etag)))


def _resolve(world: World, stored: Stored[Finding], manner: Manner) -> None:
    stored = _tell_opening(world, stored)  # what a crash left untold is told before its end
    row = replace(stored.value, state=RESOLVED, resolved=world.now, last_seen=world.now)
    if not manner.silent and not _waived(row, world):
        announce.tell(world, notices.finding_resolved(row))
    world.tables.findings.save(Stored(row, stored.etag))


def withdraw(world: World, stored: Stored[Finding]) -> None:
    """Close a finding that nobody looks at any more. Nothing is told: it was not mended. Raises Changed."""
    row = replace(stored.value, state=RESOLVED, resolved=world.now, untold=False)
    world.tables.findings.save(Stored(row, stored.etag))


def _tell_opening(world: World, stored: Stored[Finding]) -> Stored[Finding]:
    row = stored.value
    if not row.untold or _waived(row, world):
        return stored
    announce.tell(world, notices.finding_opened(row))
    return world.tables.findings.save(Stored(replace(row, untold=False), stored.etag))


def _waived(row: Finding, world: World) -> bool:
    return row.waived_until is not None and world.now < row.waived_until
