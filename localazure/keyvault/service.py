"""The Key Vault of one local Azure: many vaults, told apart by host name."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime

from aiohttp import web
from cryptography.fernet import Fernet

from localazure.keyvault import bulk, errors, rotation, routes
from localazure.keyvault.agenda import Agenda
from localazure.keyvault.ask import Answer, Ask, Json, World
from localazure.keyvault.events import VaultEvent
from localazure.keyvault.keys import KeyForge
from localazure.keyvault.pace import Pace
from localazure.keyvault.rights import Rights
from localazure.keyvault.store import Conduct, Vault
from localazure.keyvault.throttle import Meter
from localazure.keyvault.x509 import IntegratedAuthority
from localazure.tokens import TENANT, Identity, TokenRefused, Tokens

# Key Vault REST: the DNS suffixes of the clouds, and the authority that each one's challenge names.
CLOUDS = {
    "vault.azure.net": "https://login.microsoftonline.com",
    "vault.azure.cn": "https://login.chinacloudapi.cn",
    "vault.usgovcloudapi.net": "https://login.microsoftonline.us",
}
API_VERSION = re.compile(r"\d+\.\d+(-preview(\.\d+)?)?|\d{4}-\d{2}-\d{2}(-preview)?")
LONGEST_SLEEP = 0.25  # seconds; an injected clock may jump meanwhile


class KeyVaults:
    """All vaults, and what happens in them while nobody asks."""

    def __init__(
        self,
        tokens: Tokens,
        emit: Callable[[VaultEvent], None],
        clock: Callable[[], datetime],
        *,
        pace: Pace = Pace(),
    ) -> None:
        authority = IntegratedAuthority(clock())
        self._tokens, self._rights = tokens, Rights()
        self._world = World(emit, clock, pace, Agenda(clock), KeyForge(), authority, Fernet.generate_key())
        self._vaults: dict[str, Vault] = {}
        self._meters: dict[str, Meter] = {}
        self._background: asyncio.Task[None] | None = None

    def create_vault(self, name: str, *, throttle: bool = False) -> Vault:
        """Return the vault of this name, made if it is not there; the casing of the first call is kept for events."""
        known = self._vaults.get(name.lower())
        if known is None:
            known = self._vaults[name.lower()] = Vault(name, throttle)
            self._meters[name.lower()] = Meter()
            rotation.schedule(self._world, known)
        return known

    def vault(self, name: str) -> Vault | None:
        """Return a vault by name."""
        return self._vaults.get(name.lower())

    def _known(self, name: str) -> Vault:
        return self._vaults[name.lower()]

    async def fill(self, vault: str, count: int, not_after: datetime, *, prefix: str = "cert") -> list[str]:
        """Add many certificates that end at one moment, without events; return their names."""
        return await bulk.fill(self._known(vault), count, not_after, prefix, self._world.now)

    def configure_issuer(
        self, vault: str, issuer: str, *, delay: float | None = None, failure: tuple[str, str] | None = None
    ) -> None:
        """Set how an integrated CA behaves from now on: its delay in seconds, and its failure or None to recover."""
        self._known(vault).conduct[issuer.lower()] = Conduct(delay, failure)

    def grant(self, identity: str, actions: frozenset[str], vault: str | None = None) -> None:
        """Set the data actions of an identity, in all vaults or in one."""
        self._rights.grant(identity, actions, vault)

    async def run_autorotation(self, vault: str) -> list[str]:
        """Let a vault renew now what is due by `AutoRenew`; return the names."""
        return await rotation.rotate(self._world, self._known(vault))

    async def finish_due(self) -> None:
        """Do what is due by the clock, to its end; requests and the background begin it too."""
        await self._world.agenda.finish()

    async def start(self) -> None:
        """Begin the background work."""
        await self._world.forge.start()
        self._background = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the background work."""
        if self._background:
            self._background.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._background
            self._background = None
        await self._world.forge.stop()

    async def _run(self) -> None:
        while True:
            await self._world.agenda.run()
            await asyncio.sleep(max(0.005, self._world.agenda.wait(LONGEST_SLEEP)))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request whose Host is a vault's name."""
        host = request.host.partition(":")[0].lower()
        name, _, suffix = host.partition(".")
        try:
            answer = await self._answer(request, name, suffix)
        except errors.Refused as refused:
            answer = Answer(refused.body(), refused.status, _challenge(suffix) if refused.status == 401 else {})
        headers = {"x-ms-request-id": str(uuid.uuid4()), "x-ms-keyvault-service-version": "local"} | answer.headers
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    async def _answer(self, request: web.Request, name: str, suffix: str) -> Answer:
        vault = self._vaults.get(name)
        if vault is None or suffix not in CLOUDS:
            raise errors.vault_not_found(request.host)
        caller = self._caller(request, suffix)
        vault.host = f"{name}.{suffix}"
        query = dict(request.query)
        if not API_VERSION.fullmatch(query.get("api-version", "")):
            raise errors.bad_parameter("The specified version of the API (api-version) is missing or not recognized.")
        route, subject, version = routes.match(request.method, request.path)
        if vault.throttle:
            self._meters[name].count(route.limit, self._world.clock().timestamp())
        path = f"/{'/'.join(request.path.strip('/').split('/')[:2])}"
        self._rights.check(caller, route.action, vault.name, path)
        body = await _body(request)
        await self._world.agenda.run()
        return await route.handler(Ask(self._world, vault, subject, version, query, body))

    def _caller(self, request: web.Request, suffix: str) -> Identity:
        try:
            return self._tokens.check(request.headers.get("Authorization"), f"https://{suffix}")
        except TokenRefused as refused:
            raise errors.unauthorized() from refused


def _challenge(suffix: str) -> dict[str, str]:
    """Return the recorded challenge: no scope, no realm, no slash at the end."""
    authority = f"{CLOUDS[suffix]}/{TENANT}"
    return {"WWW-Authenticate": f'Bearer authorization="{authority}", resource="https://{suffix}"'}


async def _body(request: web.Request) -> Json:
    """Read a JSON object, or nothing. Raises Refused."""
    octets = await request.read()
    if not octets:
        return {}
    try:
        body = json.loads(octets)
    except ValueError as refused:
        raise errors.bad_parameter("The request body is not valid JSON.") from refused
    if not isinstance(body, dict):
        raise errors.bad_parameter("The request body must be a JSON object.")
    return body
