"""The CAs that the demo's certificates come from: Pebble where it is at hand, those of the local Azure, and what ties them to Perennial."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography import x509

from localazure.acme.client import LocalCa
from localazure.acme.signing import ari_id
from localazure.client import LocalAzure
from localazure.debian import LOCAL
from localazure.demo import corporate
from localazure.dns.zones import GROUP, SUBSCRIPTION
from localazure.pebble import Manner, Pebble, Trust, pebble

PUBLIC, FIRST, SECOND = "public-ca", "partner-ca", "backup-ca"  # as the tag perennial-issuer says them
KEYS = "kv-perennial-keys"  # the vault of the app's own
DOMAIN, PROOFS = "example.org", "proofs.example.net"
ASK_AGAIN = (
    60  # seconds until a certificate's window is asked for again: the shortest that RFC 9773 §4.3.2 lets a CA say
)
PROMPT: dict[str, object] = {"validation": "dns", "validation_delay": 0.2, "retry_after": 1}


@dataclass(frozen=True, slots=True)
class PublicCa:
    """The CA of the acts about ACME, whichever it is."""

    what: str  # for the reader
    directory: str
    requests: Callable[[], dict[str, int]]
    window: Callable[[x509.Certificate, datetime, datetime], None]  # what it says of this certificate from now on
    replaced: Callable[[], list[str]]  # ids of RFC 9773 §4.1 that its orders said they replace


@dataclass(frozen=True, slots=True)
class Signers:
    """All of them."""

    public: PublicCa
    first: LocalCa
    second: LocalCa
    agent: corporate.Agent

    def settings(self) -> dict[str, str]:
        """Return the settings by which Perennial knows the CAs, the one zone that it may write to, and its own vault."""
        directories = {PUBLIC: self.public.directory, FIRST: self.first.directory, SECOND: self.second.directory}
        acme = [
            {"name": name, "directory": url, "contact": ["mailto:pki@example.com"], "agree_terms": True}
            for name, url in directories.items()
        ]
        options = {"subscription": SUBSCRIPTION, "resource_group": GROUP}
        zones = [{"zone": PROOFS, "provider": "azure", "options": options}]
        return {
            "PERENNIAL_AUTHORITIES": msgspec.json.encode([*acme, corporate.SETTING]).decode(),
            "PERENNIAL_ZONES": msgspec.json.encode(zones).decode(),
            "PERENNIAL_KEYS": f"https://{KEYS}.vault.azure.net",
        }


@contextmanager
def signers(azure: LocalAzure, delegated: tuple[str, ...], *, plain: bool = False) -> Iterator[Signers]:
    """Run the CAs over a domain whose challenges' names (relative ones) lead into the zone of proofs; `plain`: without programs of others."""
    azure.create_vault(KEYS, keys_of="perennial")
    azure.dns.zone(PROOFS)
    records = {
        name: {"CNAME": [f"{name.removeprefix('_acme-challenge').strip('.') or 'apex'}.{PROOFS}."]}
        for name in delegated
    }
    azure.dns.zone(DOMAIN, records=records)
    lacking = ("openssl",) if plain else None
    with _public(azure, plain=plain) as public, corporate.corporate(lacking) as agent:
        yield Signers(public, azure.ca(FIRST, **PROMPT), azure.ca(SECOND, **PROMPT), agent)


def pebble_is_here() -> bool:
    """Tell whether Pebble can be run without fetching anything."""
    return shutil.which("pebble") is not None or (LOCAL / "pebble").is_dir()


@contextmanager
def _public(azure: LocalAzure, *, plain: bool) -> Iterator[PublicCa]:
    if plain or not pebble_is_here():
        yield _own(azure.ca(PUBLIC, ari_retry_after=ASK_AGAIN, **PROMPT))
        return
    manner = Manner(nonce_refusal=10, authorization_reuse=100)
    with pebble(manner, dns=azure.dns_server, trust=Trust.of(azure.ready)) as running:
        running.ask_again(ASK_AGAIN)
        yield _pebble(running)


def _pebble(running: Pebble) -> PublicCa:
    what = "Pebble, Let's Encrypt's own test CA; it refuses a tenth of all nonces"

    def window(certificate: x509.Certificate, start: datetime, end: datetime) -> None:
        running.set_window(start, end, only=ari_id(certificate))

    return PublicCa(what, running.directory, running.requests, window, running.replaced)


def _own(ca: LocalCa) -> PublicCa:
    what = "the local Azure's own (Pebble is not here; `python -m localazure.install_pebble` fetches it from Debian)"

    def replaced() -> list[str]:
        return [str(order["replaces"]) for order in ca.orders() if order["replaces"]]

    def window(certificate: x509.Certificate, start: datetime, end: datetime) -> None:
        ca.window(start, end, serial=f"{certificate.serial_number:x}")

    return PublicCa(what, ca.directory, ca.requests, window, replaced)
