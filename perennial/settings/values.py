"""The settings of one installation, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

from perennial.model.authority import AuthoritySetting
from perennial.model.clouds import CLOUDS, Cloud
from perennial.model.mode import Mode
from perennial.model.zones import ZoneSetting

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person decides when they install Perennial. How each is written stands in the catalog."""

    vaults: Mapping[str, Mode]  # lower-cased names
    tables: str  # endpoint of the table service
    queues: str  # endpoint of the queue service
    topic: str = ""  # endpoint of the Event Grid topic for notices; empty: none
    client_id: str = ""  # of the user-assigned identity; empty: the system-assigned one
    role: str = ""  # GUID of the role that the app has on its vaults; empty: the one that a deployment defines
    cloud: Cloud = CLOUDS["public"]
    instance: str = "perennial"  # written to the tag perennial-by of what we create
    sweep_schedule: str = "0 0 3 * * *"
    due_schedule: str = "0 * * * * *"
    max_renewals_per_day: int | None = None  # None: the larger of 20 and three times what the lifetimes ask for
    renewal_ladder: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
        DAY,  # and daily without end
    )
    supervision_grace: timedelta = timedelta(days=2)
    foreign_tags: Mapping[str, str] = field(default_factory=lambda: {"acmebot": "Acmebot"})
    forbid_exportable_keys: bool = False
    sign_in: bool = False  # people sign in to the API with Entra ID; without it function keys guard it
    authorities: tuple[AuthoritySetting, ...] = ()  # CAs that sign CSRs made by Key Vault
    issuers: tuple[str, ...] = ()  # who signs, in order, where a policy's issuer is Unknown and no tag names a CA
    zones: tuple[ZoneSetting, ...] = ()  # zones that TXT values may be written to
    keys: str = ""  # https address of the vault that holds the ACME accounts' keys; empty: no ACME
    dns_servers: tuple[
        str, ...
    ] = ()  # address:port of the resolvers to ask; empty: the system's. Its port holds for authoritative servers too
    webhook_ranges: tuple[IPv4Network | IPv6Network, ...] = ()  # private ranges that webhooks may reach
    keep_deliveries: timedelta = timedelta(days=90)
    keep_history: timedelta = timedelta(days=400)
