"""host.json and the app settings that override it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from localazure.host.settings import AppSettings, BadSetting

# Members that change nothing which this host plays. `telemetryMode` and `logging` shape what Application Insights gets.
_HARMLESS = frozenset({"version", "logging", "telemetrymode", "extensionbundle", "healthmonitor", "watchdirectories"})
_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d{1,7})?)")


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """The member `extensions.queues`; times in seconds. The defaults are the extension's."""

    batch_size: int = 16
    new_batch_threshold: int = 8  # half of batchSize; the extension's newest release multiplies that by the cores
    max_dequeue_count: int = 5
    visibility_timeout: float = 0
    max_polling_interval: float = 60
    base64: bool = True


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What host.json and its overrides say; times in seconds."""

    function_timeout: float | None = 1800  # the default of Flex Consumption; None: no limit
    route_prefix: str = "api"
    queues: QueueOptions = field(default_factory=QueueOptions)


def parse_span(text: object) -> float:
    """Return the seconds of a .NET time span such as `00:01:00` or `1.00:00:00`. Raises BadSetting."""
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadSetting(f"{text!r} is no time span of the form hh:mm:ss")
    days, hours, minutes, seconds = match.groups(default="0")
    return timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()


def read_host_json(app: Path, settings: AppSettings, faults: list[str]) -> HostOptions:
    """Read host.json and the settings AzureFunctionsJobHost__a__b; what is wrong or not played is added to the faults."""
    try:
        document = json.loads((app / "host.json").read_text("utf-8"))
    except (OSError, ValueError) as unreadable:
        faults.append(f"host.json: {unreadable}")
        document = {}
    members = _Members(_flatten(document) | settings.overrides(), faults)
    size = members.take("extensions.queues.batchsize", _between(1, 32), 16)
    options = HostOptions(
        members.take("functiontimeout", lambda value: None if str(value) == "-1" else parse_span(value), 1800.0),
        members.take("extensions.http.routeprefix", str, "api").strip("/"),
        QueueOptions(
            size,
            members.take("extensions.queues.newbatchthreshold", _between(0, 1000), size // 2),
            members.take("extensions.queues.maxdequeuecount", _between(1, 1000), 5),
            members.take("extensions.queues.visibilitytimeout", parse_span, 0.0),
            members.take("extensions.queues.maxpollinginterval", parse_span, 60.0),
            members.take("extensions.queues.messageencoding", _is_base64, True),
        ),
    )
    members.take("concurrency.dynamicconcurrencyenabled", _only_false, None)
    members.refuse_the_rest()
    return options


class _Members:
    """The members of host.json by lower-cased path; what nobody took is refused at the end."""

    def __init__(self, values: dict[str, Any], faults: list[str]) -> None:
        self._values = values
        self._faults = faults

    def take[T, D](self, path: str, convert: Callable[[Any], T], default: D) -> T | D:
        """Convert a member, or return the default if it is absent or wrong."""
        if path not in self._values:
            return default
        try:
            return convert(self._values.pop(path))
        except ValueError as wrong:
            self._faults.append(f"host.json {path}: {wrong}")
            return default

    def refuse_the_rest(self) -> None:
        """Add a fault for each member that this host neither plays nor may ignore."""
        for path in sorted(self._values):
            if path.split(".")[0] not in _HARMLESS:
                self._faults.append(f"host.json {path}: this host does not play it")


def _flatten(document: object, path: str = "") -> dict[str, Any]:
    """Return the leaves of a JSON object by lower-cased dotted path."""
    if not isinstance(document, dict):
        return {path: document}
    leaves: dict[str, Any] = {}
    for name, value in document.items():
        leaves |= _flatten(value, f"{path}.{name}".lower().lstrip("."))
    return leaves


def _between(low: int, high: int) -> Callable[[Any], int]:
    """Return a converter to an integer of this range."""

    def convert(value: object) -> int:
        number = int(str(value))
        if not low <= number <= high:
            raise BadSetting(f"{number} is not between {low} and {high}")
        return number

    return convert


def _is_base64(value: object) -> bool:
    """Read `messageEncoding`."""
    encoding = str(value).lower()
    if encoding not in {"base64", "none"}:
        raise BadSetting(f"'{value}' is neither base64 nor none")
    return encoding == "base64"


def _only_false(value: object) -> None:
    """Refuse what would change how many messages run at once."""
    if str(value).lower() != "false":
        raise BadSetting("this host does not play dynamic concurrency")
