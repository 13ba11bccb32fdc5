"""Pebble (Let's Encrypt's small test CA) and its challenge test server on free ports, with a front that adds what Debian's lacks."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import urllib3

from localazure.aside import Aside, aside
from localazure.children import Child
from localazure.client import LocalAzureError, await_until
from localazure.environment import Ready
from localazure.install_pebble import find
from localazure.pebblefront import PebbleFront
from localazure.ports import listen, port_of
from localazure.serve import serve
from localazure.tls import CertificateAuthority

START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Trust:
    """A certificate for 127.0.0.1, its key, and the CA that signed it."""

    certificate: Path
    key: Path
    ca: Path

    @classmethod
    def of(cls, ready: Ready) -> Trust:
        """Return what a local Azure has, so that its environment's REQUESTS_CA_BUNDLE trusts Pebble too."""
        return cls(Path(ready.certificate), Path(ready.key), Path(ready.ca))

    @classmethod
    def made_in(cls, folder: Path) -> Trust:
        """Return one of a throw-away CA of its own."""
        authority, made = CertificateAuthority(), cls(folder / "leaf.pem", folder / "leaf.key", folder / "ca.pem")
        authority.write_ca(made.ca)
        authority.write_leaf(made.certificate, made.key)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How Pebble behaves, by the environment variables of its own."""

    nonce_refusal: int = 0  # per cent of good nonces that are refused (PEBBLE_WFE_NONCEREJECT; its own default is 5)
    validation_seconds: int = 0  # less than so many, drawn anew each time (PEBBLE_VA_SLEEPTIME); 0: PEBBLE_VA_NOSLEEP
    authorization_reuse: int = 0  # per cent (PEBBLE_AUTHZREUSE)
    always_valid: bool = False  # PEBBLE_VA_ALWAYS_VALID: no DNS is asked
    alternate_roots: int = 0
    eab: Mapping[str, str] = field(default_factory=dict)  # key id to HMAC key (base64url); not empty: needed

    def variables(self) -> dict[str, str]:
        """Return the environment variables."""
        slow = {"PEBBLE_VA_SLEEPTIME": str(self.validation_seconds)} if self.validation_seconds else {}
        return {
            "PEBBLE_WFE_NONCEREJECT": str(self.nonce_refusal),
            "PEBBLE_AUTHZREUSE": str(self.authorization_reuse),
            "PEBBLE_ALTERNATE_ROOTS": str(self.alternate_roots),
            "PEBBLE_VA_ALWAYS_VALID": "1" if self.always_valid else "0",
            **(slow or {"PEBBLE_VA_NOSLEEP": "1"}),
        }


class Pebble:
    """A running Pebble."""

    def __init__(self, front: PebbleFront, port: int, management: int, trust: Trust) -> None:
        self._front, self._management = front, management
        self.dns = ""  # the DNS server that it asks, 127.0.0.1:PORT
        self.challenge_management: int | None = None  # the port that the challenge test server takes orders on
        self.directory = f"https://127.0.0.1:{port}/dir"
        self.ca = trust.ca  # what a client must trust: REQUESTS_CA_BUNDLE
        self._http = urllib3.PoolManager(ca_certs=str(trust.ca), retries=False, timeout=10)

    def requests(self) -> dict[str, int]:
        """Return how many requests of each kind it had since they were last cleared."""
        return dict(self._front.requests)

    def clear_requests(self) -> None:
        """Count anew."""
        self._front.requests.clear()

    def replaced(self) -> list[str]:
        """Return the ids (RFC 9773 §4.1) of the certificates that orders said that they replace."""
        return [name for name, one in self._front.issued.items() if one.replaced_by]

    def set_window(self, start: datetime, end: datetime, *, only: str = "") -> None:
        """Answer questions about renewal with this window: about one certificate, by its id (RFC 9773 §4.1), or about all."""
        self._front.window, self._front.window_of = (start, end), only

    def ask_again(self, seconds: int) -> None:
        """Let clients ask for a window again after so many seconds."""
        self._front.again = seconds

    def clear_window(self) -> None:
        """Answer each certificate's own window again."""
        self._front.window = None

    def roots(self) -> str:
        """Return the root of the default chain as PEM; Pebble makes a new one at every start."""
        return self._http.request("GET", f"https://127.0.0.1:{self._management}/roots/0").data.decode()

    def set_txt(self, name: str, value: str) -> None:
        """Add a TXT value at a name, in the challenge test server."""
        self._challenge("set-txt", {"host": f"{name.rstrip('.')}.", "value": value})

    def clear_txt(self, name: str) -> None:
        """Take all TXT values at a name away."""
        self._challenge("clear-txt", {"host": f"{name.rstrip('.')}."})

    def set_alias(self, name: str, target: str) -> None:
        """Add a CNAME."""
        self._challenge("set-cname", {"host": f"{name.rstrip('.')}.", "target": f"{target.rstrip('.')}."})

    def _challenge(self, path: str, body: Mapping[str, str]) -> None:
        if self.challenge_management is None:
            raise LocalAzureError("this Pebble asks another DNS server, so it has no challenge test server")
        answer = self._http.request(
            "POST", f"http://127.0.0.1:{self.challenge_management}/{path}", body=json.dumps(body)
        )
        if answer.status != 200:
            raise LocalAzureError(f"the challenge test server refused {path}: {answer.status}")

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()


@contextlib.contextmanager
def pebble(manner: Manner = Manner(), *, dns: str | None = None, trust: Trust | None = None) -> Iterator[Pebble]:
    """Run Pebble; it asks the challenge test server, or the DNS server `dns` (127.0.0.1:PORT). Raises Missing, LocalAzureError."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pebble-")))
        kept, loop = trust or Trust.made_in(folder), stack.enter_context(aside())
        nursery = _Nursery(folder, loop, stack)
        challenges = None
        if dns is None:
            dns, challenges = nursery.start_challenges()
        port, management = _free_port(), _free_port()
        config = _config(folder, kept, manner, port, management)
        command = ["-config", str(config), "-dnsserver", dns, "-strict"]
        nursery.start("pebble", command, manner.variables(), port)
        front = PebbleFront(port, ssl.create_default_context(cafile=kept.ca))
        running = Pebble(front, nursery.serve(front, kept), management, kept)
        running.dns, running.challenge_management = dns, challenges
        stack.callback(running.close)
        yield running


@dataclass(frozen=True, slots=True)
class _Nursery:
    """Starts what ends with the stack."""

    folder: Path
    loop: Aside
    stack: contextlib.ExitStack

    def start(self, name: str, options: list[str], variables: Mapping[str, str], port: int) -> None:
        """Start a program and wait until it listens. Raises LocalAzureError with its last words."""
        program, log = find(name), self.folder / f"{name}.log"
        command: list[str | Path] = ["/bin/sh", "-c", 'exec "$0" "$@" >"$LOG" 2>&1', program.path, *options]
        child = self.loop.run(Child.start(name, command, {**program.environment, **variables, "LOG": str(log)}))
        self.stack.callback(lambda: self.loop.run(child.stop()))

        def listens() -> bool:
            """Tell whether the port takes connections."""
            if child.process.returncode is not None:
                words = " | ".join(log.read_text(errors="replace").splitlines()[-3:])
                raise LocalAzureError(f"{name} ended with code {child.process.returncode}: {words}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False

        await_until(listens, START_SECONDS)

    def start_challenges(self) -> tuple[str, int]:
        """Start the challenge test server; return its DNS address and its management port."""
        dns, management = _free_port(), _free_port()
        off = [f"-{one}=" for one in ("http01", "https01", "tlsalpn01", "defaultIPv6")]
        options = [f"-dns01=127.0.0.1:{dns}", f"-management=127.0.0.1:{management}", *off]
        self.start("pebble-challtestsrv", options, {}, management)
        return f"127.0.0.1:{dns}", management

    def serve(self, front: PebbleFront, trust: Trust) -> int:
        """Serve the front; return its port."""
        sock, context = listen("Pebble", 0), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(trust.certificate, trust.key)
        runner = self.loop.run(serve(front.handle, sock, context))
        self.stack.callback(lambda: self.loop.run(front.stop()))
        self.stack.callback(lambda: self.loop.run(runner.cleanup()))
        return port_of(sock)


def _config(folder: Path, trust: Trust, manner: Manner, port: int, management: int) -> Path:
    """Write Pebble's configuration."""
    path = folder / "pebble.json"
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(trust.certificate),
        "privateKey": str(trust.key),
        "httpPort": 5002,
        "tlsPort": 5001,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": bool(manner.eab),
        "externalAccountMACKeys": dict(manner.eab),
    }
    path.write_text(json.dumps({"pebble": settings}))
    return path


def _free_port() -> int:
    """Return a port that nobody listens on now."""
    sock = listen("Pebble", 0)
    port = port_of(sock)
    sock.close()
    return port
