"""Metrics and traces through OpenTelemetry, where the Functions host is told to export them; otherwise nothing is imported.

The metrics are read off the canonical log lines: what a line says is measured, and what is measured stands in a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: The worker's own switches (Azure Functions app settings): it then configures the providers and the exporter.
SWITCHES = ("PYTHON_ENABLE_OPENTELEMETRY", "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY")

type Listener = Callable[[str, Mapping[str, object]], None]
type CallCounter = Callable[[str, str, str], None]
"""Counts a call by dependency, method of its port, and outcome."""

CALLS = ("perennial.calls", "{call}", "Calls of ports, each one call of a service")


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured of the lines of one event. Without `value` the lines are counted."""

    event: str
    name: str
    unit: str
    means: str
    attributes: tuple[str, ...]
    value: str = ""


METRICS = (
    Metric("look", "perennial.certificate.days_left", "d", "Days to expiry at a look", ("decision",), "days_left"),
    Metric("look", "perennial.looks", "{look}", "Looks", ("decision", "reason")),
    Metric("renewal", "perennial.renewals", "{renewal}", "Renewals that ended", ("outcome", "issuer", "trigger")),
    Metric("renewal", "perennial.renewal.since_due", "s", "From due to ended", ("outcome",), "seconds_since_due"),
    Metric("deliver", "perennial.deliveries", "{attempt}", "Turns of deliveries", ("outcome",)),
    Metric("sweep", "perennial.sweep.duration", "s", "From a sweep's tick to its end", (), "seconds"),
    Metric("sweep", "perennial.sweep.certificates", "{certificate}", "Certificates that a sweep saw", (), "seen"),
    Metric("sweep", "perennial.sweep.findings", "{finding}", "Findings that a sweep saw", (), "findings"),
    Metric("vault-closed", "perennial.vault.closures", "{closure}", "Vaults that were left alone", ("why",)),
    Metric("api", "perennial.api.requests", "{request}", "Requests to the API", ("operation", "status")),
)


def switched_on(environ: Mapping[str, str]) -> bool:
    """Tell whether the host exports telemetry."""
    return any(environ.get(switch, "").lower() in ("true", "1") for switch in SWITCHES)


def call_counter(environ: Mapping[str, str]) -> CallCounter | None:
    """Return what counts calls by dependency; None where the host exports nothing."""
    if not switched_on(environ):
        return None
    from opentelemetry import metrics

    counter = metrics.get_meter("perennial").create_counter(*CALLS)

    def count(dependency: str, method: str, outcome: str) -> None:
        """Count one call."""
        counter.add(1, {"dependency": dependency, "method": method, "outcome": outcome})

    return count


class Counted:
    """A port whose calls are counted, with `ok` or the name of the error that each ended with."""

    def __init__(self, port: object, dependency: str, count: CallCounter) -> None:
        self._port = port
        self._dependency = dependency
        self._count = count

    def __getattr__(self, method: str) -> Any:  # a port's method, whichever port it is
        call = getattr(self._port, method)

        def counted(*what: Any, **named: Any) -> Any:
            try:
                answer = call(*what, **named)
            except Exception as error:
                self._count(self._dependency, method, type(error).__name__)
                raise
            self._count(self._dependency, method, "ok")
            return answer

        return counted


def listener(environ: Mapping[str, str]) -> Listener | None:
    """Return what measures the lines; None where the host exports nothing.

    Calls to Azure become spans by the SDKs' own tracing, which this turns on. Raises ImportError where a switch is on without OpenTelemetry.
    """
    if not switched_on(environ):
        return None
    from azure.core.settings import settings as azure
    from opentelemetry import metrics

    azure.tracing_enabled = True
    meter = metrics.get_meter("perennial")
    counters = {m: meter.create_counter(m.name, m.unit, m.means) for m in METRICS if not m.value}
    histograms = {m: meter.create_histogram(m.name, m.unit, m.means) for m in METRICS if m.value}

    def measure(event: str, facts: Mapping[str, object]) -> None:
        """Measure one line."""
        for metric in METRICS:
            if metric.event != event:
                continue
            attributes = {name: str(facts[name]) for name in metric.attributes if facts.get(name) is not None}
            value = facts.get(metric.value)
            if not metric.value:
                counters[metric].add(1, attributes)
            elif isinstance(value, int | float):
                histograms[metric].record(value, attributes)

    return measure
