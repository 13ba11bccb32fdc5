"""What a compliance rule found, and how long it has stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is; ordered."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule says of one certificate (or, with an empty certificate, of a vault) now."""

    rule: str
    severity: Severity
    evidence: Mapping[str, str] = field(default_factory=dict)
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A row of `findings`: opens, stays, resolves and reopens in one row."""

    vault: str
    certificate: str  # empty: of the vault itself
    rule: str
    severity: Severity
    opened: datetime
    last_seen: datetime
    resolved: datetime | None = None
    state: str = "open"  # open, resolved: a column to filter by
    owner: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
    fix: str = ""
    waived_until: datetime | None = None
    waived_by: str = ""  # who lives with it until then
    waived_why: str = ""
    times: int = 1  # how often it has opened
    untold: bool = False  # the opening is yet to be told; the row is first, so that a repeat has its id
    silent: bool = False  # opened before the vault's first whole walk: in the summary, not told by itself
