"""A dependent service's webhook: TLS on loopback, signatures checked with the published Standard Webhooks library."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

LARGEST = 1_000_000  # bytes of a body


class Listener(ThreadingHTTPServer):
    """A server that takes many connections at once: with the library's backlog of five a sixth waits a second (TCP's retransmission)."""

    request_queue_size = 128
    daemon_threads = True


@dataclass(frozen=True, slots=True)
class Received:
    """One request that came; `event` is empty if its signature did not verify."""

    path: str
    id: str
    at: datetime
    verified: bool
    event: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The event's type, without its prefixes."""
        return str(self.event.get("type", "")).rpartition(".")[2]

    @property
    def subject(self) -> str:
        """What the event is about."""
        return str(self.event.get("subject", ""))


class Receiver:
    """Takes notices on the paths that have a secret, and remembers what came; what does not verify is answered 401."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Take a signing secret (`whsec_` and base64) for each path."""
        self._webhooks = {path: Webhook(secret) for path, secret in secrets.items()}
        self._received: list[Received] = []
        self.port = 0

    def received(self, path: str, kind: str = "", subject: str = "") -> list[Received]:
        """Return what came to a path, oldest first, confined to a kind and a subject."""
        return [
            one
            for one in list(self._received)
            if one.path == path and kind in ("", one.kind) and subject in ("", one.subject)
        ]

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"https://localhost:{self.port}{path}"

    @contextmanager
    def serving(self, certificate: str, key: str) -> Iterator[Receiver]:
        """Listen on a free port of loopback until the block ends."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with Listener(("127.0.0.1", 0), self._handler()) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Check a request and remember it; return the status to answer."""
        webhook = self._webhooks.get(path)
        if webhook is None:
            return 404
        try:
            webhook.verify(body, dict(headers))
            event: Mapping[str, Any] = msgspec.json.decode(body)
            verified = True
        except (WebhookVerificationError, msgspec.DecodeError):
            event, verified = {}, False
        self._received.append(Received(path, headers.get("webhook-id", ""), datetime.now(UTC), verified, event))
        return 204 if verified else 401

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Hands each POST to the receiver."""

            timeout = 20  # seconds; a connection that stays silent, handshake included, ends

            def do_POST(self) -> None:
                """Answer one notice."""
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length <= LARGEST else b""
                given = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receiver.take(self.path, given, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep silent."""

        return Handler
