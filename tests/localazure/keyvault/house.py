"""A Key Vault stand-in that runs in a thread, asked over HTTP by tests that never wait: its clock is moved."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from localazure.keyvault import KeyVaults, Pace, Vault, VaultEvent
from localazure.tokens import Tokens
from tests.localazure.clock import Clock

Json = dict[str, Any]
API = "7.4"
AUDIENCE = "https://vault.azure.net"
QUICK = {"kty": "EC", "crv": "P-256"}  # a key that costs nothing to make


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; an empty body is an empty object."""

    status: int
    headers: http.client.HTTPMessage
    body: Json

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.body["error"]["code"])


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and return what it gives."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(30)

    def stop(self) -> None:
        """End the thread."""
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class Room:
    """One vault of a house, never used before."""

    def __init__(self, house: House, vault: Vault) -> None:
        self.house, self.vault, self.host = house, vault, vault.host
        self.root = f"https://{vault.host}"

    def ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        identity: str = "operator",
        api: str | None = API,
        host: str = "",
        token: str | None = None,
    ) -> Reply:
        """Send one request to the vault."""
        token = self.house.token(identity) if token is None else token
        headers = {"Host": host or self.host, "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        if api:
            path += f"{'&' if '?' in path else '?'}api-version={api}"
        connection = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return Reply(answer.status, answer.headers, json.loads(content) if content else {})

    def create(self, name: str, issuer: str = "Self", **more: Any) -> Reply:
        """Create a certificate with a quick key; further members go into the body."""
        props = {"subject": f"CN={name}", "sans": {"dns_names": [f"{name}.example"]}}
        policy = {"key_props": QUICK, "x509_props": props, "issuer": {"name": issuer}}
        reply = self.ask("POST", f"/certificates/{name}/create", {"policy": policy} | more)
        assert reply.status == 202, reply.body
        return reply

    def finish(self) -> None:
        """Let every issuer come to its end."""
        self.house.pass_time(seconds=5)

    def get(self, name: str) -> Json:
        """Return the latest version of a certificate."""
        reply = self.ask("GET", f"/certificates/{name}/")
        assert reply.status == 200, reply.body
        return reply.body

    def made(self, name: str, issuer: str = "Self", **more: Any) -> Json:
        """Create a certificate and return it finished."""
        self.create(name, issuer, **more)
        self.finish()
        return self.get(name)

    def names(self, path: str = "/certificates") -> list[str]:
        """Return the names in a whole list, following every link."""
        found: list[str] = []
        link: str | None = path
        while link:
            page = self.ask("GET", link.removeprefix(self.root), api=None if "api-version" in link else API).body
            found += [item["id"].split("/")[4] for item in page["value"]]
            link = page["nextLink"]
        return found

    def events(self) -> list[VaultEvent]:
        """Return what this vault has told Event Grid."""
        return [event for event in self.house.events if event.vault == self.vault.name]

    def told(self, kind: str) -> list[VaultEvent]:
        """Return the events of one kind, as `CertificateNearExpiry`."""
        return [event for event in self.events() if event.type == f"Microsoft.KeyVault.{kind}"]


class House:
    """The stand-in and the plain HTTP port that it listens on; the Host header chooses the vault."""

    def __init__(self, pace: Pace = Pace()) -> None:
        self.clock, self.tokens, self.events = Clock(), Tokens(), list[VaultEvent]()
        self.vaults = KeyVaults(self.tokens, self.events.append, self.clock, pace=pace)
        self.loop, self._numbers = Loop(), itertools.count(1)
        self.port = self.loop.run(self._start())

    async def _start(self) -> int:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.vaults.handle)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        await self.vaults.start()
        return int(self._runner.addresses[0][1])

    async def _stop(self) -> None:
        await self.vaults.stop()
        await self._runner.cleanup()

    def close(self) -> None:
        """Stop everything."""
        self.loop.run(self._stop())
        self.loop.stop()

    def token(self, identity: str = "operator", audience: str = AUDIENCE) -> str:
        """Return an access token."""
        return self.tokens.issue(self.tokens.identity(identity), audience)[0]

    def room(self, *, throttle: bool = False) -> Room:
        """Return a vault of its own, with capital letters in its name."""
        return Room(self, self.vaults.create_vault(f"KV-Room{next(self._numbers)}", throttle=throttle))

    def pass_time(self, **span: float) -> None:
        """Let time pass and everything happen that is due then."""
        self.clock.advance(**span)
        self.loop.run(self.vaults.finish_due())
