"""Telemetry: metrics read off the log lines where the host exports them; elsewhere nothing is imported."""

from __future__ import annotations

import re

from localazure.client import LocalAzure
from localazure.environment import inherited
from perennial.telemetry import METRICS
from tests.architecture.source import ROOT
from tests.docs.pages import page, rows
from tests.wiring.test_wiring import SETTINGS, run

MEASURED = """
import json
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
from perennial import wiring, log
wiring.measure()
log.line("look", decision="wait-until", reason="not-due", days_left=20.5)
log.line("look", decision="wait-until", reason="not-due", days_left=None)
log.line("renewal", outcome="issued", issuer="vault", trigger="due", seconds_since_due=90)
data = reader.get_metrics_data()
print(json.dumps({
    metric.name: [[dict(point.attributes), getattr(point, "value", None) or point.sum] for point in metric.data.data_points]
    for metric in data.resource_metrics[0].scope_metrics[0].metrics
}))
"""

QUIET = """
import json, sys
from perennial import wiring, log
wiring.measure()
log.line("look", decision="wait-until")
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "azure"))))
"""


SPANS = """
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
memory, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
from perennial import wiring
wiring.measure()
from perennial.model.certificate import CertificateRef
from perennial.model.inventory import FleetRow
from perennial.model.messages import Look
world = wiring.world()
ref = CertificateRef(next(iter(world.settings.vaults)), "www")
world.tables.fleet.insert(FleetRow(first_seen=world.now, next_check=world.now))
world.queues.send(Look(certificate=ref, cause="test"))
world.vaults.page(ref.vault)
print(json.dumps([[span.name, span.kind.name, span.instrumentation_scope.name, dict(span.attributes)] for span in memory.get_finished_spans()]))
"""

CALLED = """
import json
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
from perennial import wiring
from perennial.errors import PerennialError
from perennial.model.certificate import CertificateRef
world = wiring.world()
vault = next(iter(world.settings.vaults))
world.vaults.page(vault)
world.tables.inventory.get(vault, "www")
try:
    world.vaults.get(CertificateRef("kv-elsewhere", "www"))
except PerennialError:
    pass
points = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
print(json.dumps(sorted([*point.attributes.values(), point.value] for point in points)))
"""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process with settings."""
    return inherited() | SETTINGS | {"PYTHONPATH": str(ROOT)} | more


def test_lines_are_measured_where_the_host_exports() -> None:
    """Counters count lines, histograms take a line's value; a value that is not there is not measured."""
    measured = run(MEASURED, environment(PYTHON_ENABLE_OPENTELEMETRY="true"))
    look = {"decision": "wait-until", "reason": "not-due"}
    assert measured["perennial.looks"] == [[look, 2]]
    assert measured["perennial.certificate.days_left"] == [[{"decision": "wait-until"}, 20.5]]
    assert measured["perennial.renewal.since_due"] == [[{"outcome": "issued"}, 90]]


def test_nothing_is_imported_where_it_does_not() -> None:
    """Off, telemetry costs no import: neither OpenTelemetry nor an SDK."""
    assert run(QUIET, environment()) == []


def test_calls_become_spans_as_the_page_says(azure: LocalAzure, vault: str, account: str) -> None:
    """Each call to Azure is a span with its requests; names and attributes are those of docs/telemetry.md, and no token is in them."""
    variables = azure.environment(account=account, vaults={vault: "renew"}) | {"PYTHON_ENABLE_OPENTELEMETRY": "true"}
    spans = run(SPANS, variables | {"PYTHONPATH": str(ROOT)})
    client, internal = (cells for cells in rows(page("docs/telemetry.md").section("Traces")))
    inner = {name for name, kind, _, _ in spans if kind == "INTERNAL"}
    assert {scope for _, _, scope, _ in spans} == {"azure-core"}
    assert inner >= set(re.findall(r"`([^`]+)`", internal[0]))
    assert {name for name, kind, _, _ in spans if kind == "CLIENT"} >= {"GET", "POST", "PUT"}
    told = {
        kind: set(re.findall(r"`([^`]+)`", cells[2])) for kind, cells in (("CLIENT", client), ("INTERNAL", internal))
    }
    seen = {kind: {name for _, of, _, names in spans if of == kind for name in names} for kind in told}
    assert seen == told
    assert "Bearer" not in str(spans)
    assert all("messagettl=REDACTED" in names["url.full"] for _, _, _, names in spans if "messagettl" in str(names))


def test_calls_are_counted_by_dependency(azure: LocalAzure, vault: str, account: str) -> None:
    """A call that ended well and one that did not, each under its dependency, its method and its outcome."""
    variables = azure.environment(account=account, vaults={vault: "renew"}) | {"PYTHON_ENABLE_OPENTELEMETRY": "true"}
    counted = run(CALLED, variables | {"PYTHONPATH": str(ROOT)})
    assert [*counted[0][:2], counted[0][3]] == ["key-vault", "get", 1]
    assert counted[0][2] in ("Forbidden", "Unreachable")
    assert counted[1:] == [["key-vault", "page", "ok", 1], ["tables", "get", "ok", 1]]


def test_without_the_switch_no_call_is_counted() -> None:
    """The ports are then what they are: nothing stands between them and who calls."""
    told = run(
        "import json; from perennial import wiring; print(json.dumps([type(wiring._tables().inventory).__name__, wiring._counter()]))",
        environment(),
    )
    assert told == ["AzureTable", None]


def test_without_the_switch_no_call_is_a_span(azure: LocalAzure, vault: str, account: str) -> None:
    """A provider alone changes nothing."""
    variables = azure.environment(account=account, vaults={vault: "renew"})
    assert run(SPANS, variables | {"PYTHONPATH": str(ROOT)}) == []


def test_what_is_measured_stands_in_lines_that_are_written() -> None:
    """Each metric's event is one that the product logs, with the members that it reads."""
    source = "\n".join(path.read_text() for path in (ROOT / "perennial").rglob("*.py") if path.name != "telemetry.py")
    for metric in METRICS:
        assert f'"{metric.event}"' in source, metric.name
        for member in (*metric.attributes, *([metric.value] if metric.value else [])):
            assert f"{member}=" in source or f'"{member}":' in source, f"{metric.name}: {member}"
