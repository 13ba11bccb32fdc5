"""The forward proxy: CONNECT for the names that are played, a refusal for every other. TLS straight to its port is taken too."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable

log = logging.getLogger("localazure.proxy")

HEAD_LIMIT = 16 * 1024  # bytes of a CONNECT request
# The first byte of a TLS handshake (RFC 8446 §5.1): a client that knows no proxies names its host in TLS and in `Host`.
TLS_HANDSHAKE = b"\x16"
# urllib3 leaves Nagle on for proxied connections, so each POST with a body would wait 40 ms for a delayed
# acknowledgement: acknowledge at once (Linux only; measured 44 ms -> 2.3 ms).
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Front:
    """Listens as a forward proxy and splices each accepted connection to the one local TLS server."""

    def __init__(self, verdict: Callable[[str], tuple[int, str]], tls_port: int) -> None:
        """Take what decides on a host name (200 and the service, or another status and why) and where TLS listens."""
        self._verdict = verdict
        self._tls_port = tls_port
        self._server: asyncio.Server | None = None
        self._connections: set[_Client] = set()

    async def start(self, sock: socket.socket) -> None:
        """Listen on a bound socket."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), sock=sock)

    async def stop(self) -> None:
        """Close the listener and every spliced connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
        if self._server is not None:
            await self._server.wait_closed()

    def judge(self, head: bytes) -> tuple[int, str]:
        """Return the status that a request's head deserves, and why."""
        method, _, rest = head.decode("latin-1").partition("\r\n")[0].partition(" ")
        target = rest.partition(" ")[0]
        if method != "CONNECT":
            return 405, f"this proxy takes CONNECT only, not {method}"
        host, _, port = target.rpartition(":")
        if port != "443":
            return 403, f"{target}: only port 443 is played"
        return self._verdict(host.lower())

    async def dial(self, client: _Client) -> _Upstream:
        """Open the connection to the local TLS server for a client."""
        loop = asyncio.get_running_loop()
        _, upstream = await loop.create_connection(lambda: _Upstream(client), "127.0.0.1", self._tls_port)
        return upstream

    def opened(self, connection: _Client) -> None:
        """Remember an open connection."""
        self._connections.add(connection)

    def closed(self, connection: _Client) -> None:
        """Forget a closed connection."""
        self._connections.discard(connection)


class _Splice(asyncio.Protocol):
    """One side of a spliced connection; what it reads is written to its peer."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: _Splice | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, with Nagle off."""
        if isinstance(transport, asyncio.Transport):  # always; the base class is only how asyncio declares it
            self.transport = transport
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Acknowledge at once and pass on."""
        if self.transport and QUICKACK is not None:
            with contextlib.suppress(OSError):  # the other end may be gone already
                self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        if self.peer and self.peer.transport:
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        """Read no more from the peer while this side cannot keep up."""
        if self.peer and self.peer.transport:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read from the peer again."""
        if self.peer and self.peer.transport:
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other side too: abruptly if this one was cut."""
        if self.peer and self.peer.transport:
            if exc:
                self.peer.transport.abort()
            else:
                self.peer.transport.close()

    def close(self) -> None:
        """Close this side."""
        if self.transport:
            self.transport.close()


class _Upstream(_Splice):
    """The side towards the local TLS server."""

    def __init__(self, client: _Client) -> None:
        super().__init__()
        self.peer = client


class _Client(_Splice):
    """The side towards the client: reads the CONNECT request first."""

    def __init__(self, front: Front) -> None:
        super().__init__()
        self._front = front
        self._head = b""
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        super().connection_made(transport)
        self._front.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection."""
        self._front.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Collect the head, then splice; what comes while dialling waits with the head."""
        if self.peer:
            super().data_received(data)
            return
        self._head += data
        direct = self._head.startswith(TLS_HANDSHAKE)
        if self._dialling is None and (direct or b"\r\n\r\n" in self._head or len(self._head) > HEAD_LIMIT):
            work = self._splice() if direct else self._connect()
            self._dialling = asyncio.get_running_loop().create_task(work)

    async def _connect(self) -> None:
        """Answer the CONNECT and, if the name is played, start splicing."""
        if self.transport is None:
            return
        status, reason = self._front.judge(self._head)
        if status != 200:
            log.warning("refused (%d): %s", status, reason)
            text = f"localazure: {reason}\n"
            answer = f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
            self.transport.write(f"{answer}Connection: close\r\n\r\n{text}".encode("latin-1", "replace"))
            self.transport.close()
            return
        self._head = self._head.partition(b"\r\n\r\n")[2]
        await self._splice(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def _splice(self, answer: bytes = b"") -> None:
        """Dial the TLS server, answer the client, and pass on what it has sent meanwhile."""
        if self.transport is None:
            return
        try:
            upstream = await self._front.dial(self)
        except OSError:  # the whole is being stopped
            self.transport.close()
            return
        self.transport.write(answer)
        early, self._head = self._head, b""
        self.peer = upstream
        if early and upstream.transport:
            upstream.transport.write(early)
        if self.transport.is_closing() and upstream.transport:
            upstream.transport.close()
