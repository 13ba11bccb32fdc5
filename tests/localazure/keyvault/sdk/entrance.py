"""The real clients of Azure's SDK, pointed at a house by proxy and CA file as a deployed app would be by its environment."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self, cast

from aiohttp import web
from azure.core.async_paging import AsyncItemPaged
from azure.core.credentials import AccessToken
from azure.keyvault.certificates import CertificateClient, aio

from localazure.front import Front
from localazure.tls import CertificateAuthority
from tests.localazure.keyvault.house import House, Room

type Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Identity:
    """Gives out the house's tokens, as a managed identity would."""

    def __init__(self, house: House, identity: str) -> None:
        self._house, self._identity = house, identity

    def token(self, scope: str) -> AccessToken:
        """Return a token for the scope that the challenge named."""
        tokens = self._house.tokens
        return AccessToken(*tokens.issue(tokens.identity(self._identity), scope.removesuffix("/.default")))


class Credential(Identity):
    """What the SDK's client wants of it."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token."""
        return self.token(scopes[0])

    def close(self) -> None:
        """Have nothing to close."""


class AsyncCredential(Identity):
    """The same for the asynchronous client."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token."""
        return self.token(scopes[0])

    async def close(self) -> None:
        """Have nothing to close."""

    async def __aenter__(self) -> Self:
        """Open nothing."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""


class Finished:
    """What stands for a poller: the asynchronous client has waited already."""

    def __init__(self, outcome: object) -> None:
        self._outcome = outcome

    def result(self) -> object:
        """Return what the operation ended with."""
        return self._outcome

    def wait(self) -> None:
        """Have waited."""


class Pages:
    """A list of the asynchronous client, fetched when it is asked for."""

    def __init__(self, paged: AsyncItemPaged[Any], run: Run) -> None:
        self._paged, self._run = paged, run

    def __iter__(self) -> Iterator[Any]:
        """Fetch all and yield each."""
        return iter(self._run(_collect(self._paged)))

    def by_page(self) -> Iterator[list[Any]]:
        """Fetch all and yield each page."""
        return iter(self._run(_collect_pages(self._paged)))


async def _collect(items: AsyncIterable[Any]) -> list[Any]:
    return [one async for one in items]


async def _collect_pages(paged: AsyncItemPaged[Any]) -> list[list[Any]]:
    return [await _collect(page) async for page in paged.by_page()]


class Blocking:
    """An asynchronous client behind the names of the synchronous one, so that both go through one scenario."""

    def __init__(self, client: aio.CertificateClient, run: Run) -> None:
        self._client, self._run = client, run

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method that waits; `begin_x` is the asynchronous `x`."""
        method = getattr(self._client, name.removeprefix("begin_"))

        def call(*given: Any, **named: Any) -> Any:
            """Call it, and wait for what it gives."""
            made = method(*given, **named)
            if isinstance(made, AsyncItemPaged):
                return Pages(made, self._run)
            outcome = self._run(made)
            return Finished(outcome) if name.startswith("begin_") else outcome

        return call


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

    @contextlib.contextmanager
    def client(self, room: Room, identity: str = "operator", **more: Any) -> Iterator[CertificateClient]:
        """Open a client of a room's vault, the challenge verified as in production."""
        with CertificateClient(room.root, Credential(self.house, identity), **self.options() | more) as opened:
            yield opened

    @contextlib.contextmanager
    def aio_client(self, room: Room, identity: str = "operator", **more: Any) -> Iterator[CertificateClient]:
        """Open an asynchronous client of the same, behind the synchronous one's interface."""
        credential = AsyncCredential(self.house, identity)
        inner = aio.CertificateClient(room.root, credential, **self.options() | more)
        try:
            yield cast("CertificateClient", Blocking(inner, self.house.loop.run))
        finally:
            self.house.loop.run(inner.close())
