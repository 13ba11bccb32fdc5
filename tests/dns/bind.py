"""BIND as a small internet on loopback: root, a top-level domain, zones of two authoritative servers each, and a validating resolver.

All are reached on one port of three loopback addresses, to which BIND also sends (its option `port`), so that it follows delegations from
the root as on port 53.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from localazure.debian import program
from tests.dns.relay import Relay, relay

PACKAGES = (
    "bind9", "bind9-libs", "libfstrm0", "libjemalloc2", "libjson-c5", "liblmdb0", "libmaxminddb0", "libnghttp2-14", "libprotobuf-c1",
    "libuv1|libuv1t64", "|liburcu8t64",
)  # fmt: skip
PRIMARY, SECONDARY, RECURSIVE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
KEY = "perennial."
ZONE = "corp.test"  # takes updates signed by the key, at its primary; the other server copies it
VALIDATION = "validation.test"  # likewise
FROZEN = "frozen.test"  # takes none
BOGUS = "bogus.test"  # the resolver trusts a key for it that it does not have
START_SECONDS = 20.0

HEAD = """$TTL 60
@ IN SOA ns1.servers.test. hostmaster.servers.test. 1 60 60 600 1
@ IN NS ns1.servers.test.
"""
SECOND = "@ IN NS ns2.servers.test.\n"
ZONES: Mapping[str, str] = {
    ".": "",
    # So that the parent names zones that exist, and one that nobody serves.
    "test": """servers IN NS ns1.servers
corp IN NS ns1.servers
corp IN NS ns2.servers
validation IN NS ns1.servers
validation IN NS ns2.servers
frozen IN NS ns1.servers
bogus IN NS ns1.servers
silent IN NS ns1.servers
silent IN NS ns9.servers
lame IN NS ns2.servers
ns1.servers IN A 127.0.0.1
ns2.servers IN A 127.0.0.2
ns9.servers IN A 127.0.0.9
orphan IN TXT "a name in the parent zone"
""",
    "servers.test": """ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.2
ns9 IN A 127.0.0.9
""",
    ZONE: SECOND
    + """@ IN CAA 0 issue "ca.example"
@ IN CAA 0 issuewild ";"
strict IN CAA 128 issue "other.example; policy=ev"
lent IN CNAME strict
www IN A 192.0.2.1
_acme-challenge.shop IN CNAME shop.validation.test.
_acme-challenge.far IN CNAME hop.corp.test.
hop IN CNAME far.validation.test.
round IN CNAME trip
trip IN CNAME round
astray IN CNAME nowhere.elsewhere.test.
mute IN CNAME name.silent.test.
lame IN CNAME www.bogus.test.
""",
    VALIDATION: SECOND,
    FROZEN: "",
    BOGUS: 'www IN TXT "unsigned"\n',
    "lame.test": "@ IN NS ns2.servers.test.\n",
    "silent.test": "@ IN NS ns9.servers.test.\n",
}
UPDATED = (ZONE, VALIDATION)


@dataclass(frozen=True, slots=True)
class Bind:
    """The running servers."""

    port: int
    secret: str  # of the key, base64
    behind: Mapping[str, int]  # where the server of each address really listens, on 127.0.0.1
    relays: Mapping[str, Relay]

    @property
    def resolver(self) -> str:
        """The resolver, as the setting PERENNIAL_DNS_SERVERS names one."""
        return f"{RECURSIVE}:{self.port}"

    def txt(self, name: str, server: str = PRIMARY) -> list[str]:
        """Return the TXT values that an authoritative server serves, sorted."""
        query = dns.message.make_query(name, "TXT", flags=0)
        response = dns.query.tcp(query, server, timeout=5, port=self.port)
        return sorted(b"".join(rdata.strings).decode() for rrset in response.answer for rdata in rrset)

    @contextlib.contextmanager
    def silence(self, server: str) -> Iterator[None]:
        """Let a server (not the primary) give no answer within the block."""
        self.relays[server].silent = True
        try:
            yield
        finally:
            self.relays[server].silent = False


@contextlib.contextmanager
def running() -> Iterator[Bind]:
    """Run the servers; they end with the block. Raises localazure.debian.Missing."""
    named = program("named", *PACKAGES)
    with tempfile.TemporaryDirectory(prefix="perennial-bind-") as name, contextlib.ExitStack() as stack:
        sockets = _one_port()
        port: int = sockets[PRIMARY][0].getsockname()[1]
        behind = {PRIMARY: port, SECONDARY: _free(), RECURSIVE: _free()}
        relays: dict[str, Relay] = {}
        for sock in sockets[PRIMARY]:
            sock.close()
        for address in (SECONDARY, RECURSIVE):
            relays[address] = stack.enter_context(relay(sockets[address], behind[address]))
        bind = Bind(port, b64encode(secrets.token_bytes(32)).decode(), behind, relays)
        for address, config in _configurations(bind).items():
            folder = Path(name) / address
            folder.mkdir()
            (folder / "named.conf").write_text(config.replace("FOLDER", str(folder)))
            _write_zones(folder)
            command = [str(named.path), "-g", "-n", "1", "-c", str(folder / "named.conf")]
            stack.enter_context(_child(command, named.environment, folder))
        for address in behind:
            _await(address, port, Path(name) / address / "log.txt")
        yield bind


@contextlib.contextmanager
def _child(command: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    with (folder / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _configurations(bind: Bind) -> dict[str, str]:
    key = f'key "{KEY}" {{ algorithm hmac-sha256; secret "{bind.secret}"; }};\n'
    update = f"update-policy {{ grant {KEY} zonesub TXT; }};"
    also = f"also-notify {{ 127.0.0.1 port {bind.behind[SECONDARY]}; }};"
    primary = _options(bind, PRIMARY, "recursion no; notify explicit; notify-delay 0;") + key
    for zone in ZONES:
        more = f"{update} {also}" if zone in UPDATED else ""
        primary += f'zone "{zone}" {{ type primary; file "{_file(zone)}"; {more} }};\n'
    secondary = _options(bind, SECONDARY, "recursion no; notify no; allow-notify { any; };")
    for zone in UPDATED:
        primaries = f"primaries {{ {PRIMARY} port {bind.port}; }};"
        secondary += f'zone "{zone}" {{ type secondary; file "copy.{_file(zone)}"; {primaries} }};\n'
    recursive = _options(bind, RECURSIVE, "recursion yes; dnssec-validation yes; max-cache-ttl 1; max-ncache-ttl 1;")
    recursive += 'zone "." { type hint; file "hints"; };\n'
    # The root has no key here, and this is the digest of none.
    recursive += f'trust-anchors {{ "{BOGUS}." static-ds 12345 13 2 "{"ab" * 32}"; }};\n'
    return {PRIMARY: primary, SECONDARY: secondary, RECURSIVE: recursive}


def _options(bind: Bind, address: str, more: str) -> str:
    return f"""options {{
  directory "FOLDER"; pid-file none; session-keyfile "FOLDER/session.key"; managed-keys-directory "FOLDER"; bindkeys-file "FOLDER/none";
  listen-on port {bind.behind[address]} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; port {bind.port};
  allow-query {{ any; }}; allow-transfer {{ any; }}; empty-zones-enable no; {more}
}};
controls {{ }};
"""


def _write_zones(folder: Path) -> None:
    for zone, records in ZONES.items():
        delegated = "test. IN NS ns1.servers.test.\nns1.servers.test. IN A 127.0.0.1\n" if zone == "." else ""
        (folder / _file(zone)).write_text(HEAD + records + delegated)
    (folder / "hints").write_text(". 3600 IN NS ns1.servers.test.\nns1.servers.test. 3600 IN A 127.0.0.1\n")


def _file(zone: str) -> str:
    return "root.zone" if zone == "." else f"{zone}.zone"


def _one_port() -> dict[str, tuple[socket.socket, socket.socket]]:
    """Return sockets (TCP, UDP) on one port of every address."""
    for _ in range(50):
        taken: dict[str, tuple[socket.socket, socket.socket]] = {}
        port = 0
        try:
            for address in (PRIMARY, SECONDARY, RECURSIVE):
                tcp, udp = (socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
                taken[address] = tcp, udp
                tcp.bind((address, port))
                port = tcp.getsockname()[1]
                udp.bind((address, port))
        except OSError:
            for sock in (sock for pair in taken.values() for sock in pair):
                sock.close()
            continue
        return taken
    raise OSError("no port is free on 127.0.0.1, .2 and .3, for UDP and TCP")


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _await(address: str, port: int, log: Path) -> None:
    """Return when a server answers, and has copied what it copies."""
    until, pause = time.monotonic() + START_SECONDS, threading.Event()
    name = VALIDATION if address != PRIMARY else "test"
    while time.monotonic() < until:
        with contextlib.suppress(dns.exception.DNSException, OSError, EOFError):
            response = dns.query.udp(dns.message.make_query(name, "SOA"), address, timeout=1, port=port)
            if response.rcode() == dns.rcode.NOERROR and response.answer:
                return
        pause.wait(0.05)
    raise OSError(f"named on {address} does not answer: {log.read_text(errors='replace')[-800:]}")
