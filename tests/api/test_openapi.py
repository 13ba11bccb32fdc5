"""openapi.yaml says what is served, no more and no less, and its examples are true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from enum import Enum
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from perennial.model.authority import AuthorityKind
from perennial.model.certificate import IssuerClass
from perennial.model.decision import KINDS
from perennial.model.findings import Severity
from perennial.model.history import HistoryKind, WalkState
from perennial.model.limits import LimitKind
from perennial.model.mode import Mode
from perennial.model.notices import DeliveryState, NoticeKind
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome, Step
from perennial.workflows.api import authorities, mode, pending, reading, renewals, subscriptions, sweeps, waivers
from tests.api.calling import ROOT, Api, described, document, doors, faults, resolved
from tests.api.stocking import NOW
from tests.memory.world import make_world

BODIES: dict[str, type[reading.Body]] = {
    "put_mode": mode.Wanted,
    "change_account": authorities.Wanted,
    "renew_certificate": renewals.Wanted,
    "discard_pending": pending.Wanted,
    "put_subscription": subscriptions.Wanted,
    "start_sweep": sweeps.Wanted,
    "put_waiver": waivers.Wanted,
}

# In a process of its own: the worker library's registry is global. Its log goes to stderr.
INDEX = """
    import json, sys
    from pathlib import Path
    from localazure.host.worker import Worker

    worker = Worker(Path(sys.argv[1]))
    try:
        print(json.dumps({function.name: function.bindings for function in worker.start()}))
    finally:
        worker.stop()
"""


def test_what_is_served_is_what_is_described() -> None:
    """The worker library indexes the very routes, methods and auth levels that openapi.yaml describes."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(INDEX), str(ROOT)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bindings = json.loads(done.stdout.splitlines()[-1])
    served = {
        name: (trigger["methods"], f"/{trigger['route']}", trigger["authLevel"])
        for name, found in bindings.items()
        for trigger in found
        if trigger["type"] == "httpTrigger"
    }
    told = {
        name: ([method], path, "ANONYMOUS" if said.get("security") == [] else "FUNCTION")
        for name, (method, path, said) in described().items()
    }
    assert served == told
    assert [name for name, (_, _, auth) in served.items() if auth == "ANONYMOUS"] == ["health"]


def test_the_doors_that_the_tests_call_are_the_doors() -> None:
    """What these tests read out of handlers/api.py is what openapi.yaml describes."""
    assert {name: (door.method, f"/{door.route}") for name, door in doors().items()} == {
        name: (method, path) for name, (method, path, _) in described().items()
    }


@pytest.mark.parametrize("name", sorted(document()["components"]["schemas"]))
def test_a_schema_is_one_and_is_used(name: str) -> None:
    """Each schema is valid JSON Schema 2020-12, and something refers to it."""
    Draft202012Validator.check_schema(document()["components"]["schemas"][name])
    assert f"#/components/schemas/{name}'" in str(document())


def examples() -> list[tuple[str, dict[str, Any], object]]:
    """List every example with its schema."""
    found: list[tuple[str, dict[str, Any], object]] = []
    for name, (_, path, said) in described().items():
        contents = [said["requestBody"]["content"]] if "requestBody" in said else []
        contents += [resolved(response).get("content", {}) for response in said["responses"].values()]
        for content in (media for of_one in contents for media in of_one.values()):
            given = [content["example"]] if "example" in content else []
            given += [example["value"] for example in content.get("examples", {}).values()]
            assert given, f"{name} has a body without an example"
            found += [(name, content["schema"], example) for example in given]
        found += [
            (name, part["schema"], part["example"])
            for part in map(resolved, said.get("parameters", []) + document()["paths"][path].get("parameters", []))
            if "example" in part
        ]
    return found


@pytest.mark.parametrize(("name", "schema", "example"), examples())
def test_an_example_is_true(name: str, schema: dict[str, Any], example: object) -> None:
    """Every example of a body or a parameter keeps to its schema."""
    assert faults(schema, example) == [], name


def test_an_untrue_example_is_seen() -> None:
    """A wrong type, a missing member and an unknown one are found, also behind references."""
    schema = {"$ref": "#/components/schemas/CertificateBrief"}
    item = described()["list_certificates"][2]["responses"]["200"]["content"]["application/json"]["example"]["items"][0]
    assert faults(schema, item) == []
    assert faults(schema, item | {"next_check": "2026-11-24T08:00:00+01:00"})
    assert faults(schema, item | {"reason": {"code": "because", "sentence": ""}})
    assert faults(schema, item | {"more": 1})
    assert faults(schema, {name: value for name, value in item.items() if name != "gone"})


@pytest.mark.parametrize("name", sorted(described()))
def test_the_query_parameters_are_those_described(name: str) -> None:
    """An operation refuses another query parameter by its name, and says which it takes: those of openapi.yaml."""
    _, path, said = described()[name]
    told = [resolved(part) for part in said.get("parameters", [])]
    names = [part["name"] for part in told if part["in"] == "query"]
    route = ["kv-orders", "web"][: path.count("{")]
    refused = Api(make_world(NOW)).call(name, *route, body={"reason": "why"}, bogus="1")
    assert (refused.status, refused.one("field")) == (400, "bogus")
    takes = re.search(r"this takes (.*)", refused.one("fix"))
    assert takes
    assert sorted(takes[1].split(", ")) == sorted(names or ["none"])


WITH_JSON = sorted(
    name
    for name, (_, _, said) in described().items()
    if "application/json" in said.get("requestBody", {}).get("content", {})
)


def test_all_bodies_but_chains_are_json() -> None:
    """A chain is posted as the CA wrote it."""
    assert {name for name, (_, _, said) in described().items() if "requestBody" in said} - set(WITH_JSON) == {
        "post_chain"
    }


@pytest.mark.parametrize("name", WITH_JSON)
def test_the_members_of_a_body_are_those_described(name: str) -> None:
    """A body takes the members that openapi.yaml describes, with the same defaults, and needs the same ones."""
    said = described()[name][2]["requestBody"]["content"]["application/json"]["schema"]
    schema = resolved(said)
    shape = BODIES[name]
    assert sorted(shape.__struct_fields__) == sorted(schema["properties"])
    optional = shape.__struct_fields__[len(shape.__struct_fields__) - len(shape.__struct_defaults__) :]
    assert sorted(set(shape.__struct_fields__) - set(optional)) == sorted(schema.get("required", []))
    for field, default in zip(optional, shape.__struct_defaults__, strict=True):
        told = resolved(schema["properties"][field]).get("default", "")
        assert told == (list(default) if isinstance(default, tuple) else default)


def _values(words: type[Enum]) -> list[str]:
    return sorted(str(word.value) for word in words)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("ReasonCode", _values(ReasonCode)),
        ("NoticeKind", _values(NoticeKind)),
        ("DeliveryState", _values(DeliveryState)),
        ("VaultMode", _values(Mode)),
        ("DecisionKind", sorted(KINDS.values())),
        ("Severity", sorted(severity.name.lower() for severity in Severity)),
        ("HistoryRecord.properties.kind", _values(HistoryKind)),
        ("Walk.properties.state", _values(WalkState)),
        ("Renewal.properties.outcome", _values(Outcome)),
        ("Renewal.properties.step", _values(Step)),
        ("LimitKind", _values(LimitKind)),
        ("Authority.properties.kind", _values(AuthorityKind)),
        ("AccountAction", sorted((authorities.REMAKE, authorities.ROLL_KEY))),
        ("Version.properties.issuer_class", _values(IssuerClass)),
    ],
)
def test_a_list_of_words_is_whole(path: str, words: list[str]) -> None:
    """Each enumeration holds the model's own words, all of them."""
    schema: Any = document()["components"]["schemas"]
    for step in path.split("."):
        schema = schema[step]
    assert sorted(word for word in schema["enum"] if word is not None) == words
