"""The one place that builds clients and reads the clock and the environment.

What is heavy to import is imported by what builds it, at its first use; each thing is built once per process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from perennial import settings as installation
from perennial.errors import SettingsError
from perennial.log import listen, quiet_sdks, warn
from perennial.model.roles import BROAD

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from perennial.authorities.needs import Tools
    from perennial.model.zones import ZoneSetting
    from perennial.ports.authority import Authority
    from perennial.ports.channel import Channel
    from perennial.ports.dns import DnsProvider, Resolver
    from perennial.ports.issuer import Issuer
    from perennial.ports.keys import Keys
    from perennial.ports.queue import Intake, Queues
    from perennial.ports.tables import Tables
    from perennial.ports.vault import Vaults
    from perennial.telemetry import CallCounter
    from perennial.workflows.api.access import Gate
    from perennial.workflows.places import Places
    from perennial.workflows.world import World


ROLE_FIX = "have somebody define a role with three data actions (certificates/read, create/action, update/action), give that and name it"
FUNCTION_TIMEOUT = timedelta(minutes=10)  # host.json: functionTimeout; two minutes less than any lease


def once[T](make: Callable[[], T]) -> Callable[[], T]:
    """Return a function that makes something at its first call and returns that ever after; threads that meet there wait for one to make it.

    `functools.cache` lets each of them make one: of a CA, each would ask for directory and nonces of its own. An error is not kept.
    """
    lock, made = RLock(), list[T]()

    @wraps(make)
    def get() -> T:
        if not made:
            with lock:
                if not made:
                    made.append(make())
        return made[0]

    return get


@once
def settings() -> installation.Settings:
    """Return the settings. Raises SettingsError with every fault."""
    return installation.from_environment(os.environ, _check_zone)


def _check_zone(zone: ZoneSetting) -> list[str]:
    from perennial import dns

    return dns.check(zone)


def report_faults() -> None:
    """Log every fault of the settings at start, or a role that carries more than it should.

    With faults work fails in the same words until they are mended, and nothing is lost meanwhile.
    """
    try:
        role = settings().role
    except SettingsError as faults:
        warn("settings-refused", faults=str(faults))
        return
    if role in BROAD:
        warn("role-too-broad", role=role, carries=BROAD[role], fix=ROLE_FIX)


def measure() -> None:
    """Let the log lines be measured, where the host exports telemetry."""
    from perennial import telemetry

    listener = telemetry.listener(os.environ)
    if listener is not None:
        listen(listener)


def signs_in() -> bool:
    """Tell whether people sign in. Settings that cannot be read leave the API to function keys: nobody gets in by a typing error."""
    try:
        return settings().sign_in
    except SettingsError:
        return False


def gate() -> Gate:
    """Return how the API is guarded."""
    from perennial.workflows.api.access import Gate

    return Gate(sign_in=signs_in(), platform=os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true")


def world() -> World:
    """Return everything outside as one invocation sees it, at one instant."""
    from perennial.workflows.world import World

    began = datetime.now(UTC)
    return World(
        now=began.replace(microsecond=0),
        settings=settings(),
        tables=_tables(),
        vaults=_vaults(),
        queues=_queues(),
        channels=_channels(),
        issuers=_issuers(),
        outlived=lambda: datetime.now(UTC) - began > FUNCTION_TIMEOUT,
        places=_places(),
    )


def intake(put: Callable[[str], None]) -> Intake:
    """Return a door's own way to its queue: the binding's setter, flushed when the invocation ends well."""
    from perennial.adapters.binding import BindingIntake

    return BindingIntake(put)


class _Later:
    """A port whose hand is made at its first call, so that a cold start pays for what it uses."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __getattr__(self, method: str) -> Any:  # a port's method, whichever port it is
        return getattr(self._make(), method)


@once
def _counter() -> CallCounter | None:
    from perennial import telemetry

    return telemetry.call_counter(os.environ)


def _counted(port: object, dependency: str) -> Any:  # the port, whichever it is
    """Return the port, and where the host exports telemetry one that counts its calls."""
    count = _counter()
    if count is None:
        return port
    from perennial.telemetry import Counted

    return Counted(port, dependency, count)


@once
def _credential() -> TokenCredential:
    from perennial.adapters import clients

    quiet_sdks()
    return clients.credential(settings().client_id)


@once
def _tables() -> Tables:
    from perennial.adapters import clients
    from perennial.adapters.account import azure_tables

    tables = azure_tables(
        lambda table: clients.table_client(settings().tables, _credential(), table), lambda: uuid4().hex
    )
    return replace(tables, **{one.name: _counted(getattr(tables, one.name), "tables") for one in fields(tables)})


@once
def _vaults() -> Vaults:
    @once
    def make() -> Vaults:
        from perennial.adapters import clients
        from perennial.adapters.key_vault import KeyVaults

        return KeyVaults(lambda vault: clients.certificate_client(settings().cloud, _credential(), vault))

    return cast("Vaults", _counted(_Later(make), "key-vault"))


@once
def _queues() -> Queues:
    @once
    def make() -> Queues:
        from perennial.adapters import clients
        from perennial.adapters.queues import StorageQueues

        return StorageQueues(lambda queue: clients.queue_client(settings().queues, _credential(), queue))

    return cast("Queues", _counted(_Later(make), "queues"))


@once
def _places() -> Places:
    from perennial.workflows.places import Places

    return Places()


@once
def _channels() -> Mapping[str, Channel]:
    from perennial import channels

    return channels.build(settings(), _credential, os.environ)


@once
def _issuers() -> Mapping[str, Issuer]:
    from perennial import authorities
    from perennial.issuers.through_csr import ThroughCsr
    from perennial.issuers.vault import ByVault

    makers = authorities.build(settings().authorities, _tools()) if settings().authorities else {}
    through = {
        name: ThroughCsr(_vaults(), cast("Authority", _counted(_Later(once(make)), name)), settings().instance)
        for name, make in makers.items()
    }
    return {"vault": ByVault(_vaults(), settings().instance), **through}


def _tools() -> Tools:
    """Return what authorities may use."""
    from perennial.authorities.needs import Tools

    return Tools(
        keys=cast("Keys", _counted(_Later(_keys), "keys")),
        dns=cast("DnsProvider", _counted(_Later(_dns), "dns-zones")),
        resolver=cast("Resolver", _counted(_Later(_resolver), "dns")),
        accounts=_tables().accounts,
        usages=_tables().usages,
        secret=_secret,
    )


@once
def _keys() -> Keys:
    from perennial.adapters import clients
    from perennial.adapters.keys import KeyVaultKeys

    return KeyVaultKeys(lambda: clients.key_client(settings().keys, _credential()))


@once
def _resolver() -> Resolver:
    from perennial.adapters.resolver import DnsResolver

    return DnsResolver(settings().dns_servers)


@once
def _dns() -> DnsProvider:
    from perennial import dns
    from perennial.dns.needs import Tools

    tools = Tools(credential=_credential, cloud=settings().cloud, secret=_secret)
    return dns.build(settings().zones, tools, _resolver())


def _secret(name: str) -> str:
    return os.environ.get(f"PERENNIAL_SECRET_{name}", "")
