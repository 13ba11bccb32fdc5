"""A custom topic takes whole batches of CloudEvents from who has its token."""

from __future__ import annotations

import pytest
import urllib3

from localazure.client import LocalAzure
from localazure.environment import topic_endpoint
from tests.localazure.outside import Outside

GOOD = {"specversion": "1.0", "id": "n1", "source": "/perennial", "type": "Perennial.Test", "data": {"a": 1}}
BATCH = "application/cloudevents-batch+json; charset=utf-8"


def publish(
    outside: Outside,
    topic: str,
    body: object,
    *,
    resource: str = "https://eventgrid.azure.net",
    content_type: str = BATCH,
) -> urllib3.BaseHTTPResponse:
    """Publish to a topic as Event Grid's client does."""
    return outside.http.request(
        "POST",
        f"{topic_endpoint(topic)}?api-version=2018-01-01",
        headers={"Authorization": outside.token(resource, "perennial"), "Content-Type": content_type},
        json=body,
    )


def test_a_batch_is_taken_and_kept(azure: LocalAzure, outside: Outside) -> None:
    """200, and the subscriber got each event once."""
    assert publish(outside, "topic-good", [GOOD, GOOD | {"id": "n2"}]).status == 200
    assert azure.topic("topic-good") == [GOOD, GOOD | {"id": "n2"}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([GOOD, {name: value for name, value in GOOD.items() if name != "id"}], "Event 1 lacks id"),
        ([GOOD | {"type": ""}], "lacks type"),
        ([GOOD | {"specversion": "0.3"}], "specversion"),
        ([], "1 to 5000"),
        (["text"], "not an object"),
    ],
)
def test_one_bad_event_refuses_the_batch(azure: LocalAzure, outside: Outside, body: object, words: str) -> None:
    """400 says which event lacks what, and nothing is kept."""
    answer = publish(outside, "topic-bad", body)
    assert answer.status == 400
    assert words in answer.json()["error"]["message"]
    assert azure.topic("topic-bad") == []


def test_a_token_for_another_service_is_refused(azure: LocalAzure, outside: Outside) -> None:
    """The audience must be Event Grid's."""
    assert publish(outside, "topic-bad", [GOOD], resource="https://vault.azure.net").status == 401
    assert azure.topic("topic-bad") == []


def test_the_input_schema_is_cloud_events(outside: Outside) -> None:
    """Plain JSON, as the Event Grid schema would be sent, is refused."""
    assert publish(outside, "topic-bad", [GOOD], content_type="application/json").status == 400


def test_a_request_over_a_megabyte_is_refused(outside: Outside) -> None:
    """413, the limit of a publish request."""
    assert publish(outside, "topic-bad", [GOOD | {"data": "x" * 1024 * 1024}]).status == 413
