"""The host itself: starts what listens for an app, and stops it in order."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from localazure.host.admin import Admin
from localazure.host.app import Plan, RefusedToStart
from localazure.host.eventgrid import EventGridWebhook
from localazure.host.functions import EventGridTrigger, QueueOutput, QueueTrigger, TimerTrigger
from localazure.host.http import HttpFunctions
from localazure.host.invocations import Invocations
from localazure.host.keys import Keys
from localazure.host.outputs import QueueOutputs
from localazure.host.queues import LEASE, QueueListener
from localazure.host.storage import Storage
from localazure.host.timer_rows import TimerRows
from localazure.host.timers import TimerListener

logger = logging.getLogger("localazure.host")

GRACE = 5  # seconds that running invocations get when the host is told to end
BODY_LIMIT = 100 * 1024 * 1024  # bytes of a request (Functions HTTP trigger limits)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; leases and grace in seconds."""

    app: Path
    port: int = 7071
    ready: Path | None = None
    keys: Path | None = None
    message_lease: int = LEASE
    timer_lease: float = 15
    grace: float = GRACE


async def serve(plan: Plan, options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Raises RefusedToStart if the port is taken, and what ended a listener, if one did."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(Storage())
        running = _Running(plan, options, storage)
        await running.start(stop)
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

    async def start(self, stop: asyncio.Event) -> None:
        """Listen, poll, follow the clock; then say that all is ready. A listener that ends by itself stops the host."""
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
        for task in self._tasks:
            task.add_done_callback(lambda _: stop.set())
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
        busy = await self._invocations.wait_until_idle(self._options.grace)
        if not busy:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._options.grace)
            for queue in self._queues:
                await queue.drain(self._options.grace)
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        for end in ends:
            if isinstance(end, Exception):
                raise end
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
