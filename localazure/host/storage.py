"""Clients of the storage account, with the managed identity that the connection settings name."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables.aio import TableClient
from azure.identity.aio import ManagedIdentityCredential
from azure.storage.queue.aio import QueueClient

from localazure.host.settings import Connection

HOST_TABLE = "azurefunctionshost"


class Storage:
    """Opens clients and closes them all at the end; one credential per identity, so that tokens are shared."""

    def __init__(self) -> None:
        self._credentials: dict[str | None, ManagedIdentityCredential] = {}
        self._queues: dict[tuple[Connection, str], QueueClient] = {}
        self._tables: list[TableClient] = []

    async def __aenter__(self) -> Self:
        """Return this object; clients are opened when asked for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every client and credential."""
        for queue in self._queues.values():
            await queue.close()
        for table in self._tables:
            await table.close()
        for credential in self._credentials.values():
            await credential.close()

    def queue(self, connection: Connection, name: str) -> QueueClient:
        """Return the client of a queue, which need not exist. It neither encodes nor decodes: that is the host's."""
        key = (connection, name)
        if key not in self._queues:
            # About the pauses of the .NET client; the Python client's own start at 15 seconds.
            self._queues[key] = QueueClient(
                connection.url,
                name,
                credential=self._credential(connection),
                initial_backoff=1,
                increment_base=2,
                retry_total=3,
            )
        return self._queues[key]

    def host_table(self, connection: Connection) -> TableClient:
        """Return the client of the table in which hosts keep timers. In Azure these are blobs and blob leases."""
        client = TableClient(connection.url, HOST_TABLE, credential=self._credential(connection))
        self._tables.append(client)
        return client

    def _credential(self, connection: Connection) -> ManagedIdentityCredential:
        if connection.client_id not in self._credentials:
            self._credentials[connection.client_id] = ManagedIdentityCredential(client_id=connection.client_id)
        return self._credentials[connection.client_id]


async def send_creating_queue(client: QueueClient, text: str) -> None:
    """Send a message as it is; the queue is made if this is its first."""
    try:
        await client.send_message(text)
    except ResourceNotFoundError:
        with suppress(ResourceExistsError):  # another host was faster
            await client.create_queue()
        await client.send_message(text)
