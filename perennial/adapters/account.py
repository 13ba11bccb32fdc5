"""All tables of the storage account."""

from __future__ import annotations

from collections.abc import Callable

from azure.data.tables import TableClient

from perennial.adapters.tables import AzureTable
from perennial.ports import tables as specs
from perennial.ports.tables import Tables


def azure_tables(open_client: Callable[[str], TableClient], mark: Callable[[], str]) -> Tables:
    """Return every table; a client is opened when its table is first used."""
    return Tables(
        inventory=AzureTable(specs.INVENTORY, open_client, mark),
        vaults=AzureTable(specs.VAULTS, open_client, mark),
        fleet=AzureTable(specs.FLEETS, open_client, mark),
        renewals=AzureTable(specs.RENEWALS, open_client, mark),
        history=AzureTable(specs.HISTORY, open_client, mark),
        subscriptions=AzureTable(specs.SUBSCRIPTIONS, open_client, mark),
        deliveries=AzureTable(specs.DELIVERIES, open_client, mark),
        findings=AzureTable(specs.FINDINGS, open_client, mark),
        sweeps=AzureTable(specs.SWEEPS, open_client, mark),
        accounts=AzureTable(specs.ACCOUNTS, open_client, mark),
        usages=AzureTable(specs.USAGES, open_client, mark),
    )
