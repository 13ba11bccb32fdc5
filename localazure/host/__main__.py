"""`python -m localazure.host --app DIR`: runs a Functions app on this machine."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from pathlib import Path

from localazure.host import logs
from localazure.host.app import RefusedToStart, read_app
from localazure.host.host import GRACE, Options, serve
from localazure.host.queues import LEASE

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str] | None = None) -> int:
    """Run the host; 0 when it was told to end, 1 when it refused to start or an invocation timed out."""
    given = _parser().parse_args(arguments)
    if given.die_with_parent:
        _die_with_parent()
    logs.set_up()
    options = Options(
        given.app.resolve(),
        given.port,
        given.ready,
        given.keys,
        given.message_lease,
        given.timer_lease,
        given.grace,
    )
    try:
        plan = read_app(options.app, os.environ)
        asyncio.run(serve(plan, options))
    except RefusedToStart as refused:
        print(f"The Functions host does not start:\n{refused}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localazure.host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="0: any free one")
    parser.add_argument("--ready", type=Path, help="JSON file with port, functions and pid, written when all listens")
    parser.add_argument("--keys", type=Path, help="JSON file of access keys; without it keys are not checked")
    parser.add_argument("--message-lease", type=int, default=LEASE, help="seconds; Azure has 600")
    parser.add_argument("--timer-lease", type=float, default=15, help="seconds until another host takes over a timer")
    parser.add_argument("--grace", type=float, default=GRACE, help="seconds that what runs gets when the host ends")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends (Linux)")
    return parser


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends, however it ends."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
