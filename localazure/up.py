"""Starts the whole local Azure, in order, and stops it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from localazure import install_azurite
from localazure.acme.management import AcmeManagement
from localazure.acme.service import Authorities
from localazure.children import Child
from localazure.customtopics import CustomTopics
from localazure.deliveries import Subscriber
from localazure.dns.service import LocalDns
from localazure.environment import DEFAULT_ACCOUNT, Ready, environment, inherited, write_exports
from localazure.eventqueues import EventQueues
from localazure.exchange import Handler
from localazure.front import Front
from localazure.identity import ManagedIdentities
from localazure.keyvault.service import KeyVaults
from localazure.management import Management
from localazure.names import ca_of, service_of, vault_of
from localazure.plan import HOST_TIMEOUT, PORTS, Plan, StartError
from localazure.ports import listen, port_of
from localazure.requests import Requests
from localazure.serve import serve, serve_application
from localazure.storage import KINDS, StorageProxy, start_azurite
from localazure.systemtopics import SystemTopics
from localazure.tls import CertificateAuthority
from localazure.tokens import Tokens


def _clock() -> datetime:
    return datetime.now(UTC)


class LocalAzureServer:
    """Everything that runs in this process, and the children."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tokens = Tokens()
        self.authority = CertificateAuthority()
        self.requests = Requests()
        self.header = secrets.token_hex(16)
        self.identities = ManagedIdentities(self.tokens, self.header)
        queues = EventQueues(self.tokens, self.authority.client_context())
        self.system_topics = SystemTopics(_clock, plan.retry, queues)
        self.custom_topics = CustomTopics(self.tokens, _clock)
        self.dns = LocalDns(self.tokens, self.identities, _clock)
        self.vaults = KeyVaults(self.tokens, self.system_topics.emit, _clock, pace=plan.pace)
        self.authorities = Authorities(_clock)
        self.sockets: dict[str, socket.socket] = {}
        self.ports: dict[str, int] = {}
        self.host: Child | None = None
        self._stack = AsyncExitStack()

    async def start(self) -> Ready:
        """Start all, in order; return where it is. Raises StartError, PortTakenError or StorageError, with all stopped again."""
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all, in the reverse order."""
        await self._stack.aclose()

    async def _start(self) -> Ready:
        self._take_ports()
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        if self.plan.ready_file is not None:
            self.plan.ready_file.unlink(missing_ok=True)
        if problem := await asyncio.to_thread(install_azurite.install):
            raise StartError(problem)
        self.authority.write_ca(self._ca)
        self.authority.write_leaf(self._certificate, self._key)
        await self._start_front()
        await self._start_dns()
        await self._start_storage()
        await self._start_vaults()
        await self._start_management()
        ready = self._ready()
        write_exports(self.plan.env_file, self._environment(ready))
        print(f"settings    {self.plan.env_file} (for another shell: . {self.plan.env_file})")
        if self.plan.app is not None:
            await self._start_host(self.plan.app, ready)
            ready = self._ready()
        self._subscribe_vaults()
        if self.plan.ready_file is not None:
            ready.write(self.plan.ready_file)
        return ready

    @property
    def _ca(self) -> Path:
        return (self.plan.folder / "ca.pem").resolve()

    @property
    def _certificate(self) -> Path:
        return (self.plan.folder / "loopback.pem").resolve()

    @property
    def _key(self) -> Path:
        return (self.plan.folder / "loopback.key").resolve()

    def _take_ports(self) -> None:
        """Bind every port that is ours to bind, so that a taken one is named before anything starts."""
        for what, port in PORTS.items():
            if what == "dns":
                self.ports[what] = self.dns.take_port(0 if self.plan.free_ports else port)
                self._stack.push_async_callback(self.dns.stop)
                continue
            sock = listen(what, 0 if self.plan.free_ports else port)
            if what == "host" or (
                what in KINDS and self.plan.direct_storage
            ):  # bound by a child; only known to be free
                sock.close()
                self.ports[what] = 0 if self.plan.free_ports else port
            else:
                self.ports[what] = port_of(sock)
                self.sockets[what] = sock
                self._stack.callback(sock.close)

    async def _start_front(self) -> None:
        """Start the TLS server, the proxy before it, and the identity endpoint."""
        watched = {
            "keyvault": self.requests.around("keyvault", self.vaults.handle),
            "eventgrid": self.requests.around("eventgrid", self.custom_topics.handle),
            "acme": self.requests.around("acme", self.authorities.handle),
            "arm": self.requests.around("arm", self.dns.resource_manager.handle),
            "identity": self.requests.around("identity", _not_played),
        }

        async def dispatch(request: web.Request) -> web.StreamResponse:
            service = self._service((request.host or "").partition(":")[0].lower())
            return await (watched[service](request) if service else _not_played(request))

        tls = listen("TLS", 0)
        await self._serve(dispatch, tls, tls=True)
        front = Front(self._verdict, port_of(tls))
        self._stack.push_async_callback(front.stop)
        await front.start(self.sockets["proxy"])
        print(f"proxy       http://127.0.0.1:{self.ports['proxy']} (CONNECT; CA: {self._ca})")
        await self._serve(self.requests.around("identity", self.identities.handle), self.sockets["identity"])
        print(f"identity    http://127.0.0.1:{self.ports['identity']}")

    def _verdict(self, host: str) -> tuple[int, str]:
        """Decide on a name that a client wants to connect to."""
        vault = vault_of(host)
        if vault and self.vaults.vault(vault) is None:
            return 502, f"{host}: there is no such vault, so its name does not resolve"
        service = self._service(host)
        return (200, service) if service else (403, f"{host} is not played here, and nothing else is let through")

    def _service(self, host: str) -> str | None:
        """Return the stand-in that answers for a host name, or None if nobody plays it."""
        ca = ca_of(host)
        return "acme" if ca and self.authorities.ca(ca) else service_of(host)

    async def _start_dns(self) -> None:
        """Serve the DNS zones, over UDP and TCP."""
        await self.dns.start()
        print(f"dns         127.0.0.1:{self.ports['dns']} (UDP and TCP)")

    async def _start_storage(self) -> None:
        """Start Azurite and, unless it is asked for directly, a proxy before each of its services."""
        accounts = [DEFAULT_ACCOUNT, *(f"st{number:03}" for number in range(self.plan.accounts))]
        direct = self.plan.direct_storage
        ports = [self.ports[kind] if direct else 0 for kind in KINDS]
        azurite = await start_azurite(self._certificate, self._key, accounts, ports)
        self._stack.push_async_callback(azurite.stop)
        for kind in KINDS:
            if direct:
                self.ports[kind] = azurite.ports[kind]
                continue
            proxy = StorageProxy(azurite.ports[kind], self.authority.client_context())
            self._stack.push_async_callback(proxy.close)
            await self._serve(self.requests.around(f"storage-{kind}", proxy.handle), self.sockets[kind], tls=True)
        where = ", ".join(f"{kind} {self.ports[kind]}" for kind in KINDS)
        print(f"storage     https://127.0.0.1:PORT/{DEFAULT_ACCOUNT} ({where}; {len(accounts)} account(s))")

    async def _start_vaults(self) -> None:
        """Start Key Vault and its system topics."""
        self._stack.push_async_callback(self.system_topics.stop)
        await self.system_topics.start()
        self._stack.push_async_callback(self.vaults.stop)
        await self.vaults.start()
        for name in self.plan.vaults:
            self.vaults.create_vault(name)
        print(f"key vault   {' '.join(f'https://{name}.vault.azure.net' for name in self.plan.vaults)}")

    def _subscribe_vaults(self) -> None:
        """Let the events of the first vaults go to the host, which now is up."""
        url = self._deliver_to()
        for name in self.plan.vaults:
            self.system_topics.subscribe(name, Subscriber(url) if url else None)

    async def _start_management(self) -> None:
        """Start the management port."""
        management = Management(
            self.vaults,
            self.identities,
            self.requests,
            self.system_topics,
            self.custom_topics,
            AcmeManagement(self.authorities),
            self.dns.management,
            lambda: dict(self.ports),
            self._deliver_to,
        )
        runner = await serve_application(management.application(), self.sockets["management"])
        self._stack.push_async_callback(runner.cleanup)
        print(f"management  http://127.0.0.1:{self.ports['management']}")

    async def _start_host(self, app: Path, ready: Ready) -> None:
        """Start the Functions host with the app and wait until it listens."""
        marker = self.plan.folder / "host-ready.json"
        marker.unlink(missing_ok=True)
        command = [sys.executable, "-m", "localazure.host", "--app", str(app), "--port", str(self.ports["host"])]
        command += ["--ready", str(marker), "--die-with-parent"]
        self.host = await Child.start("host", command, inherited() | self._environment(ready))
        self._stack.push_async_callback(self.host.stop)
        async with asyncio.timeout(HOST_TIMEOUT):
            while not marker.exists():
                if self.host.process.returncode is not None:
                    raise StartError(f"the Functions host ended with code {self.host.process.returncode}")
                await asyncio.sleep(0.05)
        self.ports["host"] = int(json.loads(marker.read_text())["port"])
        print(f"host        http://127.0.0.1:{self.ports['host']}")

    async def _serve(self, handler: Handler, sock: socket.socket, *, tls: bool = False) -> None:
        """Serve a handler until the end."""
        runner = await serve(handler, sock, self.authority.server_context() if tls else None)
        self._stack.push_async_callback(runner.cleanup)

    def _deliver_to(self) -> str | None:
        """Return where a vault's events go by default: to the host, or to what a person starts on its port."""
        port = self.ports["host"]
        return f"http://127.0.0.1:{port}" if port else None

    def _environment(self, ready: Ready) -> dict[str, str]:
        return environment(ready, vaults=self.plan.vaults) | dict(self.plan.settings)

    def _ready(self) -> Ready:
        """Return where everything is."""
        return Ready(
            pid=os.getpid(),
            **{what: self.ports[what] for what in ("proxy", "identity", "management", "dns", *KINDS)},
            host=self.ports["host"] if self.plan.app else None,
            ca=str(self._ca),
            certificate=str(self._certificate),
            key=str(self._key),
            identity_header=self.header,
            accounts=[DEFAULT_ACCOUNT, *(f"st{number:03}" for number in range(self.plan.accounts))],
        )


async def _not_played(request: web.Request) -> web.StreamResponse:
    """Answer what no stand-in plays."""
    message = f"localazure does not play {request.method} https://{request.host}{request.path}."
    return web.json_response({"error": {"code": "NotFound", "message": message}}, status=404)
