"""All of DNS that is played: zones, Resource Manager's calls to them, the server, and the orders of the management port."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime

from localazure.dns.arm import ResourceManager
from localazure.dns.orders import DnsManagement
from localazure.dns.server import DnsServer, take
from localazure.dns.zones import Zones
from localazure.identity import ManagedIdentities
from localazure.ports import port_of
from localazure.tokens import Tokens


class LocalDns:
    """Azure DNS on this machine."""

    def __init__(self, tokens: Tokens, identities: ManagedIdentities, clock: Callable[[], datetime]) -> None:
        zones = Zones(clock)
        self.resource_manager = ResourceManager(tokens, zones)
        self.management = DnsManagement(zones, self.resource_manager, identities)
        self._server = DnsServer(zones)
        self._sockets: tuple[socket.socket, socket.socket] | None = None

    def take_port(self, port: int) -> int:
        """Bind the port for UDP and TCP; 0 takes a free one. Raises PortTakenError."""
        self._sockets = take(port)
        return port_of(self._sockets[0])

    async def start(self) -> None:
        """Serve on the port that was taken."""
        if self._sockets is not None:
            await self._server.start(*self._sockets)

    async def stop(self) -> None:
        """Stop serving, and leave the port."""
        await self._server.stop()
        for sock in self._sockets or ():
            sock.close()
