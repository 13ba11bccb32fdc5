"""The adapters against the local Azure, built as the wiring builds them, and live Azure where credentials are set.

Live: PERENNIAL_LIVE_VAULT (a vault's name), PERENNIAL_LIVE_TOPIC, PERENNIAL_LIVE_TABLES and PERENNIAL_LIVE_QUEUES (endpoints), with a login that
azure-identity finds. `make live-check` sets them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential
from azure.keyvault.certificates import CertificateClient

from localazure.client import LocalAzure
from perennial.adapters import clients
from perennial.adapters.account import azure_tables
from perennial.adapters.key_vault import KeyVaults
from perennial.adapters.queues import StorageQueues
from perennial.channels.event_grid import EventGridChannel
from perennial.model.clouds import CLOUDS
from perennial.ports.tables import Tables
from tests.memory.world import SETTINGS

REACHES_AZURE = (
    "HTTPS_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
)
LIVE = {name: os.environ.get(f"PERENNIAL_LIVE_{name}", "") for name in ("VAULT", "TOPIC", "TABLES", "QUEUES")}


def places(live: str, *others: str) -> list[str]:
    """Return the parameters of a suite: the live one only where it is set."""
    return ["local", *others, *(["live"] if LIVE[live] else [])]


def point_at(azure: LocalAzure, patch: pytest.MonkeyPatch, account: str = "stperennial") -> Mapping[str, str]:
    """Give this process the variables of an app that runs beside a local Azure; return them all."""
    variables = azure.environment(account=account)
    for name in REACHES_AZURE:
        patch.setenv(name, variables[name])
    return variables


def app_identity(variables: Mapping[str, str]) -> TokenCredential:
    """Return the app's identity on the local Azure."""
    return clients.credential(variables["PERENNIAL_CLIENT_ID"])


def tables(endpoint: str, identity: TokenCredential) -> Tables:
    """Return the tables of an account, as the wiring does."""
    return azure_tables(lambda name: clients.table_client(endpoint, identity, name), lambda: uuid.uuid4().hex)


def queues(endpoint: str, identity: TokenCredential) -> StorageQueues:
    """Return the queues of an account, as the wiring does."""
    return StorageQueues(lambda queue: clients.queue_client(endpoint, identity, queue))


def vaults(identity: TokenCredential) -> KeyVaults:
    """Return the vaults, as the wiring does."""
    return KeyVaults(lambda vault: clients.certificate_client(CLOUDS["public"], identity, vault))


def topic(endpoint: str, identity: TokenCredential, read_seconds: float = 10) -> EventGridChannel:
    """Return the channel to a topic, as the wiring does."""
    return EventGridChannel(replace(SETTINGS, topic=endpoint), lambda: identity, read_seconds)


def person(vault: str, identity: TokenCredential) -> CertificateClient:
    """Return the ordinary client of a person who may do everything in a vault."""
    return clients.certificate_client(CLOUDS["public"], identity, vault)


@cache
def live_identity() -> TokenCredential:
    """Return the identity of whoever runs the live suites."""
    return DefaultAzureCredential()
