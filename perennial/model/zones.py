"""Zones of the DNS that we may write TXT values to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSetting:
    """One zone, as the setting PERENNIAL_ZONES names it."""

    zone: str  # lower-cased, no dot at the end
    provider: str  # a key of the table in perennial/dns
    options: Mapping[str, str] = field(default_factory=dict)  # what that provider needs to know
