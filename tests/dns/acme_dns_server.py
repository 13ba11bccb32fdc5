"""An acme-dns server: its HTTP API over TLS, and the two values of each registration."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme

VALUE_LENGTH = 43  # acme-dns refuses a txt of another length: a DNS-01 value is 32 bytes in base64url


@dataclass(slots=True)
class AcmeDns:
    """The registrations, and what they hold."""

    port: int = 0
    users: dict[str, tuple[str, str]] = field(default_factory=dict)  # subdomain → user and password
    values: dict[str, list[str]] = field(default_factory=dict)
    answer: tuple[int, dict[str, str]] | None = None  # what it says instead
    hang: threading.Event | None = None  # it says nothing until this is set
    asked: int = 0

    @property
    def api(self) -> str:
        """The address of the API."""
        return f"https://127.0.0.1:{self.port}"

    def register(self, subdomain: str, user: str, password: str) -> None:
        """Add a registration."""
        self.users[subdomain], self.values[subdomain] = (user, password), []

    def update(self, user: str, key: str, body: dict[str, str]) -> tuple[int, dict[str, str], dict[str, str]]:
        """Take one update; return status, headers and body."""
        self.asked += 1
        if self.hang is not None:
            self.hang.wait(10)
        if self.answer is not None:
            return (*self.answer, {"error": "told to"})
        if self.users.get(body["subdomain"]) != (user, key):
            return 401, {}, {"error": "forbidden"}
        if len(body["txt"]) != VALUE_LENGTH:
            return 400, {}, {"error": "bad_txt"}
        self.values[body["subdomain"]] = [*self.values[body["subdomain"]], body["txt"]][-2:]
        return 200, {}, {"txt": body["txt"]}


@contextlib.contextmanager
def acme_dns(authority: trustme.CA) -> Iterator[AcmeDns]:
    """Run one, with a certificate of this CA."""
    state = AcmeDns()

    class Api(BaseHTTPRequestHandler):
        """The HTTP API."""

        def do_POST(self) -> None:
            """Take an update."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            user, key = self.headers["X-Api-User"], self.headers["X-Api-Key"]
            known = self.path == "/update"
            status, headers, said = state.update(user, key, body) if known else (404, {}, {"error": "no such path"})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
