"""Credential and clients of Azure's services, as the caller's settings say. The SDKs are heavy, so each is imported by what builds its client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.model.clouds import Cloud
from perennial.model.messages import Queue

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableClient
    from azure.keyvault.certificates import CertificateClient
    from azure.storage.queue import QueueClient

# Seconds, for storage: it answers in milliseconds or is in trouble, and the message comes again.
CONNECT, READ, TRIES, PAUSE = 5, 20, 3, 0.2


def credential(client_id: str) -> TokenCredential:
    """Return the app's managed identity (empty: the system-assigned one); one per process, since it keeps the tokens."""
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415 (heavy)

    return ManagedIdentityCredential(client_id=client_id or None)


def certificate_client(cloud: Cloud, identity: TokenCredential, vault: str) -> CertificateClient:
    """Open a vault's certificates."""
    from azure.keyvault.certificates import CertificateClient  # noqa: PLC0415 (heavy)

    return CertificateClient(cloud.vault_url(vault), identity)


def table_client(endpoint: str, identity: TokenCredential, table: str) -> TableClient:
    """Open a table."""
    from azure.data.tables import TableClient  # noqa: PLC0415 (heavy)

    return TableClient(
        endpoint,
        table,
        credential=identity,
        connection_timeout=CONNECT,
        read_timeout=READ,
        retry_total=TRIES,
        retry_backoff_factor=PAUSE,
    )


def queue_client(endpoint: str, identity: TokenCredential, queue: Queue) -> QueueClient:
    """Open a queue whose messages are base64, as the Functions queue trigger expects them."""
    from azure.storage.queue import QueueClient, TextBase64EncodePolicy  # noqa: PLC0415 (heavy)

    return QueueClient(
        endpoint,
        queue.value,
        credential=identity,
        message_encode_policy=TextBase64EncodePolicy(),
        connection_timeout=CONNECT,
        read_timeout=READ,
        retry_total=TRIES,
    )
