"""The app's functions: the worker's metadata read, resolved and checked, since the worker checks none of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localazure.host.routes import BadRoute, Route, parse_route
from localazure.host.schedule import BadSchedule, Schedule, parse_schedule
from localazure.host.settings import AppSettings, BadSetting, Connection
from localazure.host.worker import Indexed

HOST_STORAGE = "AzureWebJobsStorage"
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class EventGridTrigger:
    """Woken by POST to the Event Grid webhook."""

    parameter: str


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """Woken by the messages of a Storage queue."""

    parameter: str
    queue: str
    connection: Connection
    binary: bool


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """Woken by the clock."""

    parameter: str
    schedule: Schedule
    use_monitor: bool
    run_on_startup: bool


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """Woken by a request; no methods means all."""

    parameter: str
    route: Route
    methods: frozenset[str]
    level: str


type Trigger = EventGridTrigger | QueueTrigger | TimerTrigger | HttpTrigger


@dataclass(frozen=True, slots=True)
class QueueOutput:
    """A queue that a function's value is sent to; the name `$return` is the returned value."""

    name: str
    queue: str
    connection: Connection


@dataclass(frozen=True, slots=True)
class Function:
    """One function, ready to run. A disabled one is never woken, but an administrator may still run it."""

    name: str
    id: str
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]
    disabled: bool


def read_functions(indexed: list[Indexed], settings: AppSettings, now: datetime, faults: list[str]) -> list[Function]:
    """Check and resolve what the worker reported; each fault is added to the list with its function's name."""
    functions: list[Function] = []
    for each in indexed:
        try:
            functions.append(_read_function(each, settings, now))
        except (BadSetting, BadSchedule, BadRoute) as wrong:
            faults.append(f"function {each.name}: {wrong}")
    return functions


def _read_function(indexed: Indexed, settings: AppSettings, now: datetime) -> Function:
    """Read one function. Raises BadSetting, BadSchedule or BadRoute."""
    triggers = [binding for binding in indexed.bindings if binding["type"].lower().endswith("trigger")]
    others = [binding for binding in indexed.bindings if binding not in triggers and binding["type"] != "http"]
    unknown = [binding["type"] for binding in others if binding["type"] != "queue" or binding["direction"] != "OUT"]
    if len(triggers) != 1 or unknown:
        raise BadSetting(f"this host does not play its bindings {', '.join(unknown) or 'without one trigger'}")
    if indexed.has_retry:
        raise BadSetting(
            "this host does not play retry policies; Azure ignores them on queue, Event Grid and HTTP triggers"
        )
    return Function(
        indexed.name,
        indexed.id,
        _read_trigger(triggers[0], settings, now),
        tuple(QueueOutput(each["name"], *_read_queue(each, settings)) for each in others),
        any(
            (settings.get(f"AzureWebJobs{sep}{indexed.name}{sep}Disabled") or "").lower() in {"true", "1"}
            for sep in (".", "__")
        ),
    )


def _read_trigger(binding: dict[str, Any], settings: AppSettings, now: datetime) -> Trigger:
    """Read a trigger binding. Raises BadSetting, BadSchedule or BadRoute."""
    name = binding["name"]
    match binding["type"].lower():
        case "eventgridtrigger":
            return EventGridTrigger(name)
        case "queuetrigger":
            return QueueTrigger(name, *_read_queue(binding, settings), binding.get("dataType", "").upper() == "BINARY")
        case "timertrigger":
            schedule = parse_schedule(settings.resolve(binding["schedule"]), now)
            return TimerTrigger(name, schedule, binding.get("useMonitor", True), binding.get("runOnStartup", False))
        case "httptrigger":
            methods = frozenset(method.upper() for method in binding.get("methods", ()))
            level = binding.get("authLevel", "FUNCTION").upper()
            if methods - _METHODS or level not in {"ANONYMOUS", "FUNCTION", "ADMIN"}:
                raise BadSetting(f"methods {sorted(methods)} or auth level {level}: this host does not play it")
            return HttpTrigger(name, parse_route(settings.resolve(binding["route"])), methods, level)
        case unknown:
            raise BadSetting(f"this host does not play a {unknown}")


def _read_queue(binding: dict[str, Any], settings: AppSettings) -> tuple[str, Connection]:
    """Return name and connection of a queue binding. Raises BadSetting."""
    queue = settings.resolve(binding["queueName"])
    if not _QUEUE_NAME.fullmatch(queue):
        raise BadSetting(f"'{queue}' is no queue name: 3 to 63 lower-case letters, digits and single dashes")
    return queue, settings.connection(binding.get("connection") or HOST_STORAGE, "queue")
