"""A second loopback address for a DNS server: BIND listens on addresses of interfaces alone, and 127.0.0.2 is none. It can also fall silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

PATIENCE = 10.0  # seconds for the server behind it


@dataclass(slots=True)
class Relay:
    """Passes each message on, and the answer back."""

    udp: socket.socket
    tcp: socket.socket
    behind: tuple[str, int]
    silent: bool = False
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Serve both sockets, each in a thread."""
        for sock, serve in ((self.udp, self._datagrams), (self.tcp, self._connections)):
            sock.settimeout(0.1)
            self._begin(serve)

    def stop(self) -> None:
        """Stop serving and close the sockets."""
        self._stopping.set()
        for thread in list(self._threads):
            thread.join()
        self.udp.close()
        self.tcp.close()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _datagrams(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                wire, client = self.udp.recvfrom(65535)
                self._begin(partial(self._pass_datagram, wire, client))

    def _pass_datagram(self, wire: bytes, client: tuple[str, int]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as onward, contextlib.suppress(OSError):
            onward.settimeout(PATIENCE)
            onward.connect(self.behind)
            if not self.silent:
                onward.send(wire)
                self.udp.sendto(onward.recv(65535), client)

    def _connections(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self.tcp.accept()
                self._begin(partial(self._pass_connection, client))

    def _pass_connection(self, client: socket.socket) -> None:
        """Pass one question and its answer, each behind its length (RFC 1035 §4.2.2)."""
        with client, contextlib.suppress(OSError):
            client.settimeout(PATIENCE)
            with socket.create_connection(self.behind, PATIENCE) as onward:
                if not self.silent:
                    onward.sendall(_message(client))
                    client.sendall(_message(onward))


def _message(sock: socket.socket) -> bytes:
    length = _exactly(sock, 2)
    return length + _exactly(sock, int.from_bytes(length))


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


@contextlib.contextmanager
def relay(sockets: tuple[socket.socket, socket.socket], port: int) -> Iterator[Relay]:
    """Relay from bound sockets (TCP, UDP) to a port of 127.0.0.1."""
    tcp, udp = sockets
    tcp.listen(16)
    running = Relay(udp, tcp, ("127.0.0.1", port))
    running.start()
    try:
        yield running
    finally:
        running.stop()
