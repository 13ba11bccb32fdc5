"""TXT values in any zone that takes dynamic updates (RFC 2136), signed with TSIG (RFC 8945), over TCP.

An update adds or removes exactly one record, so values of others need no reading.
"""

from __future__ import annotations

import socket
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perennial.dns.needs import Option, ProviderKind, Tools, secret_name, whole_number
from perennial.errors import DnsError
from perennial.model.answers import one_line
from perennial.model.zones import ZoneSetting
from perennial.ports.dns import ZoneProvider

if TYPE_CHECKING:
    from dns.message import Message
    from dns.tsig import Key
    from dns.update import UpdateMessage

TTL = 60  # seconds
SECONDS = 8.0  # for the whole exchange
ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1", "hmac-md5")


@dataclass(frozen=True, slots=True)
class UpdatedZone:
    """A ZoneProvider over one zone at its primary server."""

    setting: ZoneSetting
    secret: Callable[[str], str]
    seconds: float = SECONDS

    def present(self, name: str, value: str) -> None:
        """Add a record; one that is there stays one (RFC 2136 §3.4.2.2)."""
        update = self._update()
        update.add(_absolute(name), self._ttl, _txt(value))
        self._send(update)

    def clean(self, name: str, value: str) -> None:
        """Remove that record; none is no error (RFC 2136 §3.4.2.4)."""
        update = self._update()
        update.delete(_absolute(name), _txt(value))
        self._send(update)

    @property
    def _ttl(self) -> int:
        return int(self.setting.options.get("ttl") or TTL)

    def _update(self) -> UpdateMessage:
        from dns.update import UpdateMessage

        return UpdateMessage(_absolute(self.setting.zone), keyring=self._key())

    def _key(self) -> Key:
        from dns.tsig import Key

        name = f"PERENNIAL_SECRET_{self.setting.options['secret']}"
        text = self.secret(self.setting.options["secret"]).strip()
        if not text:
            raise DnsError(
                "dns-refused", f"the app setting {name} is not set", fix=f"put the TSIG key (base64) into {name}"
            )
        try:
            return Key(self.setting.options["key"], text, self.setting.options.get("algorithm") or ALGORITHMS[0])
        except (NotBase64, ValueError):
            # Without the cause: its text may quote the secret.
            raise DnsError("dns-refused", f"the app setting {name} is no TSIG key", fix="give it as base64") from None

    def _send(self, update: UpdateMessage) -> None:
        import dns.exception
        import dns.query

        host, port = self._server()
        try:
            answer = dns.query.tcp(update, _address(host), timeout=self.seconds, port=port)
        except (OSError, EOFError) as error:
            raise self._down(f"{host} port {port} gave no answer: {error or type(error).__name__}") from error
        except dns.exception.DNSException as error:
            raise self._misunderstood(error) from error
        self._judge(answer)

    def _server(self) -> tuple[str, int]:
        host, port = host_and_port(self.setting.options["server"])
        return host, int(self.setting.options.get("port") or port)

    def _judge(self, answer: Message) -> None:
        """Raise what an answer refuses (RFC 2136 §2.2)."""
        import dns.rcode

        rcode = answer.rcode()
        if rcode == dns.rcode.NOERROR:
            return
        key, zone = self.setting.options["key"], self.setting.zone
        what = f"{self.setting.options['server']}, zone {zone}: {dns.rcode.to_text(rcode)} to an update signed by {key}"
        match rcode:
            case dns.rcode.REFUSED:
                fix = f"let the key {key} update TXT records of {zone} (BIND: update-policy {{ grant {key} zonesub TXT; }};)"
                raise DnsError("dns-refused", what, fix=fix)
            case dns.rcode.NOTAUTH | dns.rcode.NOTZONE:
                fix = f"name the primary server of {zone}, and the zone as the server knows it, in PERENNIAL_ZONES"
                raise DnsError("dns-refused", what, fix=fix)
            case dns.rcode.SERVFAIL:
                raise self._down(what)
        raise DnsError("dns-refused", what, fix=f"look into the server's log for the update of {zone}")

    def _misunderstood(self, error: Exception) -> DnsError:
        """Return what an answer that could not be taken means: mostly a TSIG that one side does not accept (RFC 8945 §5.2)."""
        import dns.exception
        import dns.message
        import dns.tsig

        key, server = self.setting.options["key"], self.setting.options["server"]
        what = one_line(f"{server}, zone {self.setting.zone}: {type(error).__name__}: {error}")
        match error:
            case dns.exception.Timeout():
                return self._down(f"{server} gave no answer in {self.seconds:g} s")
            case dns.tsig.PeerBadTime() | dns.tsig.BadTime():
                return DnsError(
                    "dns-refused", what, fix=f"set the clock of {server}: it differs by more than five minutes"
                )
            case dns.tsig.PeerBadKey() | dns.message.UnknownTSIGKey() | dns.tsig.BadKey() | dns.tsig.BadAlgorithm():
                fix = f"give {server} the key {key}, under this very name and algorithm, or correct them in PERENNIAL_ZONES"
                return DnsError("dns-refused", what, fix=fix)
            case dns.tsig.PeerBadSignature() | dns.tsig.BadSignature() | dns.tsig.PeerBadTruncation():
                fix = (
                    f"put the secret of {key} as {server} has it into PERENNIAL_SECRET_{self.setting.options['secret']}"
                )
                return DnsError("dns-refused", what, fix=fix)
        return self._down(what)

    def _down(self, what: str) -> DnsError:
        return DnsError("dns-down", what, fix="see that the server runs and that the app can reach it over TCP")


def host_and_port(text: str) -> tuple[str, int]:
    """Split `host`, `host:port`, `[v6]` or `[v6]:port`. Raises ValueError."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(text)
        port = rest[1:]
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError(text)
    return host, int(port or 53)


def _address(host: str) -> str:
    """Return an address of a host, or raise OSError."""
    return str(socket.getaddrinfo(host, 53, type=socket.SOCK_STREAM)[0][4][0])


def _absolute(name: str) -> str:
    return f"{name}."


def _txt(value: str) -> object:
    from dns.rdataclass import IN
    from dns.rdatatype import RdataType
    from dns.rdtypes.ANY.TXT import TXT

    return TXT(IN, RdataType.TXT, [value.encode()])


def _make(setting: ZoneSetting, tools: Tools) -> ZoneProvider:
    return UpdatedZone(setting, tools.secret)


def _server_fault(value: str) -> str:
    try:
        host_and_port(value)
    except ValueError:
        return "is no host, and no host:port"
    return ""


def _algorithm_fault(value: str) -> str:
    return "" if value in ALGORITHMS else f"is none of {', '.join(ALGORITHMS)}"


KIND = ProviderKind(
    make=_make,
    options={
        "server": Option(what="the primary server, as host or host:port", wrong=_server_fault),
        "key": Option(what="the name of the TSIG key"),
        "secret": Option(
            what="the name of the setting PERENNIAL_SECRET_… with the TSIG key's secret", wrong=secret_name
        ),
        "algorithm": Option(what="the TSIG algorithm", needed=False, wrong=_algorithm_fault),
        "port": Option(what="the server's TCP port", needed=False, wrong=whole_number(1, 65535)),
        "ttl": Option(what="seconds", needed=False, wrong=whole_number(1, 2**31 - 1)),
    },
)
