"""Running functions: value in, outputs sent, one line in the log."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from azure.core.exceptions import AzureError

from localazure.host.functions import Function
from localazure.host.outputs import OutputFailed, QueueOutputs
from localazure.host.protos import Message
from localazure.host.worker import Answer, Worker

logger = logging.getLogger("localazure.host")


@dataclass(frozen=True, slots=True)
class Result:
    """How an invocation ended, outputs included."""

    failure: str | None
    returned: Message | None = None


class Invocations:
    """Runs invocations of one worker and counts those that are running."""

    def __init__(self, worker: Worker, outputs: QueueOutputs, timeout: float | None) -> None:
        self._worker = worker
        self._outputs = outputs
        self._timeout = timeout
        self._running: dict[str, str] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, function: Function, value: Message, metadata: Mapping[str, Message] | None = None) -> Result:
        """Run a function once. Over functionTimeout the process ends with exit code 1: Azure restarts the host."""
        invocation_id = str(uuid.uuid4())
        began = time.monotonic()
        self._running[invocation_id] = function.name
        self._idle.clear()
        try:
            parameter = function.trigger.parameter
            call = asyncio.ensure_future(
                self._worker.invoke(function.id, invocation_id, parameter, value, metadata or {})
            )
            await asyncio.wait({call}, timeout=self._timeout)
            if not call.done():
                self._end_process(function.name, invocation_id)
            answer = call.result()
            failure, trace = await self._finish(function, answer)
        finally:
            del self._running[invocation_id]
            if not self._running:
                self._idle.set()
        _log(function.name, invocation_id, time.monotonic() - began, failure, trace)
        return Result(failure, answer.returned)

    async def wait_until_idle(self, seconds: float) -> list[str]:
        """Wait until nothing runs, at most so long, and return the names of what still does."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return sorted(self._running.values())
        return []

    async def _finish(self, function: Function, answer: Answer) -> tuple[str | None, str]:
        """Send the outputs of a successful call; return the failure and its traceback."""
        if answer.failure is not None:
            return answer.failure, answer.trace
        try:
            for output in function.outputs:
                value = answer.returned if output.name == "$return" else (answer.outputs or {}).get(output.name)
                if value is not None:
                    await self._outputs.send(output, value)
        except (OutputFailed, AzureError, UnicodeDecodeError) as refused:
            return f"{type(refused).__name__}: {refused}", ""
        return None, ""

    def _end_process(self, function: str, invocation_id: str) -> None:
        logger.error("%s %s timed out after %s s: the host ends", function, invocation_id, self._timeout)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _log(function: str, invocation_id: str, seconds: float, failure: str | None, trace: str) -> None:
    """Write the one line of an invocation, and below a failure its traceback."""
    if failure is None:
        logger.info("%s %s %.0f ms ok", function, invocation_id, seconds * 1000)
        return
    logger.error("%s %s %.0f ms failed: %s", function, invocation_id, seconds * 1000, " ".join(failure.split()))
    for line in _without_worker_frames(trace):
        logger.info("  | %s", line)


def _without_worker_frames(trace: str) -> list[str]:
    """Return the lines of a traceback that are the app's: the worker's own frames are the same every time."""
    kept: list[str] = []
    dropping = False
    for line in trace.rstrip().splitlines():
        if line.startswith("  File "):
            dropping = "azure_functions_runtime" in line or "concurrent/futures/thread.py" in line
        elif not line.startswith("    "):
            dropping = False
        if not dropping:
            kept.append(line)
    return kept
