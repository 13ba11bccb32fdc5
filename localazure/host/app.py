"""An app as the host sees it: indexed, its settings resolved, everything it asks for checked."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from localazure.host.functions import HOST_STORAGE, Function, TimerTrigger, read_functions
from localazure.host.hostjson import HostOptions, read_host_json
from localazure.host.settings import AppSettings, BadSetting, Connection
from localazure.host.worker import IndexingFailed, Worker

logger = logging.getLogger("localazure.host")


class RefusedToStart(Exception):
    """The app cannot be played; the text lists every reason."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An app that can be played."""

    worker: Worker
    functions: list[Function]
    host: HostOptions
    host_id: str
    host_storage: Connection | None

    def enabled(self) -> list[Function]:
        """Return the functions that are woken."""
        return [function for function in self.functions if not function.disabled]


def read_app(app: Path, environment: Mapping[str, str]) -> Plan:
    """Index the app and check all it asks for. Raises RefusedToStart with every fault."""
    faults: list[str] = []
    settings = AppSettings(environment)
    host = read_host_json(app, settings, faults)
    worker = Worker(app)
    functions: list[Function] = []
    try:
        indexed = worker.start()
        logger.disabled = False  # logging.config.dictConfig in an app switches off what was there before
        functions = read_functions(indexed, settings, datetime.now(UTC), faults)
        if not indexed:
            faults.append(f"{app} has no functions: is there a function_app.py, and are its blueprints registered?")
    except IndexingFailed as failed:
        faults.append(f"the worker could not index the app: {failed}")
    host_storage = None
    if any(isinstance(function.trigger, TimerTrigger) for function in functions):
        try:
            host_storage = settings.connection(HOST_STORAGE, "table")
        except BadSetting as missing:
            faults.append(f"timers: {missing}")
    if faults:
        raise RefusedToStart("\n".join(f"- {fault}" for fault in faults))
    return Plan(worker, functions, host, _host_id(app, settings), host_storage)


def _host_id(app: Path, settings: AppSettings) -> str:
    """Return what tells apps apart that share storage: hosts of one app have the same."""
    given = settings.get("AzureFunctionsWebHost__hostid") or settings.get("WEBSITE_SITE_NAME")
    return (given or "local-" + hashlib.sha256(str(app).encode()).hexdigest()[:12]).lower()
