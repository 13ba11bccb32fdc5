"""What is watched: queries read what the app really writes, and nothing that they read is sampled away."""

from __future__ import annotations

import json
import logging
import re
import subprocess
from functools import cache

import pytest

from localazure.install_azurite import NODE
from perennial import log
from perennial.decisions.backoff import Refusal
from perennial.model.reasons import ReasonCode
from tests.infra.bicep.azure import Made
from tests.infra.logged import lines
from tests.infra.stage import INFRA, NAMES, ROOT, deployed, indexed

QUERIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((INFRA / "watch").glob("*.kql"))}
MEMBER = re.compile(r"\bline(?:\.|\[')(\w+)")
EVENTS = re.compile(r"line\.event\) (?:==|in) \(?((?:'[\w-]+'(?:, )?)+)")
REASONS = re.compile(r"line\.reason\) (?:==|!in|in) \(?((?:'[\w-]+'(?:, )?)+)")
#: What each alert must be about.
WANTED = {
    "nothing-has-run-for-an-hour",
    "no-whole-sweep-for-a-day-and-a-half",
    "renewal-failing",
    "emergency-floor",
    "expired",
    "loop-guard",
    "poison-queue",
    "deliveries-abandoned",
    "vault-throttled",
    "vault-refuses",
    "function-failing",
    "misconfigured",
}


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.texts.append(record.getMessage())


@cache
def parsed() -> dict[str, list[str]]:
    """Hold every query against Kusto's own parser, and two that are wrong."""
    broken = {"no column": "AppTraces | where Mesage == ''", "no query": "AppTraces | wher x"}
    told = json.dumps({name: text.replace("##APP##", "func-x") for name, text in QUERIES.items()} | broken)
    script = ROOT / "tests" / "infra" / "kusto.cjs"
    done = subprocess.run([NODE, script], input=told, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def rules(name: str) -> dict[str, Made]:
    """Return the alerts over the log, by what they are about."""
    made = deployed(name).all("Microsoft.Insights/scheduledQueryRules")
    return {re.sub(r"^alert-[a-z0-9]+-", "", one.name): one for one in made}


def quoted(pattern: re.Pattern[str], text: str) -> set[str]:
    """Return the words in quotes that a pattern finds."""
    return {word for found in pattern.findall(text) for word in re.findall(r"'([\w-]+)'", found)}


@pytest.mark.parametrize("query", QUERIES)
def test_kusto_reads_the_query(query: str) -> None:
    """It parses, every function exists, and every column is one of its table."""
    assert parsed()[query] == []


def test_kusto_refuses_what_is_wrong() -> None:
    """A column that no table has, and an operator that is none."""
    assert parsed()["no column"]
    assert parsed()["no query"]


@pytest.mark.parametrize("query", [name for name, text in QUERIES.items() if "line." in text])
def test_a_query_reads_members_that_the_line_has(query: str) -> None:
    """Each event that it asks for is written somewhere, with every member that it reads."""
    text = QUERIES[query]
    events, members = quoted(EVENTS, text), set(MEMBER.findall(text))
    assert events
    assert events <= set(lines())
    assert members <= frozenset().union(*(lines()[event] for event in events))


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_reasons_that_there_are(query: str) -> None:
    """Reasons and causes of closures are those of the code."""
    assert quoted(REASONS, QUERIES[query]) <= set(ReasonCode)
    closures = set(re.findall(r"line\.why\) [!=]= '([\w-]+)'", QUERIES[query]))
    assert closures <= set(Refusal)


def test_a_member_that_no_line_has_would_be_seen() -> None:
    """The schema is not a sieve: it knows events, and each one's members alone."""
    assert "life_left" in lines()["look"]
    assert "life_left" not in lines()["deliver"]
    assert "seen" in lines()["sweep"]
    assert "sleep" not in lines()


def test_a_query_finds_the_lines_by_their_beginning() -> None:
    """A line begins with its event: queries look for that before they parse."""
    handler = Heard()
    log.LOGGER.addHandler(handler)
    try:
        log.warn("abandoned", subject="x")
    finally:
        log.LOGGER.removeHandler(handler)
    assert [text.startswith('{"event":') for text in handler.texts] == [True]
    assert all("Message startswith '{\"event\":'" in text for text in QUERIES.values() if "parse_json" in text)


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_there_and_tells_somebody(name: str) -> None:
    """Each is on, asks about this app alone in the workspace, and goes to the action group."""
    stage = deployed(name)
    group = stage.one("Microsoft.Insights/actionGroups").id
    found = rules(name)
    assert set(found) == WANTED
    for one in found.values():
        (criterion,) = one.get("properties.criteria.allOf")
        assert one.get("properties.enabled")
        assert one.get("properties.actions.actionGroups") == [group]
        assert one.get("properties.skipQueryValidation")
        assert "##" not in criterion["query"]
        assert (
            criterion["query"].count(f"'{stage.one('Microsoft.Web/sites').name}'")
            == criterion["query"].count("App") // 2
        )


@pytest.mark.parametrize("query", sorted(WANTED))
def test_an_alert_splits_by_a_column_that_its_query_returns(query: str) -> None:
    """Dimensions are columns of the result; a muted alert is stateless, as Azure Monitor wants it."""
    rule = rules("public")[query]
    (criterion,) = rule.get("properties.criteria.allOf")
    columns = set(parsed()[f"{query}:columns"])
    asked = {one["name"] for one in criterion.get("dimensions", [])}
    assert asked <= columns
    assert bool(rule.get("properties.muteActionsDuration")) != rule.get("properties.autoMitigate")


def test_the_dead_mans_switch_needs_no_line() -> None:
    """An hour of which the query counts no tick: a sum without groups has a row even where there is nothing."""
    rule = rules("public")["nothing-has-run-for-an-hour"]
    (criterion,) = rule.get("properties.criteria.allOf")
    last = criterion["query"].splitlines()[-2:]
    assert last == ["| summarize ticks = count()", "| where ticks == 0"]
    assert (rule.get("properties.windowSize"), rule.get("properties.severity")) == ("PT1H", 0)
    assert (criterion["operator"], criterion["threshold"], criterion["timeAggregation"]) == ("GreaterThan", 0, "Count")


@pytest.mark.parametrize("name", NAMES)
def test_lost_events_are_told_of(name: str) -> None:
    """Each vault's system topic has an alert for dead-lettered events and one for dropped ones; the topic for dependents one for dropped."""
    stage = deployed(name)
    alerts = stage.all("Microsoft.Insights/metricAlerts")
    told = {(one.get("properties.scopes")[0], one.get("properties.criteria.allOf")[0]["metricName"]) for one in alerts}
    topics = {vault["systemTopicId"] for vault in stage.wiring["vaults"]}
    lost = {(topic, metric) for topic in topics for metric in ("DeadLetteredCount", "DroppedEventCount")}
    assert told == lost | {(stage.one("Microsoft.EventGrid/topics").id, "DroppedEventCount")}


@pytest.mark.parametrize("name", NAMES)
def test_diagnostics_go_to_the_workspace(name: str) -> None:
    """Vaults their audit log where that is wanted, topics their failures, storage its deletes."""
    stage = deployed(name)
    settings = stage.all("Microsoft.Insights/diagnosticSettings")
    categories: dict[str, set[str]] = {}
    for one in settings:
        source = one.id.partition("/providers/Microsoft.Insights/")[0].split("/")[-2]
        logs = {entry["category"] for entry in one.get("properties.logs") or [] if entry["enabled"]}
        categories[source] = categories.get(source, set()) | logs
    audited = {"vaults": {"AuditEvent"}} if name != "two-subscriptions" else {}
    assert categories == audited | {
        "systemTopics": {"DeliveryFailures"},
        "topics": {"DeliveryFailures", "PublishFailures"},
        "blobServices": {"StorageWrite", "StorageDelete"},
        "tableServices": {"StorageDelete"},
        "queueServices": set(),
    }
    assert len({one.get("properties.workspaceId") for one in settings}) == 1


def test_a_given_workspace_is_used() -> None:
    """None is made, and Application Insights, alerts and workbook ask the one that is given."""
    stage = deployed("two-subscriptions")
    given = stage.given["watching"]["workspaceId"]
    assert stage.all("Microsoft.OperationalInsights/workspaces") == []
    assert stage.one("Microsoft.Insights/components").get("properties.WorkspaceResourceId") == given
    assert stage.one("Microsoft.Insights/workbooks").get("properties.sourceId") == given
    assert {one.get("properties.scopes")[0] for one in rules("two-subscriptions").values()} == {given}


def test_the_workbook_shows_every_board_query() -> None:
    """Each query that is named for the board is a panel, in the shape of a workbook."""
    board = json.loads(deployed("public").one("Microsoft.Insights/workbooks").get("properties.serializedData"))
    shown = {item["content"]["query"].splitlines()[0] for item in board["items"]}
    assert board["version"] == "Notebook/1.0"
    assert shown == {text.splitlines()[0] for name, text in QUERIES.items() if name.startswith("board-")}


def test_every_query_is_used() -> None:
    """A query is an alert or a panel."""
    assert {name for name in QUERIES if not name.startswith("board-")} == WANTED


def test_what_alerts_read_is_never_sampled() -> None:
    """The host keeps every trace, request and exception, and lets information through."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    excluded = set(host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";"))
    assert {"Trace", "Request", "Exception"} <= excluded
    assert host["logging"]["logLevel"]["default"] == "Information"


def test_the_functions_of_poison_queues_are_named_as_the_alert_expects() -> None:
    """Exactly they begin with the word that the query looks for."""
    takers = {
        one.name for one in indexed().values() for b in one.bindings if str(b.get("queueName", "")).endswith("-poison")
    }
    assert takers == {name for name in indexed() if name.startswith("abandon_")}
    assert "Name startswith 'abandon_'" in QUERIES["poison-queue"]
