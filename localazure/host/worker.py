"""Microsoft's worker library, running the app on an event loop and a thread of its own."""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
import sys
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localazure.host.protos import (
    PROTOS,
    Init,
    Invocation,
    Message,
    ParameterBinding,
    Request,
    Retry,
    StatusResult,
    Stream,
    Trace,
)


class IndexingFailed(Exception):
    """The worker could not index the app; the text is the worker's, with its traceback."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A function as the worker reports it; the bindings are as written, nothing in them is checked or resolved."""

    name: str
    id: str
    bindings: tuple[dict[str, Any], ...]
    has_retry: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation came to; `failure` is None if it succeeded."""

    failure: str | None
    trace: str = ""
    returned: Message | None = None
    outputs: Mapping[str, Message | None] | None = None


class Worker:
    """One app in this process. The library keeps its registry in module globals, so a second app needs a second process."""

    def __init__(self, app: Path) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="worker", daemon=True)
        self._library: Any = importlib.import_module("azure_functions_runtime")

    def start(self) -> list[Indexed]:
        """Index the app and return its functions. Raises IndexingFailed."""
        sys.path.insert(0, str(self._app))  # the library imports function_app by name and leaves sys.path alone
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(_guarded_start(self._index()), self._loop).result()

    async def invoke(
        self, function_id: str, invocation_id: str, parameter: str, value: Message, metadata: Mapping[str, Message]
    ) -> Answer:
        """Run a function once and return how it ended; never raises for what the app does."""
        invocation = Invocation(
            invocation_id=invocation_id,
            function_id=function_id,
            input_data=[ParameterBinding(name=parameter, data=value)],
            trigger_metadata=dict(metadata),
            trace_context=Trace(
                trace_parent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01", trace_state="", attributes={}
            ),
            retry_context=Retry(retry_count=0, max_retry_count=0),
        )
        running = asyncio.run_coroutine_threadsafe(self._guarded_invoke(invocation), self._loop)
        return await asyncio.wrap_future(running)

    def stop(self) -> None:
        """End the app's thread pool and loop; only when nothing runs any more, since threads cannot be ended."""
        self._library.stop_threadpool_executor()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    async def _index(self) -> list[Indexed]:
        self._library.start_threadpool_executor()
        init = Init(capabilities={}, function_app_directory=str(self._app))
        reply = await self._library.worker_init_request(_request(worker_init_request=init))
        if reply.result.status != StatusResult.Success:
            raise IndexingFailed(f"{reply.result.exception.message}\n{reply.result.exception.stack_trace}".strip())
        listing = await self._library.functions_metadata_request(_request())
        return [
            Indexed(
                each.name,
                each.function_id,
                tuple(json.loads(binding) for binding in each.raw_bindings),
                each.retry_options is not None,
            )
            for each in listing.function_metadata_results or []
        ]

    async def _guarded_invoke(self, invocation: Message) -> Answer:
        try:
            reply = await self._library.invocation_request(_request(invocation_request=invocation))
        except BaseException as escaped:  # noqa: BLE001 - SystemExit and CancelledError too
            # The library lets BaseException through. In Azure SystemExit ends the worker process, and after a
            # CancelledError no response ever comes; here either would end this loop, so both are failed invocations.
            return Answer(f"{type(escaped).__name__}: {escaped} (the worker process would have ended or hung)")
        if reply.result.status != StatusResult.Success:
            return Answer(reply.result.exception.message, reply.result.exception.stack_trace)
        return Answer(None, "", reply.return_value, {each.name: each.data for each in reply.output_data})


def _request(**content: Message) -> Message:
    """Wrap a request as the worker library expects it."""
    return Request(request=Stream(**content), properties={"host": "127.0.0.1", "protos": PROTOS})


async def _guarded_start(indexing: Coroutine[Any, Any, list[Indexed]]) -> list[Indexed]:
    """Turn an exit while the app is imported into an answer, so that the loop lives to give it."""
    try:
        return await indexing
    except SystemExit as ended:
        raise IndexingFailed(f"the app called sys.exit({ended.code!r}) while it was imported") from ended
