"""The real client of Azure's SDK, pointed at a house by proxy and CA file as a deployed app would be by its environment."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from azure.core.credentials import AccessToken
from azure.keyvault.certificates import CertificateClient

from localazure.front import Front
from localazure.tls import CertificateAuthority
from tests.localazure.keyvault.house import House, Room


class Credential:
    """Gives out the house's tokens, as a managed identity would."""

    def __init__(self, house: House, identity: str) -> None:
        self._house, self._identity = house, identity

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token for the scope that the challenge named."""
        audience = scopes[0].removesuffix("/.default")
        tokens = self._house.tokens
        return AccessToken(*tokens.issue(tokens.identity(self._identity), audience))

    def close(self) -> None:
        """Have nothing to close."""


class AsyncCredential(Credential):
    """The same for the asynchronous client."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # type: ignore[override] # the SDK's two protocols
        """Return a token for the scope that the challenge named."""
        return super().get_token(*scopes)

    async def close(self) -> None:  # type: ignore[override] # the SDK's two protocols
        """Have nothing to close."""

    async def __aenter__(self) -> Self:
        """Open nothing."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""


class Entrance:
    """TLS under Azure's own host names, behind a forward proxy."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self._authority = house, CertificateAuthority()
        self.trusted = folder / "ca.pem"
        self._authority.write_ca(self.trusted)
        self.proxy = f"http://127.0.0.1:{house.loop.run(self._open())}"

    async def _open(self) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.house.vaults.handle)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, ssl_context=self._authority.server_context()).start()
        door = socket.create_server(("127.0.0.1", 0))
        port = int(door.getsockname()[1])
        self._front = Front(lambda host: (200, host), listener.getsockname()[1])
        await self._front.start(door)
        return port

    async def _close(self) -> None:
        await self._front.stop()
        await self._runner.cleanup()
        await asyncio.sleep(0)

    def close(self) -> None:
        """Stop proxy and server."""
        self.house.loop.run(self._close())

    def options(self) -> dict[str, Any]:
        """Return what a client needs to come in."""
        settings = {"proxies": {"https": self.proxy}, "connection_verify": str(self.trusted)}
        return settings | {"use_env_settings": False, "retry_total": 0}

    def client(self, room: Room, identity: str = "operator") -> CertificateClient:
        """Return a client of a room's vault, the challenge verified as in production."""
        return CertificateClient(room.root, Credential(self.house, identity), **self.options())
