"""The throw-away authority answers for any name, and only for who trusts it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from localazure.client import LocalAzure
from localazure.tls import CertificateAuthority


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str:
    """Let a client that asks for a name shake hands with a server; return the subject names it was shown."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (near, far, near, far):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return str(near.getpeercert())


@pytest.mark.parametrize(
    "name", ["kv-orders.vault.azure.net", "perennial.westeurope-1.eventgrid.azure.net", "127.0.0.1", "localhost"]
)
def test_a_certificate_is_minted_for_the_name_that_is_asked_for(name: str) -> None:
    """A client that checks names is content, whatever the name."""
    authority = CertificateAuthority()
    server, client = authority.server_context(), authority.client_context()
    assert name in shake(server, client, name)
    assert name in shake(server, client, name)


def test_who_trusts_another_authority_is_not_deceived() -> None:
    """The certificate of one run is worth nothing in the next."""
    server, stranger = CertificateAuthority().server_context(), CertificateAuthority().client_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, stranger, "kv-orders.vault.azure.net")


def test_a_test_can_serve_https_itself(azure: LocalAzure) -> None:
    """The ready file names a certificate for loopback that the CA file vouches for; the key is its owner's alone."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(azure.ready.certificate, azure.ready.key)
    client = ssl.create_default_context(cafile=azure.ready.ca)
    assert "localhost" in shake(server, client, "localhost")
    assert Path(azure.ready.key).stat().st_mode & 0o777 == 0o600
