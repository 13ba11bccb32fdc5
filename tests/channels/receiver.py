"""A webhook receiver on a free port: a real TLS server whose certificate a throw-away CA signed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

import trustme


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it came over the wire."""

    line: str
    headers: dict[str, str]  # names lower-cased
    body: str


type Behaviour = Callable[[ssl.SSLSocket, Event], None]


def answering(status: str, headers: str = "", body: str = "") -> Behaviour:
    """Answer with a status line, more header lines and a body."""

    def answer(connection: ssl.SSLSocket, _: Event) -> None:
        length = len(body.encode())
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}".encode())

    return answer


@dataclass(slots=True)
class Receiver:
    """Takes one request a connection, keeps it, and answers as the test wants."""

    port: int
    behaviour: Behaviour = field(default_factory=lambda: answering("204 No Content"))
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    stopping: Event = field(default_factory=Event)

    def serve(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Take connections until the test is over."""
        while not self.stopping.is_set():
            with suppress(OSError):
                raw, _ = listener.accept()
                self.connections += 1
                with raw, context.wrap_socket(raw, server_side=True) as connection:
                    connection.settimeout(5)
                    self.got.append(_read(connection))
                    self.behaviour(connection, self.stopping)


def _read(connection: ssl.SSLSocket) -> Got:
    """Read one request with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Got(line, headers, body.decode())


@contextmanager
def receiver(authority: trustme.CA, *names: str) -> Iterator[Receiver]:
    """Run a receiver whose certificate carries these names."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        running = Receiver(listener.getsockname()[1])
        thread = Thread(target=running.serve, args=(listener, context))
        thread.start()
        try:
            yield running
        finally:
            running.stopping.set()
            thread.join()
