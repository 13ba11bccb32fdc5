"""CAs, DNS and the vault of accounts' keys, as a journey of signed certificates needs them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.data.tables import UpdateMode
from cryptography import x509

from localazure.acme.client import LocalCa
from localazure.acme.signing import ari_id
from localazure.dns.zones import GROUP, SUBSCRIPTION
from tests.journeys.running import App, Journey, Json
from tests.journeys.waits import rows_of

DAY = timedelta(days=1)
SERIAL = itertools.count(1)
KEYS = re.compile(r"GET /keys/[0-9a-z-]+/[0-9a-f]*|POST /keys/[0-9a-z-]+/create|POST /keys/[0-9a-z-]+/[0-9a-f]+/sign")


@dataclass(frozen=True, slots=True)
class Signing:
    """One journey's own zones and vault of keys."""

    journey: Journey
    domain: str  # where the certificates' names are
    proofs: str  # the zone that alone is Perennial's
    keys: str  # the vault of accounts' keys

    @classmethod
    def over(cls, journey: Journey) -> Signing:
        """Make a domain that nobody writes to, a zone for proofs, and a vault for keys."""
        number = next(SERIAL)
        made = cls(journey, f"shop-{number}.example.com", f"proofs-{number}.example.net", f"kv-keys-{number}")
        journey.azure.create_vault(made.keys, keys_of="perennial")
        journey.azure.dns.zone(made.proofs)
        made.delegate("@")
        return made

    def delegate(self, *names: str) -> None:
        """Make the challenge's name of each of these (`@`: of the domain itself) a CNAME into the zone of proofs, and of no other."""
        challenges = {f"_acme-challenge.{name}".removesuffix(".@"): name.replace("@", "apex") for name in names}
        records = {place: {"CNAME": [f"{name}.{self.proofs}."]} for place, name in challenges.items()}
        self.journey.azure.dns.zone(self.domain, records=records)

    def ca(self, name: str, **conduct: object) -> LocalCa:
        """Make a CA of this journey's own, which looks into the DNS."""
        given = {"validation": "dns", "validation_delay": 0.2, "retry_after": 1, **conduct}
        return self.journey.azure.ca(f"{name}-{next(SERIAL)}", **given)

    def settings(self, directories: Mapping[str, str], **members: object) -> dict[str, str]:
        """Return the settings that name these CAs, and the members that all of them have."""
        known = [
            {"name": name, "directory": directory, "contact": ["mailto:pki@example.com"], "agree_terms": True} | members
            for name, directory in directories.items()
        ]
        options = {"subscription": SUBSCRIPTION, "resource_group": GROUP}
        return {
            "PERENNIAL_AUTHORITIES": json.dumps(known),
            "PERENNIAL_ZONES": json.dumps([{"zone": self.proofs, "provider": "azure", "options": options}]),
            "PERENNIAL_KEYS": f"https://{self.keys}.vault.azure.net",
        }

    def plant(self, vault: str, name: str, issuers: str, *names: str, left: timedelta = 20 * DAY) -> None:
        """Put an old certificate of another CA into a vault, whose tag says who signs from now on; without names it has the domain's."""
        old, tags = self.journey.ca("Old CA"), {"perennial-issuer": issuers}
        hosts = names or (self.domain,)
        self.journey.operator.seed(vault, name, left=left, names=hosts, issuer="Unknown", signed_by=old, tags=tags)

    def proofs_left(self) -> Json:
        """Return the TXT sets that are in the zone of proofs."""
        return self.journey.azure.dns.sets(self.proofs)

    def asked_too_much(self) -> list[str]:
        """Return what the app asked of the vault of keys and should not have (Key Vault data actions: keys/read, create, sign)."""
        return [one for one in self.journey.asked(self.keys) if not KEYS.fullmatch(one)]


def current(journey: Journey, vault: str, name: str) -> x509.Certificate:
    """Return the certificate that a vault serves."""
    return x509.load_der_x509_certificate(bytes(journey.operator.client(vault).get_certificate(name).cer or b""))


def names_of(certificate: x509.Certificate) -> set[str]:
    """Return a certificate's DNS names."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(found.get_values_for_type(x509.DNSName))


def id_of(certificate: x509.Certificate) -> str:
    """Return a certificate's identifier of RFC 9773 §4.1."""
    return ari_id(certificate)


def writes(journey: Journey, vault: str) -> list[str]:
    """Return the last part of the path of each POST to a vault, oldest first."""
    return [one.rpartition("/")[2] for one in journey.asked(vault) if one.startswith("POST")]


def history(app: App, vault: str, name: str, kind: str) -> list[Json]:
    """Return the records of a kind, oldest first; none where the app does not know the certificate yet."""
    _, document = app.ask("GET", f"certificates/{vault}/{name}/history?limit=200")
    return [one for one in reversed(document.get("items", [])) if one["kind"] == kind]


def ask_again(journey: Journey, vault: str, name: str) -> None:
    """Let the hours pass until the CA is asked for its window again, and the loop guard's quarter of a life; no look may be at work."""
    minute, season = timedelta(minutes=1), 90 * DAY
    _turn_back(journey, "inventory", vault, name, {"ask_ca_at": minute, "next_check": minute, "last_issued": season})
    for row in rows_of(journey, "renewals"):
        if row["PartitionKey"] == f"{vault}:{name}":
            _turn_back(journey, "renewals", row["PartitionKey"], row["RowKey"], {"closed": season})


def _turn_back(journey: Journey, table: str, partition: str, row: str, ago: Mapping[str, timedelta]) -> None:
    now = datetime.now(UTC)
    changed: dict[str, Any] = {"PartitionKey": partition, "RowKey": row}
    changed |= {column: now - span for column, span in ago.items()}
    with journey.table(table) as client:
        client.update_entity(changed, mode=UpdateMode.MERGE)


def now_open() -> tuple[datetime, datetime]:
    """Return a renewal window that is open: it began so long ago that any certificate's own instant in it has come."""
    now = datetime.now(UTC)
    return now - 30 * DAY, now + timedelta(minutes=1)
