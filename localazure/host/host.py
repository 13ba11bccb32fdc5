"""The host itself: reads the app, starts what listens, and stops it in order."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from localazure.host.admin import Admin
from localazure.host.eventgrid import EventGridWebhook
from localazure.host.functions import (
    HOST_STORAGE,
    EventGridTrigger,
    Function,
    QueueOutput,
    QueueTrigger,
    TimerTrigger,
    read_functions,
)
from localazure.host.hostjson import HostOptions, read_host_json
from localazure.host.http import HttpFunctions
from localazure.host.invocations import Invocations
from localazure.host.keys import Keys
from localazure.host.outputs import QueueOutputs
from localazure.host.queues import LEASE, QueueListener
from localazure.host.settings import AppSettings, BadSetting, Connection
from localazure.host.storage import Storage
from localazure.host.timer_rows import TimerRows
from localazure.host.timers import TimerListener
from localazure.host.worker import IndexingFailed, Worker

logger = logging.getLogger("localazure.host")

GRACE = 5  # seconds that running invocations get when the host is told to end
BODY_LIMIT = 100 * 1024 * 1024  # bytes of a request (Functions HTTP trigger limits)


class RefusedToStart(Exception):
    """The app cannot be played; the text lists every reason."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; leases in seconds."""

    app: Path
    port: int = 7071
    ready: Path | None = None
    keys: Path | None = None
    message_lease: int = LEASE
    timer_lease: float = 15


@dataclass(frozen=True, slots=True)
class Plan:
    """An app that can be played."""

    worker: Worker
    functions: list[Function]
    host: HostOptions
    host_id: str
    host_storage: Connection | None

    def enabled(self) -> list[Function]:
        """Return the functions that are woken."""
        return [function for function in self.functions if not function.disabled]


def read_app(app: Path, environment: Mapping[str, str]) -> Plan:
    """Index the app and check all it asks for. Raises RefusedToStart with every fault."""
    faults: list[str] = []
    settings = AppSettings(environment)
    host = read_host_json(app, settings, faults)
    worker = Worker(app)
    functions: list[Function] = []
    try:
        indexed = worker.start()
        functions = read_functions(indexed, settings, datetime.now(UTC), faults)
        if not indexed:
            faults.append(f"{app} has no functions: is there a function_app.py, and are its blueprints registered?")
    except IndexingFailed as failed:
        faults.append(f"the worker could not index the app: {failed}")
    host_storage = None
    if any(isinstance(function.trigger, TimerTrigger) for function in functions):
        try:
            host_storage = settings.connection(HOST_STORAGE, "table")
        except BadSetting as missing:
            faults.append(f"timers: {missing}")
    if faults:
        raise RefusedToStart("\n".join(f"- {fault}" for fault in faults))
    return Plan(worker, functions, host, _host_id(app, settings), host_storage)


def _host_id(app: Path, settings: AppSettings) -> str:
    """Return what tells apps apart that share storage: hosts of one app have the same."""
    given = settings.get("AzureFunctionsWebHost__hostid") or settings.get("WEBSITE_SITE_NAME")
    return (given or "local-" + hashlib.sha256(str(app).encode()).hexdigest()[:12]).lower()


async def serve(plan: Plan, options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Raises RefusedToStart if the port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(Storage())
        running = _Running(plan, options, storage)
        await running.start()
        await stop.wait()
        busy = await running.stop()
    if busy:
        # Threads cannot be ended, and the interpreter would wait for them.
        logger.warning("ended while running: %s", ", ".join(busy))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    plan.worker.stop()


class _Running:
    """What runs between start and stop."""

    def __init__(self, plan: Plan, options: Options, storage: Storage) -> None:
        self._plan = plan
        self._options = options
        outputs = QueueOutputs(storage, self._wake, use_base64=plan.host.queues.base64)
        self._invocations = Invocations(plan.worker, outputs, plan.host.function_timeout)
        self._queues: list[QueueListener] = []
        self._timers: list[TimerListener] = []
        self._tasks: list[asyncio.Task[None]] = []
        for function in plan.enabled():
            match function.trigger:
                case QueueTrigger() as trigger:
                    queues, lease = plan.host.queues, options.message_lease
                    self._queues.append(
                        QueueListener(function, trigger, storage, self._invocations, queues, lease=lease)
                    )
                case TimerTrigger() as trigger:
                    assert plan.host_storage is not None
                    table = storage.host_table(plan.host_storage)
                    rows = TimerRows(table, plan.host_id, function.name, options.timer_lease)
                    self._timers.append(TimerListener(function, trigger, rows, self._invocations))
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1)
        self._site: web.TCPSite | None = None

    async def start(self) -> None:
        """Listen, poll, follow the clock; then say that all is ready."""
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._options.port)
        try:
            await self._site.start()
        except OSError as taken:
            await self._runner.cleanup()
            if taken.errno != errno.EADDRINUSE:
                raise
            raise RefusedToStart(f"- port {self._options.port} is taken: choose another with --port") from taken
        self._tasks = [asyncio.create_task(each.run()) for each in self._queues]
        self._tasks += [asyncio.create_task(each.run()) for each in self._timers]
        port = self._runner.addresses[0][1]
        names = sorted(function.name for function in self._plan.functions)
        logger.info("host ready on http://127.0.0.1:%s with %s functions: %s", port, len(names), ", ".join(names))
        if self._options.ready is not None:
            _write_ready(self._options.ready, {"port": port, "functions": names, "pid": os.getpid()})

    async def stop(self) -> list[str]:
        """Take no more work, give what runs its grace, and return what still runs."""
        logger.info("host ending")
        for stop in [*(each.stop for each in self._queues), *(each.stop for each in self._timers)]:
            stop()
        if self._site is not None:
            await self._site.stop()
        busy = await self._invocations.wait_until_idle(GRACE)
        if not busy:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=GRACE)
            for queue in self._queues:
                await queue.drain(GRACE)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        return busy

    def _wake(self, output: QueueOutput) -> None:
        for listener in self._queues:
            if (listener.trigger.connection, listener.trigger.queue) == (output.connection, output.queue):
                listener.wake()

    def _application(self) -> web.Application:
        keys = Keys.read(self._options.keys)
        enabled = self._plan.enabled()
        webhook = EventGridWebhook(
            [each for each in enabled if isinstance(each.trigger, EventGridTrigger)], self._invocations, keys
        )
        functions = HttpFunctions(enabled, self._plan.host.route_prefix, self._invocations, keys)
        application = web.Application(client_max_size=BODY_LIMIT)
        application.add_routes(Admin(self._plan.functions, self._invocations, keys, self._plan.host_id).routes())
        application.router.add_route("*", "/runtime/webhooks/{extension:(?i:eventgrid)}", webhook.handle)
        application.router.add_route("*", "/{path:.*}", functions.handle)
        return application


def _write_ready(file: Path, content: dict[str, object]) -> None:
    """Write the file whole or not at all."""
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(content), "utf-8")
    part.replace(file)
