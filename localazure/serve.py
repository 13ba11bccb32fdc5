"""aiohttp servers on bound sockets."""

from __future__ import annotations

import logging
import socket
import ssl

from aiohttp import web

from localazure.exchange import Handler

MAX_BODY = 16 * 1024 * 1024  # bytes
STOP_TIMEOUT = 0.5  # seconds that open requests get when a server stops


async def serve(handler: Handler, sock: socket.socket, context: ssl.SSLContext | None = None) -> web.AppRunner:
    """Serve every path with one handler; stop by `cleanup()` of what is returned."""
    application = web.Application(client_max_size=MAX_BODY)
    application.router.add_route("*", "/{path:.*}", handler)
    return await serve_application(application, sock, context)


async def serve_application(
    application: web.Application, sock: socket.socket, context: ssl.SSLContext | None = None
) -> web.AppRunner:
    """Serve an application; stop by `cleanup()` of what is returned."""
    runner = web.AppRunner(
        application, access_log=None, shutdown_timeout=STOP_TIMEOUT, keepalive_timeout=3600, auto_decompress=False
    )
    await runner.setup()
    await web.SockSite(runner, sock, ssl_context=context).start()
    logging.getLogger("aiohttp.server").setLevel(logging.ERROR)
    return runner
