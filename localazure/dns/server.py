"""A DNS server over UDP and TCP on one port of loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import dns.exception
import dns.flags
import dns.message
import dns.rcode

from localazure.dns.answers import answer
from localazure.dns.zones import Zones
from localazure.ports import PortTakenError, listen, port_of

PLAIN_UDP = 512  # bytes of a datagram without EDNS (RFC 1035 §4.2.1)
ATTEMPTS = 20  # to find a port that is free for both


def take(port: int) -> tuple[socket.socket, socket.socket]:
    """Return bound sockets for TCP and UDP on one port; 0 takes a free one. Raises PortTakenError."""
    for _ in range(ATTEMPTS if port == 0 else 1):
        tcp = listen("DNS", port)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(("127.0.0.1", port_of(tcp)))
        except OSError:
            tcp.close()
            udp.close()
            continue
        udp.setblocking(False)
        return tcp, udp
    raise PortTakenError(f"port {port} (DNS, UDP) is taken: end what listens there, or use --free-ports")


class DnsServer:
    """Serves the zones."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None

    async def start(self, tcp: socket.socket, udp: socket.socket) -> None:
        """Listen on bound sockets."""
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._converse, sock=tcp)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=udp)

    async def stop(self) -> None:
        """Close both."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            self._tcp.close_clients()
            await self._tcp.wait_closed()

    def reply(self, wire: bytes, limit: int | None) -> bytes | None:
        """Answer a message; None: it was none. Over UDP an answer beyond the limit says only that it is cut (RFC 2181 §9)."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR:
            return None
        response = answer(query, self._zones)
        size = 65535 if limit is None else max(limit, query.payload if query.edns >= 0 else 0)
        try:
            return response.to_wire(max_size=size)
        except dns.exception.TooBig:
            cut = dns.message.make_response(query, recursion_available=True)
            cut.flags |= dns.flags.TC
            return cut.to_wire()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the messages of one connection, each behind its length (RFC 1035 §4.2.2)."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await reader.readexactly(2))
                reply = self.reply(await reader.readexactly(length), None)
                if reply is None:
                    break
                writer.write(len(reply).to_bytes(2) + reply)
                await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.DatagramTransport):
            self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram."""
        reply = self._server.reply(data, PLAIN_UDP)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)
