"""The API under requests made from its own description, good and bad: never a 500, and every answer as described."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from perennial.model import signing
from perennial.model.notices import Delivery, NoticeKind, Subscription, subject_of
from perennial.model.renewal import Checkpoint, Step
from perennial.workflows.world import World
from tests.api.calling import described
from tests.api.mounted import DESCRIPTION, Application, Mounted, Start
from tests.api.stocking import NOW, WATCHED, WEB, claim, remember, stock
from tests.memory.signers import request
from tests.memory.world import make_world

EXAMPLES = 15  # a mode and operation
KNOWN = {"vault": WEB.vault, "name": WEB.name, "id": "n1:orders"}
HELD = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
BOUNDED = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def stocked() -> World:
    """Return a world with something of everything to be asked about."""
    world = make_world(NOW)
    entry = replace(stock(world), awaits_signature=True)
    world.tables.inventory.put(entry)
    csr = base64.b64encode(request("web.example")).decode()
    memory = {"csr": csr, "request_id": "r1", signing.THEIRS + signing.ASKED: "2026-11-24T08:00:00+00:00"}
    claim(world, entry, issuer="corp", checkpoint=Checkpoint(Step.SIGNING, memory), failures=2, error="the CA said no")
    stock(world, WATCHED)
    remember(world, WEB, 1)
    world.tables.subscriptions.put(Subscription(name="orders", channel="memory", created=NOW))
    delivery = Delivery(
        subject=subject_of(WEB),
        notice="n1",
        subscription="orders",
        kind=NoticeKind.EXPIRING,
        opened=NOW,
        body="{}",
        time=NOW,
    )
    world.tables.deliveries.put(delivery)
    return world


def operation(name: str, application: Application) -> Any:
    """Return an operation of the description, to be asked of an application."""
    schema: Any = schemathesis.openapi.from_wsgi(DESCRIPTION, application)
    return schema.find_operation_by_id(name)


def cases(asked: Any, mode: GenerationMode) -> st.SearchStrategy[Case[Any]]:
    """Return requests of a mode: with any values in the path, and with those of what is there."""
    anywhere: st.SearchStrategy[Case[Any]] = asked.as_strategy(generation_mode=mode)
    names = {part.name for part in asked.path_parameters}
    if not names:
        return anywhere
    known = KNOWN if "vault" in names else {**KNOWN, "name": "orders"}
    there = {name: known[name] for name in names}
    return st.one_of(anywhere, asked.as_strategy(generation_mode=mode, path_parameters=there))


def ask(case: Case[Any]) -> int:
    """Send a request and hold its answer against the description; return the status."""
    response = case.call()
    assert response.status_code != 500
    case.validate_response(response, checks=list(HELD))
    return response.status_code


ASKED = [(name, mode) for name in sorted(described()) for mode in GenerationMode]
NOTHING_WRONG_TO_SAY = ("health", GenerationMode.NEGATIVE)  # it takes neither parameters nor a body


@pytest.mark.parametrize(("name", "mode"), [asked for asked in ASKED if asked != NOTHING_WRONG_TO_SAY])
def test_every_answer_is_as_described(name: str, mode: GenerationMode) -> None:
    """Requests within the description and outside of it: never a 500, and status, type, headers and body are as it says."""

    @given(cases(operation(name, Mounted(stocked())), mode))
    @BOUNDED
    def hold(case: Case[Any]) -> None:
        ask(case)

    hold()


@pytest.mark.parametrize(("said", "instead"), [(b'"items"', b'"things"'), (b"null", b"1")])
def test_an_answer_beside_the_description_is_seen(said: bytes, instead: bytes) -> None:
    """The proof can fail: a member of another name, and one of another type."""
    mounted = Mounted(stocked())

    def tampered(environ: Mapping[str, Any], start: Start) -> Iterable[bytes]:
        body = b"".join(mounted(environ, lambda status, headers: start(status, [headers[0]])))
        return [body if environ["PATH_INFO"] == DESCRIPTION else body.replace(said, instead)]

    case = operation("list_findings", tampered).Case(query={})
    with pytest.raises(FailureGroup):
        ask(case)
