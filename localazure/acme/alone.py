"""One CA on a port of its own, over plain HTTP, without a local Azure: for tests that want nothing else, and may move its clock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from aiohttp import web

from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct
from localazure.acme.service import serve as answer
from localazure.aside import aside
from localazure.ports import listen, port_of
from localazure.serve import serve


def _utc() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def alone(
    conduct: Conduct | None = None, *, name: str = "ca-alone", clock: Callable[[], datetime] = _utc
) -> Iterator[tuple[Ca, str]]:
    """Run a CA in a thread; give it and the address of its directory."""
    ca = Ca(name, clock, conduct)

    async def handle(request: web.Request) -> web.StreamResponse:
        """Answer as the one CA, whatever the Host."""
        return await answer(ca, request)

    with aside() as loop:
        sock = listen("CA", 0)
        runner = loop.run(serve(handle, sock))
        try:
            yield ca, f"http://127.0.0.1:{port_of(sock)}/directory"
        finally:
            loop.run(runner.cleanup())
