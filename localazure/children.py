"""Child processes that surely end: with their group when asked, and with their parent when it dies."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
GRACE = 3.0  # seconds between the polite signal and the other


def die_with_parent(deadly: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel to signal this process when its parent ends (Linux; elsewhere this does nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(deadly), 0, 0, 0)


def _tether() -> Callable[[], None]:
    """Return what a child does between fork and exec; everything it needs is loaded before the fork."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def tether() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != parent:  # the parent ended before the call above
                os._exit(1)

    return tether


class Child:
    """A child process in a process group of its own."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str | Path], environment: Mapping[str, str], *, read_output: bool = False
    ) -> Child:
        """Start a command; its output is ours, or is read from `process.stdout`."""
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if read_output else None,
            stderr=asyncio.subprocess.STDOUT if read_output else None,
            start_new_session=True,
            preexec_fn=_tether(),
        )
        return cls(name, process)

    async def stop(self) -> None:
        """End the whole group, politely first."""
        for deadly in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, deadly)
            except ProcessLookupError:
                break
            try:
                await asyncio.wait_for(self.process.wait(), GRACE)
            except TimeoutError:
                continue
        await self.process.wait()
