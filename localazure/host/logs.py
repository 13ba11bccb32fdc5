"""Logging as the worker process has it: what the app logs goes to stderr as the app formats it."""

from __future__ import annotations

import logging
import sys
import threading


def set_up() -> None:
    """Log from INFO on; lines as they are, so that an app's JSON stays one object a line. Call it after all imports."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # The worker's own lines ("Function name: …") go to system logs in Azure, where no app sees them.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)
    # The name of azure-core's request log; the logger itself is made by the first client.
    requests = "azure.core.pipeline.policies.http_logging_policy"
    for name in (requests, *logging.root.manager.loggerDict):
        if name.startswith(("azure.", "msal")):
            logging.getLogger(name).addFilter(_is_the_apps)
    own = logging.getLogger("localazure.host")
    own.propagate = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("[host] %(message)s"))
    own.addHandler(handler)


def _is_the_apps(record: logging.LogRecord) -> bool:
    """Drop what the Azure SDK logs of the host's own requests: the host runs in the main thread, the app never."""
    return record.levelno >= logging.WARNING or record.thread != threading.main_thread().ident
