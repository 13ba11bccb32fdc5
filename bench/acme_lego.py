"""lego, the ACME client that others use, renewing the same names at the same CA; and what counts questions to the DNS."""

from __future__ import annotations

import json
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.local import TookTooLongError
from localazure.client import LocalAzure
from localazure.install_pebble import find
from localazure.pebble import Pebble

BOUND = 60.0  # seconds for one run of lego
UPSTREAM = 5.0  # seconds for an answer of the DNS server
LARGEST = 65535  # bytes of a datagram


@dataclass(slots=True)
class Relay:
    """A DNS server that passes questions on (UDP), and counts them."""

    server: tuple[str, int]
    address: str = ""
    questions: int = 0

    def answer(self, question: bytes) -> bytes:
        """Ask the server; empty where it gives no answer, as a datagram that is lost."""
        self.questions += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out, suppress(OSError):
            out.settimeout(UPSTREAM)
            out.sendto(question, self.server)
            return out.recv(LARGEST)
        return b""


@contextmanager
def relay(server: str) -> Iterator[Relay]:
    """Run a relay in front of a DNS server (127.0.0.1:PORT)."""
    host, _, port = server.partition(":")
    passes = Relay((host, int(port)))

    class Question(socketserver.BaseRequestHandler):
        """One datagram."""

        def handle(self) -> None:
            """Pass it on, and its answer back."""
            wire, sock = self.request
            if reply := passes.answer(wire):
                sock.sendto(reply, self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Question) as running:
        passes.address = f"127.0.0.1:{running.server_address[1]}"
        with _served(running):
            yield passes


@dataclass(slots=True)
class Hook:
    """Writes TXT values for lego, by its provider `httpreq`: POST /present and /cleanup with fqdn and value."""

    azure: LocalAzure
    zone: str
    url: str = ""
    calls: int = 0
    values: dict[str, list[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, path: str, fqdn: str, value: str) -> None:
        """Add a value or take it away."""
        with self.lock:
            self.calls += 1
            found = self.values.setdefault(fqdn.rstrip(".").removesuffix(f".{self.zone}"), [])
            if path == "/present":
                found.append(value)
            elif value in found:
                found.remove(value)
            records = {name: {"TXT": [f'"{one}"' for one in values]} for name, values in self.values.items() if values}
            self.azure.dns.zone(self.zone, records=records)


@contextmanager
def hook(azure: LocalAzure, zone: str) -> Iterator[Hook]:
    """Take lego's orders for a zone of the local Azure."""
    writes = Hook(azure, zone)

    class Order(BaseHTTPRequestHandler):
        """One request of lego's."""

        def do_POST(self) -> None:
            """Carry it out."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            writes.write(self.path, body["fqdn"], body["value"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Order) as running:
        writes.url = f"http://127.0.0.1:{running.server_address[1]}"
        with _served(running):
            yield writes


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True)
class Lego:
    """lego with a folder, in which it keeps account, keys and certificates."""

    folder: Path
    names: Sequence[str]
    ca: Pebble
    dns: Relay
    hook: Hook

    def run(self, *command: str) -> None:
        """Run a command to its end. Raises Missing where lego cannot be had, TookTooLongError where it fails."""
        lego = find("lego")
        options = ["--server", self.ca.directory, "--email", "bench@example.com", "--accept-tos"]
        options += ["--path", str(self.folder), "--dns", "httpreq", "--dns.disable-cp"]  # it would ask port 53
        options += ["--dns.resolvers", self.dns.address, *(f"--domains={name}" for name in self.names)]
        variables = {
            **lego.environment,
            "LEGO_CA_CERTIFICATES": str(self.ca.ca),
            "HTTPREQ_ENDPOINT": self.hook.url,
            "NO_PROXY": "127.0.0.1",
        }
        try:
            done = subprocess.run(
                [lego.path, *options, *command],
                env=variables,
                capture_output=True,
                text=True,
                check=False,
                timeout=BOUND,
            )
        except subprocess.TimeoutExpired as late:
            raise TookTooLongError(f"lego {command[0]} did not end in {BOUND:.0f} s") from late
        if done.returncode:
            raise TookTooLongError(f"lego {command[0]}: {' '.join(done.stderr.split())[-300:]}")
