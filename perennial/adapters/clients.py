"""Credential and clients of Azure's services, as the caller's settings say. The SDKs are heavy, so each is imported by what builds its client."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from perennial.model.clouds import Cloud
from perennial.model.messages import Queue

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import RequestsTransport
    from azure.data.tables import TableClient
    from azure.keyvault.certificates import CertificateClient
    from azure.keyvault.keys import KeyClient
    from azure.storage.queue import QueueClient
    from requests import PreparedRequest, Session

# Seconds, for storage: it answers in milliseconds or is in trouble, and the message comes again.
CONNECT, READ, TRIES, PAUSE = 5, 20, 3, 0.2
CONNECTIONS = 32  # kept for each host: one for each of the worker's threads (PYTHON_THREADPOOL_THREAD_COUNT)
HOSTS = 256  # the vaults of a fleet, and the storage account's


def credential(client_id: str) -> TokenCredential:
    """Return the app's managed identity (empty: the system-assigned one); one per process, since it keeps the tokens."""
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=client_id or None)


def certificate_client(cloud: Cloud, identity: TokenCredential, vault: str) -> CertificateClient:
    """Open a vault's certificates."""
    from azure.keyvault.certificates import CertificateClient

    return CertificateClient(cloud.vault_url(vault), identity, transport=_transport())  # each call says its own


def key_client(vault_url: str, identity: TokenCredential) -> KeyClient:
    """Open the vault of accounts' keys."""
    from azure.keyvault.keys import KeyClient

    return KeyClient(vault_url, identity, transport=_transport())  # each call says its own


def table_client(endpoint: str, identity: TokenCredential, table: str) -> TableClient:
    """Open a table."""
    from azure.data.tables import TableClient

    return TableClient(
        endpoint,
        table,
        credential=identity,
        transport=_transport(),
        retry_total=TRIES,
        retry_backoff_factor=PAUSE,
    )


def queue_client(endpoint: str, identity: TokenCredential, queue: Queue) -> QueueClient:
    """Open a queue whose messages are base64, as the Functions queue trigger expects them."""
    from azure.storage.queue import LinearRetry, QueueClient, TextBase64EncodePolicy

    return QueueClient(
        endpoint,
        queue.value,
        credential=identity,
        message_encode_policy=TextBase64EncodePolicy(),
        transport=_transport(),
        # The SDK's own policy sleeps 18, 24 and 42 seconds (azure-storage-queue 12.18.1), under a look's leases.
        retry_policy=LinearRetry(backoff=1, retry_total=TRIES, random_jitter_range=1),
    )


def _transport() -> RequestsTransport:
    """Return a client's transport over the connections that all clients share."""
    from azure.core.pipeline.transport import RequestsTransport

    return RequestsTransport(session=_session(), session_owner=False, connection_timeout=CONNECT, read_timeout=READ)


@cache
def _session() -> Session:
    """Return the process's session.

    The SDK's own, one for each client, keep ten connections each: a call beyond them pays for a handshake and a warning, and eleven tables of one
    host would be eleven times the connections.
    """
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    session = Session()
    # Retrying is the pipeline's, as in the SDK's own sessions.
    never = Retry(total=False, redirect=False, raise_on_status=False)
    session.mount("https://", HTTPAdapter(pool_connections=HOSTS, pool_maxsize=CONNECTIONS, max_retries=never))
    # Without one, Requests looks for a .netrc at each request, and would put what it finds there in place of our token.
    session.auth = _as_signed
    return session


def _as_signed(request: PreparedRequest) -> PreparedRequest:
    """Leave a request's authorization as the pipeline made it."""
    return request
