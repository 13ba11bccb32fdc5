"""The reader of Bicep that the model stands on: what it works out, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep.azure import Azure, Scope
from tests.infra.bicep.deployment import Deployment
from tests.infra.bicep.evaluator import Faulty, NotYet
from tests.infra.bicep.functions import guid, union, unique_string
from tests.infra.bicep.lexer import Unreadable
from tests.infra.bicep.parser import read

STORAGE = """
resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'stx'
  location: 'here'
}
"""
EXPRESSIONS: dict[str, Any] = {
    "made ? one : parts[1]": "b",
    "!made && length(parts) == 2": True,
    "nothing.?here ?? 'none'": "none",
    "parts[?5] ?? 'none'": "none",
    "'${parts[0]}-${toUpperless('X')}'": "a-x",
    "[for (p, i) in parts: '${p}${i}']": ["a0", "b1"],
    "join(map(parts, p => '${p}'), '\\'')": "a'b",
    "union({ a: { b: 1 } }, { a: { c: 2 } })": {"a": {"b": 1, "c": 2}},
    "flatten([parts, ['c']])": ["a", "b", "c"],
    "toObject(parts, p => p, p => '${p}${p}')": {"a": "aa", "b": "bb"},
    "cidrSubnet('10.0.0.0/24', 25, 1)": "10.0.0.128/25",
    "made\n  ? 'yes' // a comment\n  : 'no'": "no",
}


def deployment(folder: Path, text: str, scope: Scope | None = None, **given: Any) -> Deployment:
    """Write a file and begin to deploy it."""
    path = folder / "main.bicep"
    path.write_text(text, encoding="utf-8")
    read.cache_clear()
    return Deployment(Azure(), path, given, scope or Scope(group="rg"))


def worked_out(folder: Path, expression: str) -> Any:
    """Work out an expression."""
    text = f"""var made = false
var one = 'x'
var parts = ['a', 'b']
var nothing = null
func toUpperless(t string) string => toLower(t)
output o object = {expression}
"""
    return deployment(folder, text).output("o")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_worked_out(tmp_path: Path, expression: str) -> None:
    """As Bicep's documentation says, also where a grammar of others misreads what binds tighter."""
    assert worked_out(tmp_path, expression) == EXPRESSIONS[expression]


@pytest.mark.parametrize(
    "expression",
    ["parts[5]", "one.b", "nope", "toWhat(one)", "map(filter(parts, (p, i) => i > 0), p => p)", "'${parts}'"],
)
def test_what_bicep_refuses_is_refused(tmp_path: Path, expression: str) -> None:
    """Beyond an array's end, an unknown name or function, an operator outside of the subset, an array as text."""
    with pytest.raises(Faulty):
        worked_out(tmp_path, expression)


def test_a_name_must_be_known_at_the_start(tmp_path: Path) -> None:
    """What a resource says of itself is too late for another's name, even by way of a variable."""
    late = "var blob = account.properties.primaryEndpoints.blob\n"
    topic = "resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {{\n  name: {}\n}}\n"
    with pytest.raises(NotYet, match="name of topic needs blob"):
        deployment(tmp_path, STORAGE + late + topic.format("blob")).run()
    deployment(tmp_path, STORAGE + late + topic.format("account.name")).run()


def test_a_location_must_be_known_at_the_start(tmp_path: Path) -> None:
    """Resource Manager takes no value that is read from a resource as a location."""
    text = (
        STORAGE
        + "resource t 'Microsoft.EventGrid/topics@2025-02-15' = {\n  name: 't'\n  location: account.location\n}\n"
    )
    with pytest.raises(NotYet, match="location of t needs location of account"):
        deployment(tmp_path, text).run()


def test_a_circle_is_refused(tmp_path: Path) -> None:
    """Two variables that need each other."""
    with pytest.raises(Faulty, match="needs itself"):
        deployment(tmp_path, "var a = b\nvar b = a\noutput o string = a\n").output("o")


def test_parameters_are_checked(tmp_path: Path) -> None:
    """Unknown ones, missing ones, and values that are not allowed."""
    text = "@allowed(['a'])\nparam p string\n"
    for given, said in (({}, "missing"), ({"p": "a", "q": 1}, "unknown"), ({"p": "b"}, "not one of")):
        with pytest.raises(Faulty, match=said):
            deployment(tmp_path, text, **given)
    deployment(tmp_path, text, p="a").run()


def test_a_resource_that_is_not_made_is_not_read(tmp_path: Path) -> None:
    """Reading one whose condition does not hold fails when it is deployed."""
    text = STORAGE.replace("= {", "= if (false) {", 1) + "output o string = account.properties.primaryEndpoints.blob\n"
    with pytest.raises(Faulty, match="is not made"):
        deployment(tmp_path, text).output("o")


def test_a_file_for_another_scope_is_refused(tmp_path: Path) -> None:
    """A module for resource groups is not deployed to a subscription."""
    (tmp_path / "inner.bicep").write_text(STORAGE, encoding="utf-8")
    text = "targetScope = 'subscription'\nmodule m 'inner.bicep' = {\n  scope: {}\n}\n"
    with pytest.raises(Faulty, match="is not for"):
        deployment(tmp_path, text.replace("  scope: {}\n", ""), Scope()).run()
    made = deployment(tmp_path, text.replace("{}", "resourceGroup('x')"), Scope()).run().azure.made
    assert [one.id for one in made] == [f"{Scope(group='x').id}/providers/Microsoft.Storage/storageAccounts/stx"]


@pytest.mark.parametrize(
    "text", ["var = 1", "param p", "resource x 'a@b' {", "nonsense x = 1", "var a = [1", "var a = §"]
)
def test_what_cannot_be_read_says_where(tmp_path: Path, text: str) -> None:
    """The line is named."""
    with pytest.raises(Unreadable, match=r"line [12]"):
        deployment(tmp_path, text)


def test_seeds_decide_names() -> None:
    """The same seeds give the same name, others another."""
    assert unique_string("a", "b") == unique_string("a", "b") != unique_string("a", "c")
    assert guid("a", "b") == guid("a", "b") != guid("b", "a")
    assert union(["a", "b"], ["b", "c"]) == ["a", "b", "c"]
