"""One CA on a port of its own, over plain HTTP, without a local Azure: for tests that want nothing else, and may move its clock."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from aiohttp import web

from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct
from localazure.acme.service import serve

STOP_TIMEOUT = 10.0  # seconds


def _utc() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def alone(
    conduct: Conduct | None = None, *, name: str = "ca-alone", clock: Callable[[], datetime] = _utc
) -> Iterator[tuple[Ca, str]]:
    """Run a CA in a thread; give it and the address of its directory."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ca = Ca(name, clock, conduct)

    async def start() -> tuple[web.AppRunner, int]:
        """Listen on a free port."""

        async def handle(request: web.Request) -> web.StreamResponse:
            """Answer as the one CA, whatever the Host."""
            return await serve(ca, request)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, int(runner.addresses[0][1])

    async def stop() -> None:
        """Close the port and the threads that sign."""
        await runner.cleanup()
        await loop.shutdown_default_executor()

    try:
        runner, port = asyncio.run_coroutine_threadsafe(start(), loop).result(STOP_TIMEOUT)
        try:
            yield ca, f"http://127.0.0.1:{port}/directory"
        finally:
            asyncio.run_coroutine_threadsafe(stop(), loop).result(STOP_TIMEOUT)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT)
        loop.close()
