"""Storage: Azurite as a child, and before it a proxy of ours, so that storage is logged and faulted as the rest is."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from localazure import install_azurite
from localazure.children import Child

KINDS = ("blob", "queue", "table")  # in the order of Azurite's default ports 10000, 10001, 10002
LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at https://127\.0\.0\.1:(\d+)")
START_TIMEOUT = 30.0  # seconds; usual is under one
KEEP_ALIVE = 3600  # seconds; longer than any pause of ours, so that no request meets a closing connection
PER_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"})
UNASKED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")  # what aiohttp would add by itself


class StorageError(Exception):
    """Azurite did not start; the text says why."""


@dataclass(frozen=True, slots=True)
class Azurite:
    """The running emulator and where it listens, by kind."""

    child: Child
    ports: dict[str, int]
    drain: asyncio.Task[None]

    async def stop(self) -> None:
        """End it."""
        await self.child.stop()
        self.drain.cancel()


async def start_azurite(
    certificate: Path, key: Path, accounts: Sequence[str], ports: Sequence[int] = (0, 0, 0)
) -> Azurite:
    """Start Azurite with these accounts, in memory, over TLS, taking identity tokens."""
    options: list[str | Path] = ["--cert", certificate, "--key", key]
    for kind, port in zip(KINDS, ports, strict=True):
        options += [
            f"--{kind}Host",
            "127.0.0.1",
            f"--{kind}Port",
            str(port),
            f"--{kind}KeepAliveTimeout",
            str(KEEP_ALIVE),
        ]
    flags = ["--oauth", "basic", "--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry", "--silent"]
    secret = base64.b64encode(os.urandom(32)).decode()  # nobody uses the keys: the app has an identity
    environment = os.environ | {"AZURITE_ACCOUNTS": ";".join(f"{account}:{secret}" for account in accounts)}
    command = [install_azurite.NODE, install_azurite.FOLDER / install_azurite.SCRIPT, *options, *flags]
    child = await Child.start("azurite", command, environment, read_output=True)
    try:
        found = await asyncio.wait_for(_listening(child), START_TIMEOUT)
    except (TimeoutError, StorageError) as failure:
        await child.stop()
        raise StorageError(str(failure) or f"Azurite did not start within {START_TIMEOUT:.0f} s") from failure
    return Azurite(child, found, asyncio.create_task(_drain(child)))


async def _listening(child: Child) -> dict[str, int]:
    """Read Azurite's output until all three services listen."""
    ports: dict[str, int] = {}
    output: list[str] = []
    assert child.process.stdout is not None  # started with read_output
    while len(ports) < len(KINDS):
        line = (await child.process.stdout.readline()).decode(errors="replace")
        if not line:
            said = " ".join("".join(output).split())
            raise StorageError(f"Azurite ended: {said[-300:] or 'no output'}")
        output.append(line)
        if match := LISTENING.search(line):
            ports[match[1].lower()] = int(match[2])
    return ports


async def _drain(child: Child) -> None:
    """Read on, so that Azurite never waits for a full pipe."""
    assert child.process.stdout is not None  # started with read_output
    while await child.process.stdout.read(65536):
        pass


class StorageProxy:
    """Passes one kind's requests on to Azurite over kept connections."""

    def __init__(self, upstream: int, context: ssl.SSLContext) -> None:
        self._base = f"https://127.0.0.1:{upstream}"
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE - 60, ssl=context)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            skip_auto_headers=UNASKED,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=120),
        )

    async def close(self) -> None:
        """Close the kept connections."""
        await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Send one request to Azurite as it came, and return its answer as it came."""
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in PER_HOP]
        url = URL(self._base + request.raw_path, encoded=True)
        body = await request.read()
        async with self._session.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            content = await answer.read()
            response = web.Response(status=answer.status, reason=answer.reason, body=content or None)
            response.headers.clear()
            for name, value in answer.headers.items():
                if name.lower() not in PER_HOP:
                    response.headers.add(name, value)
            return response
