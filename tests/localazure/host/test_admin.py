"""The administrator's API, and keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.localazure.host.conftest import StartHost
from tests.localazure.host.hosts import Account, Host


def test_a_function_of_each_kind_is_run_by_hand(host: Host, text: str) -> None:
    """The answer is 202 at once, and the log shows the run; a timer's input is ignored and it is not past due."""
    event = json.dumps({"id": text})
    assert host.ask("POST", "/admin/functions/on_event", {"input": event}).status == 202
    host.wait_for(event=text)
    assert host.ask("POST", "/admin/functions/ON_RAW", {"input": text}).status == 202
    host.wait_for(raw=text)
    assert host.ask("POST", "/admin/functions/on_tick", {"input": "whatever"}).status == 202
    host.wait_for(past_due=False)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("nobody", {"input": ""}, 404),
        ("on_tick", None, 400),
        ("on_tick", "{", 400),
        ("on_event", {"input": "[{}]"}, 400),
        ("on_event", {"input": "nonsense"}, 400),
        ("echo", {"input": ""}, 400),
    ],
)
def test_what_cannot_be_run_by_hand(host: Host, name: str, body: object, status: int) -> None:
    """No such function; no body; an event that is not one object; an HTTP function, which has a route."""
    assert host.ask("POST", f"/admin/functions/{name}", body).status == status


def test_functions_and_state_are_told(host: Host) -> None:
    """The list names every function, and the host says that it runs."""
    names = {each["name"] for each in host.ask("GET", "/admin/functions").json()}
    assert names == set(host.ready["functions"])
    assert host.ask("GET", "/admin/host/status").json()["state"] == "Running"


def test_keys_are_checked_when_given(
    start_host: StartHost, new_host_account: Callable[[], Account], tmp_path: Path
) -> None:
    """Each level takes its own key or the master key; anonymous functions take none."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"master": "m", "default": "d", "eventgrid_extension": "e"}))
    with start_host(new_host_account(), "--keys", str(keys)) as host:

        def status(method: str, path: str, key: str) -> tuple[int, int]:
            """Return the answers with the key in the header and in the query."""
            joint = "&" if "?" in path else "?"
            return (
                host.ask(method, path, "{}", x_functions_key=key).status,
                host.ask(method, f"{path}{joint}code={key}", "{}").status,
            )

        assert status("POST", "/api/parse", "x") == (401, 401)
        assert status("POST", "/api/parse", "d") == status("POST", "/api/parse", "m") == (204, 204)
        assert status("POST", "/api/numbers/0", "d") == (401, 401)
        assert status("POST", "/api/numbers/0", "m") == (202, 202)
        webhook = "/runtime/webhooks/eventgrid?functionName=on_event"
        assert status("POST", webhook, "d") == (401, 401)
        assert status("POST", webhook, "e") == status("POST", webhook, "m") == (400, 400)
        assert status("GET", "/admin/host/status", "d") == (401, 401)
        assert status("GET", "/admin/host/status", "m") == (200, 200)
        assert host.ask("GET", "/api/echo/kv-1").status == 207
