"""docs/telemetry.md tells of every metric as it is, and of the switches that there are."""

from __future__ import annotations

import re

from perennial.telemetry import CALLS, METRICS, SWITCHES
from tests.docs.pages import Page, page, rows


def telemetry() -> Page:
    """Read the page."""
    return page("docs/telemetry.md")


def told(text: str) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """Return what the table of metrics says: name, kind, unit, meaning, attributes."""
    return [
        (name.strip("`"), kind, unit.strip("`"), means, tuple(re.findall(r"`(\w+)`", attributes)))
        for name, kind, unit, means, attributes in rows(text)
    ]


def test_every_metric_is_told_as_it_is() -> None:
    """Name, kind, unit, meaning and attributes are those of the code, in their order."""
    are = [(m.name, "histogram" if m.value else "counter", m.unit, m.means, m.attributes) for m in METRICS]
    assert told(telemetry().section("Metrics")) == are


def test_the_counter_of_calls_is_told() -> None:
    """Name, unit and meaning are those of the code."""
    assert [cells[:4] for cells in told(telemetry().section("Calls by dependency"))] == [
        (CALLS[0], "counter", *CALLS[1:])
    ]


def test_every_switch_is_told() -> None:
    """Both switches of the worker are explained."""
    section = telemetry().section("Turn it on")
    assert all(switch in section for switch in SWITCHES)


def test_a_wrong_unit_would_be_seen() -> None:
    """The comparison reads the cells: change one, and the table is no longer that of the code."""
    whole = telemetry()
    wrong = Page(whole.path, whole.text.replace("| histogram | `d` |", "| histogram | `h` |"))
    assert wrong.text != whole.text
    assert told(wrong.section("Metrics")) != told(whole.section("Metrics"))
