"""Listening sockets on loopback; a taken port is named."""

from __future__ import annotations

import socket


class PortTakenError(Exception):
    """A port is in use; the text says which, and for what it was wanted."""


def listen(what: str, port: int) -> socket.socket:
    """Return a bound socket on 127.0.0.1; port 0 takes a free one. Raises PortTakenError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise PortTakenError(f"port {port} ({what}) is taken: end what listens there, or use --free-ports") from error
    sock.setblocking(False)
    return sock


def port_of(sock: socket.socket) -> int:
    """Return the port that a socket listens on."""
    port: int = sock.getsockname()[1]
    return port
