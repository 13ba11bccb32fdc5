"""One HTTPS POST to an address that was checked before: bounded in time and size, no proxy, no redirect, no retry."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from threading import Timer

from perennial.channels.addresses import Address
from perennial.channels.target import Target

CONNECT_SECONDS = 10.0  # over all addresses tried
WHOLE_SECONDS = 20.0
ADDRESSES_TRIED = 3
LONGEST_ANSWER = 4096  # bytes read; the rest is left


class NoAnswer(Exception):
    """The other side was not reached, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    reason: str
    retry_after: str
    body: bytes  # its beginning


@dataclass(frozen=True, slots=True)
class Wire:
    """How requests are sent: whom to trust and how long to wait.

    It stands on http.client over a TLS socket of its own making: a client that makes the socket itself can't be cut off in a handshake.
    """

    connect_seconds: float = CONNECT_SECONDS
    whole_seconds: float = WHOLE_SECONDS
    trust: Callable[[], ssl.SSLContext] = field(
        default_factory=lambda: cache(ssl.create_default_context)
    )  # SSL_CERT_FILE holds

    def post(self, addresses: Sequence[Address], target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request to one of these addresses under the target's name, which its certificate must carry. Raises NoAnswer."""
        raw = self._connect(addresses[:ADDRESSES_TRIED], target.port)
        with raw, _cut_after(raw, self.whole_seconds) as cut:
            try:
                # The handshake is apart from wrapping, so that the limit is running and the socket known by then.
                context = self.trust()
                with context.wrap_socket(raw, server_hostname=target.host, do_handshake_on_connect=False) as tls:
                    tls.do_handshake()
                    connection = HTTPSConnection(target.host, target.port, context=context)
                    connection.sock = tls  # already connected: http.client resolves nothing and knows no proxy
                    connection.request("POST", target.path, body=body, headers={**headers, "Connection": "close"})
                    return _read(connection.getresponse(), cut)
            except (OSError, HTTPException, ValueError) as error:
                late = cut or isinstance(error, TimeoutError)
                why = f"no whole answer within {self.whole_seconds:g} s" if late else str(error) or type(error).__name__
                raise NoAnswer(f"{target.host}: {why}") from error

    def _connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        problem: OSError | None = None
        for address in addresses:
            try:
                return socket.create_connection((str(address), port), timeout=self.connect_seconds / len(addresses))
            except OSError as error:
                problem = error
        raise NoAnswer(f"no connection to {', '.join(map(str, addresses))}, port {port}: {problem}")


def _read(response: HTTPResponse, cut: list[bool]) -> Answer:
    if cut:
        raise TimeoutError  # to http.client the end of a connection is the end of the headers
    start = b""
    # The status is known: a body that trickles, breaks off or is no HTTP changes nothing about it.
    with suppress(OSError, HTTPException):
        start = response.read(LONGEST_ANSWER)
    return Answer(response.status, response.reason, response.headers.get("Retry-After", ""), start)


@contextmanager
def _cut_after(raw: socket.socket, seconds: float) -> Iterator[list[bool]]:
    """Shut a connection down after a time, whatever it is doing; the list is filled when that happened.

    A socket's own time-out begins anew with every byte, so an answer that trickles would hold the invocation for hours.
    """
    cut: list[bool] = []
    twin = raw.dup()  # TLS takes the descriptor out of the first object

    def shut() -> None:
        cut.append(True)
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        timer.join()
        twin.close()
