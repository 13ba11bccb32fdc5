"""A throw-away certificate authority, and a TLS server context that answers for any name."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class CertificateAuthority:
    """Signs for one run of the local Azure; clients trust it through the file of `write_ca`."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="localazure throw-away CA")
        self._contexts: dict[str, ssl.SSLContext] = {}

    def write_ca(self, path: Path) -> None:
        """Write the CA's certificate, and nothing else, as PEM."""
        path.write_bytes(self._ca.cert_pem.bytes())

    def write_leaf(self, certificate: Path, key: Path) -> None:
        """Write a certificate for loopback and its key, for a server that wants files."""
        leaf = self._ca.issue_cert("127.0.0.1", "localhost")
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        key.touch(mode=0o600)
        key.write_bytes(leaf.private_key_pem.bytes())

    def server_context(self) -> ssl.SSLContext:
        """Return a context that presents a certificate for whatever name the client asks for (SNI)."""
        context = self._context("127.0.0.1", "localhost")  # a client that dials an address sends no name
        context.sni_callback = self._choose
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a client context that trusts this CA alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """Switch the handshake to the certificate of the asked name, minted on its first use."""
        if name is not None and name != "localhost":
            if name not in self._contexts:
                self._contexts[name] = self._context(name)
            connection.context = self._contexts[name]
        return None

    def _context(self, *names: str) -> ssl.SSLContext:
        """Return a server context with a fresh certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context
