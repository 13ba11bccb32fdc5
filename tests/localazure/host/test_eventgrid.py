"""The Event Grid webhook answers as the extension does."""

from __future__ import annotations

import json
import time

import pytest

from tests.localazure.host.hosts import Host

WEBHOOK = "/runtime/webhooks/eventgrid"


def test_each_event_of_a_batch_is_one_invocation(host: Host, text: str) -> None:
    """An array is split, and each handler gets the compact JSON of one event."""
    answer = host.notify("on_event", [{"id": text, "n": 1}, {"id": text, "n": 2, "data": {"ü": None}}])
    assert (answer.status, answer.data) == (202, b"")
    seen = [line["text"] for line in host.wait_for(2, event=text)]
    assert sorted(seen) == [f'{{"id":"{text}","n":1}}', f'{{"id":"{text}","n":2,"data":{{"ü":null}}}}']


def test_a_single_object_is_a_batch_of_one(host: Host, text: str) -> None:
    """A CloudEvent outside an array is delivered too."""
    assert host.notify("on_event", {"id": text, "specversion": "1.0"}).status == 202
    assert len(host.wait_for(event=text)) == 1


def test_an_empty_batch_is_accepted(host: Host) -> None:
    """Nothing to do is no failure."""
    assert host.notify("on_event", []).status == 202


def test_one_failing_event_fails_the_batch_and_the_others_still_run(host: Host, text: str) -> None:
    """The answer is 500 with the failure's message; Event Grid sends the whole batch again."""
    answer = host.notify("on_event", [{"id": text}, {"id": text, "fail": True}, {"id": text}])
    assert answer.status == 500
    assert answer.data.decode() == f"ValueError: event {text} asks\nfor failure"
    assert len(host.wait_for(3, event=text)) == 3


def test_a_failure_is_one_line_with_the_function_and_the_message(host: Host, text: str) -> None:
    """A message of two lines is put on one, and the app's frames follow without the worker's."""
    host.notify("on_event", [{"id": text, "fail": True}])
    host.wait_for_text(f"failed: ValueError: event {text} asks for failure")
    assert "azure_functions_runtime/handle_event" not in host.log()


def test_events_of_a_batch_run_side_by_side(host: Host, text: str) -> None:
    """Three events of a second take about one second, not three."""
    began = time.monotonic()
    assert host.notify("on_event", [{"id": text, "sleep": 1}] * 3).status == 202
    assert 1 <= time.monotonic() - began < 2.5


@pytest.mark.parametrize("body", ["[{]", "", "12", '"text"'])
def test_what_is_no_object_or_array_is_an_error(host: Host, body: str) -> None:
    """The extension throws, which is a 500."""
    assert host.notify("on_event", body).status == 500


def test_validation_is_answered_with_its_code(host: Host) -> None:
    """An Event Grid schema handshake gets 200: Event Grid refuses 202 here."""
    body = [{"id": "1", "data": {"validationCode": "abc-1", "validationUrl": "https://x"}}]
    answer = host.ask("POST", f"{WEBHOOK}?functionName=on_event", body, aeg_event_type="SubscriptionValidation")
    assert (answer.status, answer.json()) == (200, {"validationResponse": "abc-1"})


def test_validation_in_object_form_has_its_data_encoded_twice(host: Host) -> None:
    """A handshake sent as a CloudEvent carries JSON within JSON."""
    body = {"id": "1", "data": json.dumps({"validationCode": "abc-2"})}
    answer = host.ask("POST", f"{WEBHOOK}?functionName=on_event", body, aeg_event_type="subscriptionvalidation")
    assert (answer.status, answer.json()) == (200, {"validationResponse": "abc-2"})


def test_a_malformed_validation_is_an_error(host: Host) -> None:
    """No code, no 200."""
    answer = host.ask("POST", f"{WEBHOOK}?functionName=on_event", [], aeg_event_type="SubscriptionValidation")
    assert answer.status == 500


def test_the_cloudevents_handshake_allows_event_grid_only(host: Host) -> None:
    """OPTIONS from Event Grid's origin is answered with that origin; from another it is not."""
    path = f"{WEBHOOK}?functionName=on_event"
    for origin in ("eventgrid.azure.net", "eventgrid.azure.us", "eventgrid.azure.cn"):
        allowed = host.ask("OPTIONS", path, WebHook_Request_Origin=origin)
        assert (allowed.status, allowed.headers["WebHook-Allowed-Origin"]) == (200, origin)
    other = host.ask("OPTIONS", path, WebHook_Request_Origin="evil.example")
    assert (other.status, other.headers.get("WebHook-Allowed-Origin")) == (400, None)


@pytest.mark.parametrize("name", ["nobody", "", "on_work", "echo"])
def test_an_unknown_function_is_not_found(host: Host, name: str) -> None:
    """Only Event Grid functions can be named."""
    answer = host.notify(name, [])
    assert (answer.status, answer.data.decode()) == (404, f"cannot find function: '{name}'")


def test_other_kinds_of_post(host: Host) -> None:
    """Unsubscribe is accepted; no kind, or an unknown one, is a bad request."""
    path = f"{WEBHOOK}?functionName=on_event"
    assert host.ask("POST", path, [], aeg_event_type="Unsubscribe").status == 202
    assert host.ask("POST", path, []).status == 400
    assert host.ask("POST", path, [], aeg_event_type="Nonsense").status == 400


def test_a_handler_that_exits_fails_its_invocation_only(host: Host, text: str) -> None:
    """SystemExit is answered with 500 and the host lives on."""
    answer = host.notify("on_event_exit", [{}])
    assert answer.status == 500
    assert b"SystemExit" in answer.data
    assert host.notify("on_event", [{"id": text}]).status == 202
