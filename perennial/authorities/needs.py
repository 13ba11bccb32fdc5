"""What authorities are made from: the ports that they may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perennial.model.authority import Account, Usage
from perennial.ports.dns import DnsProvider, Resolver
from perennial.ports.keys import Keys
from perennial.ports.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The ports; none opens a connection before it is first asked."""

    keys: Keys
    dns: DnsProvider
    resolver: Resolver
    accounts: Table[Account]
    usages: Table[Usage]
    secret: Callable[[str], str]  # the text of the setting PERENNIAL_SECRET_ and this name; empty: there is none
