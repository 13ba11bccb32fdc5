"""TXT values at an acme-dns server (github.com/joohoi/acme-dns, its HTTP API): one registration is one name, which others point at by CNAME.

The server keeps the last two values of a name, which is what an apex and its wildcard need together, and has no way to remove one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from perennial.dns.needs import Option, ProviderKind, Tools, secret_name
from perennial.errors import DnsError
from perennial.model.answers import one_line, retry_after
from perennial.model.zones import ZoneSetting
from perennial.ports.dns import ZoneProvider

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CONNECT_SECONDS = 4.0
READ_SECONDS = 6.0
LONGEST_ANSWER = 4096  # bytes


@dataclass(frozen=True, slots=True)
class AcmeDnsZone:
    """A ZoneProvider over one registration; the setting's zone is its full domain."""

    setting: ZoneSetting
    secret: Callable[[str], str]
    read_seconds: float = READ_SECONDS

    def present(self, name: str, value: str) -> None:
        """Send the value."""
        if name != self.setting.zone:
            what = f"acme-dns keeps values for {self.setting.zone} itself, not for {name} below it"
            raise DnsError("not-delegated", what, fix=f"let the CNAME end at {self.setting.zone}")
        answer = self._post(json.dumps({"subdomain": self._subdomain, "txt": value}).encode())
        if answer.status != 200:
            raise self._refused(answer)

    def clean(self, name: str, value: str) -> None:
        """Leave it: the server has no removal, and the next two values push it out."""
        del name, value

    @property
    def _subdomain(self) -> str:
        """The registration's subdomain, which is the first label of its full domain unless the option says another."""
        return self.setting.options.get("subdomain") or self.setting.zone.partition(".")[0]

    def _post(self, body: bytes) -> BaseHTTPResponse:
        import urllib3

        options = self.setting.options
        password = self.secret(options["secret"]).strip()
        if not password:
            setting = f"PERENNIAL_SECRET_{options['secret']}"
            raise DnsError(
                "dns-refused", f"the app setting {setting} is not set", fix=f"put the password into {setting}"
            )
        headers = {"X-Api-User": options["user"], "X-Api-Key": password, "Content-Type": "application/json"}
        wait = urllib3.Timeout(connect=CONNECT_SECONDS, read=self.read_seconds)
        # SSL_CERT_FILE holds, as for every client of OpenSSL's defaults.
        with urllib3.PoolManager(retries=False, timeout=wait) as pool:
            try:
                answer = pool.request(
                    "POST",
                    f"{options['api'].rstrip('/')}/update",
                    body=body,
                    headers=headers,
                    redirect=False,
                    preload_content=False,
                )
                answer.read(LONGEST_ANSWER, cache_content=True)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                what = one_line(f"acme-dns at {options['api']} gave no answer: {error}")
                raise DnsError(
                    "dns-down", what, fix="see that the server runs and that the app can reach it"
                ) from error
            else:
                return answer

    def _refused(self, answer: BaseHTTPResponse) -> DnsError:
        said = one_line(
            f"acme-dns, {self.setting.zone}: {answer.status} {answer.data.decode('utf-8', 'replace')}".rstrip()
        )
        wait = retry_after(answer.headers)
        if answer.status in (401, 403):
            fix = f"correct user and secret of {self.setting.zone} in PERENNIAL_ZONES, or the registration's allowfrom"
            return DnsError("dns-refused", said, fix=fix)
        if answer.status == 429:
            return DnsError("dns-throttled", said, fix="nothing: it is tried again", retry_after=wait)
        if answer.status >= 500 or answer.status == 408:
            return DnsError("dns-down", said, fix="see that the acme-dns server works", retry_after=wait)
        return DnsError("dns-refused", said, fix=f"correct api and zone of {self.setting.zone} in PERENNIAL_ZONES")


def _make(setting: ZoneSetting, tools: Tools) -> ZoneProvider:
    return AcmeDnsZone(setting, tools.secret)


def _https(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = (
            parts.scheme == "https" and bool(parts.hostname) and not (parts.username or parts.query or parts.fragment)
        )
        good = good and parts.port != 0
    except ValueError:
        good = False
    return "" if good else "is no https address, such as https://auth.example.com"


KIND = ProviderKind(
    make=_make,
    is_apex=False,
    options={
        "api": Option(what="the https address of the acme-dns server", wrong=_https),
        "user": Option(what="the registration's username"),
        "secret": Option(
            what="the name of the setting PERENNIAL_SECRET_… with the registration's password", wrong=secret_name
        ),
        "subdomain": Option(what="the registration's subdomain", needed=False),
    },
)
