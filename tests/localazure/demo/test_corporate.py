"""The demo's agent, with OpenSSL and without: each has signed what an app waits for, and posts the chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from localazure.demo.corporate import corporate

KEY = ec.generate_private_key(ec.SECP256R1())
POST_TO = "/api/requests/kv-orders/web"


class App(ThreadingHTTPServer):
    """An app with one request, and the chains that were posted."""

    def __init__(self) -> None:
        self.chains: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers as the API does."""

    server: App

    def do_GET(self) -> None:
        """List what waits: all of it for the agent of `corp`, nothing else."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example.com")])
        names = x509.SubjectAlternativeName([x509.DNSName("web.example.com")])
        builder = x509.CertificateSigningRequestBuilder(name).add_extension(names, critical=False)
        csr = builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        mine = "issuer=corp" in self.path
        self._answer({"items": [{"id": "one", "post_to": POST_TO, "csr": csr}] if mine else []})

    def do_POST(self) -> None:
        """Take a chain."""
        self.server.chains.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer({"state": "received" if self.path.startswith(POST_TO) else "lost"})

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def app() -> Iterator[App]:
    """An app that listens."""
    with App() as running:
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("lacking", [(), ("openssl",)])
def test_an_agent_brings_what_its_ca_signed(app: App, lacking: tuple[str, ...]) -> None:
    """Signed once however often it comes; leaf first, for the CSR's key and names, under a CA of the company's."""
    with corporate(lacking) as agent:
        assert [one["state"] for one in (*agent.come(app.url), *agent.come(app.url))] == ["received"] * 2
        assert agent.issued == 1
        assert ("has no openssl" in agent.what) is bool(lacking)
    first, second = app.chains
    assert first == second
    leaf, above, *_ = x509.load_pem_x509_certificates(first)
    leaf.verify_directly_issued_by(above)
    assert leaf.issuer.rfc4514_string() == "CN=Corp Issuing"
    assert leaf.public_key() == KEY.public_key()
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["web.example.com"]
