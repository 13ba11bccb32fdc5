"""Logging as the worker process has it: what the app logs goes to stderr as the app formats it."""

from __future__ import annotations

import logging
import sys
import threading


def set_up() -> None:
    """Log from INFO on; lines as they are, so that an app's JSON stays one object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_the_apps)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    # The worker's own lines ("Function name: …") go to system logs in Azure, where no app sees them.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)
    own = logging.getLogger("localazure.host")
    own.propagate = False
    own_handler = logging.StreamHandler(sys.stderr)
    own_handler.setFormatter(logging.Formatter("[host] %(message)s"))
    own.addHandler(own_handler)


def _is_the_apps(record: logging.LogRecord) -> bool:
    """Drop what the Azure SDK logs of each request of the host's: the host runs in the main thread, the app never."""
    from_host = record.thread == threading.main_thread().ident
    return not (from_host and record.levelno < logging.WARNING and record.name.startswith(("azure.", "msal")))
