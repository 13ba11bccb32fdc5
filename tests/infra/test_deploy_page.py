"""docs/deploy.md names what there is, and its sums add up."""

from __future__ import annotations

import re
from fractions import Fraction

from tests.docs.pages import Page, first_words, page, rows
from tests.infra.bicep.parser import read
from tests.infra.stage import INFRA, ROOT, deployed


def deploy_page() -> Page:
    """Read the page."""
    return page("docs/deploy.md")


def dollars(cell: str) -> Fraction:
    """Return the amount at a cell's end."""
    return Fraction(re.sub(r"[*]", "", cell.rpartition(": ")[2] or cell))


def test_the_parameters_are_those_of_the_file() -> None:
    """Each is told, but those that azd fills and the few that explain themselves."""
    known = set(read(INFRA / "main.bicep").parameters)
    table = deploy_page().section("Parameters")
    told = {name for cells in rows(table) for name in re.findall(r"`(\w+)`", cells[0])}
    assert told <= known
    assert known - told == {"environmentName", "location", "tags", "alertWebhook"}


def test_members_of_parameters_exist() -> None:
    """What a parameter's row names is a member of its type or a parameter."""
    types = read(INFRA / "types.bicep").types
    members = {one.name for found in types.values() for one in found} | set(read(INFRA / "main.bicep").parameters)
    text = deploy_page().text
    objects = re.findall(r'"(\w+)": (?:\{|true|false)', text)
    named = {name for name in objects if name != "value" and not name.isupper()}
    assert {name for name in named if not name.startswith(("PYTHON_", "PERENNIAL_"))} - {
        "parameters",
        "wiring",
        "isEnabled",
        "force",
    } <= members


def test_the_ways_to_reach_a_vault_are_told() -> None:
    """The table has every value of `reach`."""
    told = set(first_words(deploy_page().section("A private installation")))
    (kind,) = [one.type for one in read(INFRA / "types.bicep").types["vaultType"] if one.name == "reach"]
    assert told == set(re.findall(r"'(\w+)'", kind))


def test_every_alert_is_told_with_its_severity() -> None:
    """One row an alert, as it is deployed."""
    stage = deployed("public")
    log = {
        one.get("properties.displayName").partition(": ")[2]: one.get("properties.severity")
        for one in stage.all("Microsoft.Insights/scheduledQueryRules")
    }
    told = {cells[0].partition(",")[0]: int(cells[1]) for cells in rows(deploy_page().section("Alerts"))}
    lost = {one.get("properties.severity") for one in stage.all("Microsoft.Insights/metricAlerts")}
    assert {told.pop("events dead-lettered")} == lost
    assert told == log


def test_the_costs_add_up() -> None:
    """Each column's lines make its sum."""
    lines = [cells for cells in rows(deploy_page().section("What it costs")) if len(cells) == 5]
    *parts, whole = lines
    for column in (2, 3, 4):
        assert sum(dollars(cells[column]) for cells in parts) == dollars(whole[column])


def test_the_commands_name_files_that_are_there() -> None:
    """Each path below infra/ in a command exists."""
    named = {path for line in deploy_page().commands for path in re.findall(r"\binfra/[\w./-]+", line)}
    assert named
    assert all((ROOT / path).is_file() for path in named)
