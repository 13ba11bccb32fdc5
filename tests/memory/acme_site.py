"""The real ACME authority with fakes at its ports alone: keys, DNS, tables, and HTTP to a CA in memory. It dies and begins anew with the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from perennial.authorities.acme.authority import AcmeAuthority
from perennial.authorities.needs import Tools
from perennial.model.authority import Account, AuthoritySetting, Usage
from perennial.ports.authority import Authority
from perennial.ports.dns import DnsProvider, Resolver
from perennial.ports.keys import Keys
from perennial.ports.tables import Table, Tables
from tests.memory.acme_ca import Lost, MemoryCa
from tests.memory.acme_orders import EFFECTS
from tests.memory.death import Caller, Watched
from tests.memory.dns import MemoryDns
from tests.memory.keys import MemoryKeys


class Wire(BaseAdapter):
    """HTTP to one CA without a network."""

    def __init__(self, ca: MemoryCa, caller: Caller) -> None:
        super().__init__()
        self._ca = ca
        self._caller = caller

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Ask the CA."""
        method, path = str(request.method), str(request.url).removeprefix(self._ca.base)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        kind = path.split("/")[1]
        effect = method == "POST" and kind in EFFECTS
        try:
            reply = self._caller(f"ca.{kind}", effect=effect, act=lambda: self._ca.request(method, path, bytes(body)))
        except Lost as lost:
            raise requests.ConnectionError("connection reset by peer") from lost
        response = requests.Response()
        response.status_code, response.url, response.request = reply.status, str(request.url), request
        response.headers = CaseInsensitiveDict(reply.headers)
        response._content = reply.body
        return response

    def close(self) -> None:
        """Nothing is open."""


class Site:
    """One CA, our account with it, and the zones in which we prove names to it."""

    def __init__(
        self, setting: AuthoritySetting, ca: MemoryCa, dns: MemoryDns, tables: Callable[[], Tables], caller: Caller
    ) -> None:
        self.setting, self.ca = setting, ca
        self.keys = MemoryKeys()
        self.ports: dict[str, Any] = {"keys": self.keys, "dns": dns, "resolver": dns}  # what a test may spoil
        self._tables, self._caller = tables, caller
        self._made: AcmeAuthority | None = None

    @property
    def authority(self) -> Authority:
        """The authority of the process that is alive."""
        if self._made is None:
            tables = self._tables()
            tools = Tools(
                keys=cast("Keys", self._watched("keys", Keys)),
                dns=cast("DnsProvider", self._watched("dns", DnsProvider)),
                resolver=cast("Resolver", self._watched("resolver", Resolver)),
                accounts=cast("Table[Account]", Watched(self._caller, tables.accounts, Table, "accounts")),
                usages=cast("Table[Usage]", Watched(self._caller, tables.usages, Table, "usages")),
                secret=lambda _: "",
            )
            self._made = AcmeAuthority(self.setting, tools, Wire(self.ca, self._caller))
        return self._made

    def restart(self) -> None:
        """Forget what the process knew."""
        self._made = None

    def _watched(self, name: str, protocol: type) -> Watched:
        return Watched(self._caller, self.ports[name], protocol, name)
