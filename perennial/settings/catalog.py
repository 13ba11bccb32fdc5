"""Every setting: its environment variable, how it is read, what it means. docs/settings.md is made from this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from perennial.errors import SettingsError
from perennial.settings import agreement, places, readers, signers
from perennial.settings.agreement import PREFIX, SECRETS
from perennial.settings.values import DAY, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One environment variable."""

    field: str  # of Settings; the variable is its name in capitals
    read: Callable[[str], Any]
    means: str
    example: str
    default: str = ""  # as the page tells it; empty and not required: nothing
    required: bool = False

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.field.upper()


CATALOG = (
    Setting(
        field="vaults",
        read=readers.vaults,
        required=True,
        means="The fleet: names of vaults, by spaces or line ends, each with its mode. `observe` (default): watched, reported and planned, "
        "never written to. `renew`: due certificates are renewed.",
        example="kv-orders=renew kv-billing=observe kv-test",
    ),
    Setting(
        field="tables",
        read=readers.https_url,
        required=True,
        means="Endpoint of the table service that keeps Perennial's rows, as the storage account shows it.",
        example="https://ACCOUNT.table.SUFFIX",
    ),
    Setting(
        field="queues",
        read=readers.https_url,
        required=True,
        means="Endpoint of the queue service that carries its messages; the same account as the Functions host's.",
        example="https://ACCOUNT.queue.SUFFIX",
    ),
    Setting(
        field="topic",
        read=readers.https_url,
        means="Endpoint of the Event Grid topic that notices are published to. Without it, subscriptions to that channel are refused.",
        example="https://TOPIC.REGION-1.SUFFIX/api/events",
    ),
    Setting(
        field="client_id",
        read=readers.client_id,
        means="Client id of the user-assigned identity that the app signs in with. Without it: its system-assigned identity.",
        example="00000000-0000-0000-0000-000000000000",
    ),
    Setting(
        field="role",
        read=readers.role,
        means="Role that the app has on its vaults, where it is not the one that the deployment defines. At start a built-in role that carries "
        "more than the app needs is warned of in the log; nothing else depends on it.",
        example="a4417e6f-fecd-4de8-b567-7b0420556985",
    ),
    Setting(
        field="cloud",
        read=readers.cloud,
        default="`public`",
        means="The Azure cloud: `public`, `us-government` or `china`.",
        example="us-government",
    ),
    Setting(
        field="instance",
        read=readers.instance,
        default="`perennial`",
        means="Name of this installation, written to the tag `perennial-by` of what it renews; two installations over one vault need two names.",
        example="perennial-europe",
    ),
    Setting(
        field="sweep_schedule",
        read=readers.schedule,
        default="`0 0 3 * * *`",
        means="When the fleet is swept: six fields (second minute hour day month weekday), in UTC. Day or weekday must be `*`.",
        example="0 30 2 * * 1-5",
    ),
    Setting(
        field="due_schedule",
        read=readers.schedule,
        default="`0 * * * * *`",
        means="When what is due is looked for; every minute unless there is a reason.",
        example="30 * * * * *",
    ),
    Setting(
        field="max_renewals_per_day",
        read=readers.number,
        default="the larger of 20 and three times what the lifetimes ask for",
        means="The brake: so many automatic renewals a UTC day; then only certificates about to expire, until midnight.",
        example="50",
    ),
    Setting(
        field="renewal_ladder",
        read=readers.ladder,
        default="`1m 10m 1h 6h 1d`",
        means="Waits after a failed renewal; the last is repeated without end. A CA's longer Retry-After is obeyed.",
        example="5m 1h 1d",
    ),
    Setting(
        field="supervision_grace",
        read=readers.duration(timedelta(hours=1)),
        default="`2d`",
        means="How long after its own trigger Key Vault's autorotation may be late before Perennial steps in.",
        example="36h",
    ),
    Setting(
        field="foreign_tags",
        read=readers.tags,
        default="`acmebot=Acmebot`",
        means="Tags by which other managers mark their certificates, which Perennial then never renews; `none` for none.",
        example="acmebot=Acmebot managed-by-x=X",
    ),
    Setting(
        field="forbid_exportable_keys",
        read=readers.flag,
        default="`false`",
        means="Whether a certificate with an exportable key is a finding.",
        example="true",
    ),
    Setting(
        field="sign_in",
        read=readers.flag,
        default="`false`",
        means="Whether people sign in to the API with Entra ID, by the platform's authentication; their app roles then decide what they may do. "
        "Without it function keys guard the API.",
        example="true",
    ),
    Setting(
        field="authorities",
        read=signers.authorities,
        means="CAs that sign CSRs made by Key Vault, as a JSON array of objects; the tag `perennial-issuer` names one. [acme.md](acme.md) and "
        "[enterprise-ca.md](enterprise-ca.md) explain the members of each.",
        example='[{"name": "le", "directory": "https://acme-v02.api.letsencrypt.org/directory", "contact": ["mailto:team@example.com"], '
        '"agree_terms": true}]',
    ),
    Setting(
        field="issuers",
        read=readers.names,
        means="Who signs, in order, where a certificate's policy has the issuer `Unknown` and no tag `perennial-issuer` names a CA: the second takes "
        "over where the first cannot deliver in time. Names of `PERENNIAL_AUTHORITIES`. In a vault set to `renew` this "
        "renews every such certificate, those too that were bought and imported: read the plan first, and tag "
        "`perennial-renew: never` what is to be left alone.",
        example="le backup-ca",
    ),
    Setting(
        field="zones",
        read=places.zones,
        means="Zones of the DNS that Perennial may write TXT values to, as a JSON array of objects: `zone`, `provider` and its `options`, which "
        "[acme.md](acme.md) lists.",
        example='[{"zone": "example.com", "provider": "azure", "options": {"subscription": "00000000-0000-0000-0000-000000000000", '
        '"resource_group": "dns"}}]',
    ),
    Setting(
        field="keys",
        read=readers.https_url,
        means="The vault that keeps the keys of ACME accounts, by its https address: a vault of the app's own, none of the fleet. "
        "Needed with an ACME CA.",
        example="https://VAULT.SUFFIX",
    ),
    Setting(
        field="dns_servers",
        read=places.dns_servers,
        default="the system's",
        means="Resolvers that are asked where names lead and what they hold, as addresses with their port (53 where none is written). The first "
        "one's port is also taken for the authoritative servers of zones.",
        example="10.0.0.4 [fd00::4]:53",
    ),
    Setting(
        field="webhook_ranges",
        read=readers.ranges,
        means="Private ranges of addresses that webhooks may reach, besides the public ones.",
        example="10.20.0.0/16 fd00:1::/32",
    ),
    Setting(
        field="keep_deliveries",
        read=readers.duration(8 * DAY),  # an open one may take seven days
        default="`90d`",
        means="How long closed deliveries are kept.",
        example="30d",
    ),
    Setting(
        field="keep_history",
        read=readers.duration(30 * DAY),
        default="`400d`",
        means="How long the history of certificates and resolved findings are kept.",
        example="800d",
    ),
)


def from_environment(environ: Mapping[str, str], check_zone: agreement.CheckZone = agreement.unchecked) -> Settings:
    """Read the settings. Raises SettingsError with every fault; a variable that is set to nothing counts as not set."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    for setting in CATALOG:
        text = environ.get(setting.variable, "").strip()
        if text:
            try:
                values[setting.field] = setting.read(text)
            except readers.Wrong as wrong:
                faults += [f"{setting.variable} {fault}" for fault in wrong.faults]
        elif setting.required:
            faults.append(f"{setting.variable} is missing; as in {setting.example}")
    faults += agreement.faults(values, environ, check_zone)
    faults += [_stranger(name) for name in sorted(environ) if _is_stranger(name)]
    if faults:
        raise SettingsError(tuple(faults))
    return Settings(**values)


def _is_stranger(name: str) -> bool:
    known = {setting.variable for setting in CATALOG}
    return name.startswith(PREFIX) and not name.startswith(SECRETS) and name not in known


def _stranger(name: str) -> str:
    near = get_close_matches(name, [setting.variable for setting in CATALOG], n=1, cutoff=0.8)
    fix = f"did you mean {near[0]}" if near else "remove it, or see docs/settings.md for the names"
    return f"{name} is not a setting; {fix}"
