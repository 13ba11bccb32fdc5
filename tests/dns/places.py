"""The providers with the other side of each: a zone that they write, and what is really in it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import trustme

from localazure.client import LocalAzure
from perennial import dns as providers
from perennial.adapters.resolver import DnsResolver
from perennial.dns.needs import Tools
from perennial.errors import DnsError
from perennial.model.clouds import CLOUDS
from perennial.model.zones import ZoneSetting
from perennial.ports.dns import DnsProvider
from tests.contract import local
from tests.dns.acme_dns_server import acme_dns
from tests.dns.bind import KEY, PRIMARY, ZONE, Bind
from tests.memory.dns import MemoryDns

LABELS = ("once", "twice", "both", "other", "gone", "never", "shout", "served", "refused", "late")
SERIAL = itertools.count(1)
SUBSCRIPTION, GROUP = "00000000-0000-4000-8000-000000000001", "rg-local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A provider over one zone, and its other side."""

    provider: DnsProvider
    zone: str
    name: Callable[[str], str]  # a name in the zone, from a label of LABELS that no other test uses
    values: Callable[[str], list[str]]  # what is there, sorted
    put: Callable[[str, str], None]  # another tool adds a value
    refuse: Callable[[], contextlib.AbstractContextManager[object]]  # takes the right to write away
    removes: bool = True  # clean removes


def setting(zone: str, provider: str, **options: str) -> ZoneSetting:
    """Return a zone's setting."""
    return ZoneSetting(zone=zone, provider=provider, options=options)


def nobody() -> NoReturn:
    """Stand for a credential that nobody asks for."""
    raise AssertionError("no token is needed here")


def tools(**secrets: str) -> Tools:
    """Return tools without an identity."""
    return Tools(credential=nobody, cloud=CLOUDS["public"], secret=lambda name: secrets.get(name, ""))


@contextlib.contextmanager
def in_memory() -> Iterator[Place]:
    """The fake."""
    fake = MemoryDns()

    @contextlib.contextmanager
    def refuse() -> Iterator[None]:
        fake.refuses = DnsError("dns-refused", "told to", fix="tell it otherwise")
        yield
        fake.refuses = None

    yield Place(
        provider=fake,
        zone="example.com",
        name=lambda label: f"{label}.example.com",
        values=lambda name: sorted(fake.values[name]),
        put=lambda name, value: fake.values[name].append(value),
        refuse=refuse,
    )


def azure_tools(azure: LocalAzure, patch: pytest.MonkeyPatch, identity: str = "perennial") -> Tools:
    """Return tools with an identity of the local Azure."""
    local.point_at(azure, patch)
    credential = local.app_identity(azure.environment(identity=identity))
    return Tools(credential=lambda: credential, cloud=CLOUDS["public"], secret=lambda _: "")


@contextlib.contextmanager
def on_azure(azure: LocalAzure, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A zone of the local Azure's."""
    zone = f"zone-{next(SERIAL)}.test"
    azure.dns.zone(zone)
    app = azure_tools(azure, patch)
    resolver = DnsResolver((azure.dns_server,))
    configured = (setting(zone, "azure", subscription=SUBSCRIPTION, resource_group=GROUP),)
    person = providers.build(configured, azure_tools(azure, patch, "operator"), resolver)

    @contextlib.contextmanager
    def refuse() -> Iterator[None]:
        azure.dns.rights("perennial", ["read"], zone)
        yield
        azure.dns.rights("perennial", ["read", "write", "delete"], zone)

    yield Place(
        provider=providers.build(configured, app, resolver),
        zone=zone,
        name=lambda label: f"{label}.{zone}",
        values=lambda name: sorted(azure.dns.values(zone, name.removesuffix(f".{zone}"))),
        put=person.present,
        refuse=refuse,
    )
    azure.dns.remove(zone)


@contextlib.contextmanager
def on_bind(bind: Bind) -> Iterator[Place]:
    """A zone of BIND's."""
    resolver = DnsResolver((bind.resolver,))
    configured = setting(ZONE, "rfc2136", server=f"{PRIMARY}:{bind.port}", key=KEY, secret="TSIG")
    secrets = {"TSIG": bind.secret}
    asked = Tools(credential=nobody, cloud=CLOUDS["public"], secret=secrets.__getitem__)
    provider = providers.build((configured,), asked, resolver)

    @contextlib.contextmanager
    def refuse() -> Iterator[None]:
        secrets["TSIG"] = "d3Jvbmc="
        yield
        secrets["TSIG"] = bind.secret

    yield Place(
        provider=provider,
        zone=ZONE,
        name=lambda label: f"{label}.{ZONE}",
        values=bind.txt,
        put=provider.present,
        refuse=refuse,
    )


@contextlib.contextmanager
def on_acme_dns(patch: pytest.MonkeyPatch, folder: Path) -> Iterator[Place]:
    """Registrations at an acme-dns server, one for each name."""
    authority, fake = trustme.CA(), MemoryDns()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    with acme_dns(authority) as server:
        registered = {label: f"{label}.auth.test" for label in LABELS}
        zones = []
        for label, zone in registered.items():
            server.register(label, f"user-{label}", "secret")
            zones.append(setting(zone, "acme-dns", api=server.api, user=f"user-{label}", secret="PASSWORD"))
        fake.others.add("auth.test")
        provider = providers.build(tuple(zones), tools(PASSWORD="secret"), fake)

        @contextlib.contextmanager
        def refuse() -> Iterator[None]:
            server.answer = 401, {}
            yield
            server.answer = None

        yield Place(
            provider=provider,
            zone="auth.test",
            name=registered.__getitem__,
            values=lambda name: sorted(server.values[name.partition(".")[0]]),
            put=provider.present,
            refuse=refuse,
            removes=False,
        )
