"""Starting and ending: what is refused, what the ready file says, how the host goes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from tests.localazure.host.conftest import APP, StartHost
from tests.localazure.host.hosts import Account, Host

ROOT = Path(__file__).parents[3]

FAULTY = """
    import azure.functions as func
    app = func.FunctionApp()

    @app.blob_trigger(arg_name="blob", path="in/{name}", connection="Jobs")
    def on_blob(blob: func.InputStream) -> None: ...

    @app.queue_trigger(arg_name="msg", queue_name="work", connection="Jobs")
    @app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10")
    def on_retried(msg: str) -> None: ...

    @app.queue_trigger(arg_name="msg", queue_name="Bad_Name", connection="Jobs")
    def on_bad_name(msg: str) -> None: ...

    @app.queue_trigger(arg_name="msg", queue_name="work", connection="Nowhere")
    def on_nowhere(msg: str) -> None: ...

    @app.queue_trigger(arg_name="msg", queue_name="work", connection="Secret")
    def on_secret(msg: str) -> None: ...

    @app.timer_trigger(arg_name="timer", schedule="0 0 3 * * 7")
    def on_seventh_day(timer: func.TimerRequest) -> None: ...

    @app.timer_trigger(arg_name="timer", schedule="%MISSING%")
    def on_missing_setting(timer: func.TimerRequest) -> None: ...

    @app.route(route="files/{name}.{type}")
    def on_route(req: func.HttpRequest) -> str: return ""

    @app.event_grid_trigger(arg_name="event")
    @app.table_output(arg_name="row", table_name="t", connection="Jobs")
    def on_table(event: str, row: func.Out[str]) -> None: ...
"""

EXPECTED = [
    "host.json extensions.queues.batchsize: 64 is not between 1 and 32",
    "host.json extensions.queues.visibilitytimeout: '5s' is no time span",
    "host.json extensions.blobs.maxdegreeofparallelism: this host does not play it",
    "host.json concurrency.dynamicconcurrencyenabled: this host does not play dynamic concurrency",
    "function on_blob: this host does not play a blobtrigger",
    "function on_retried: this host does not play retry policies",
    "function on_bad_name: 'Bad_Name' is no queue name",
    "function on_nowhere: connection Nowhere: there is no app setting Nowhere__queueServiceUri",
    "function on_secret: Secret is a connection string",
    "function on_seventh_day: '0 0 3 * * 7': weekdays are 0 to 6",
    "function on_missing_setting: '%MISSING%': there is no app setting MISSING",
    "function on_route: route 'files/{name}.{type}': this host does not play the part '{name}.{type}'",
    "function on_table: this host does not play its bindings table",
]


def _refuse(app: Path, variables: dict[str, str], *options: str) -> str:
    """Start a host that should not start and return what it says."""
    command = [sys.executable, "-m", "localazure.host", "--app", str(app), "--port", "0", *options]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    return ended.stderr


def _write_app(folder: Path, code: str, host: object) -> Path:
    """Write an app."""
    (folder / "function_app.py").write_text(textwrap.dedent(code))
    (folder / "host.json").write_text(json.dumps(host))
    return folder


def test_every_fault_is_said_at_once(tmp_path: Path, account: Account) -> None:
    """One message lists what is wrong, or not played, in host.json, settings and bindings, and nothing is started."""
    queues = {"batchSize": 64, "visibilityTimeout": "5s"}
    host = {"version": "2.0", "extensions": {"queues": queues, "blobs": {"maxDegreeOfParallelism": 4}}}
    settings = {
        "Secret": "DefaultEndpointsProtocol=https",
        "AzureFunctionsJobHost__concurrency__dynamicConcurrencyEnabled": "true",
    }
    said = _refuse(_write_app(tmp_path, FAULTY, host), account.variables | settings)
    assert [line for line in EXPECTED if f"- {line}" not in said] == [], said
    assert said.count("\n- ") == len(EXPECTED), said


def test_an_app_that_cannot_be_indexed_is_refused_with_the_workers_words(tmp_path: Path, account: Account) -> None:
    """The exception and the place in the app are named."""
    said = _refuse(_write_app(tmp_path, "raise LookupError('no such thing')", {}), account.variables)
    assert "LookupError: no such thing" in said
    assert "function_app.py" in said


def test_an_app_that_exits_while_imported_is_refused(tmp_path: Path, account: Account) -> None:
    """The worker process would end; the host says so."""
    said = _refuse(_write_app(tmp_path, "import sys; sys.exit(4)", {}), account.variables)
    assert "sys.exit(4)" in said


def test_an_empty_folder_is_refused(tmp_path: Path, account: Account) -> None:
    """No function_app.py and no host.json: both are said."""
    said = _refuse(tmp_path, account.variables)
    assert "- host.json" in said
    assert "has no functions: is there a function_app.py" in said


def test_an_app_may_configure_logging(tmp_path: Path, start_host: StartHost, account: Account) -> None:
    """Python's dictConfig switches off loggers that exist already; the host's goes on."""
    code = """
        import logging.config
        import azure.functions as func
        logging.config.dictConfig({"version": 1})
        app = func.FunctionApp()

        @app.event_grid_trigger(arg_name="event")
        def on_event(event: str) -> None: ...
    """
    with start_host(account, app=_write_app(tmp_path, code, {"version": "2.0"})) as host:
        assert "[host] host ready on" in host.log()
        assert host.notify("on_event", [{}]).status == 202
        host.wait_for_text(" ok\n")


def test_timers_need_the_hosts_storage(account: Account) -> None:
    """The setting that is missing is named."""
    variables = {name: value for name, value in account.variables.items() if "AzureWebJobsStorage" not in name}
    assert "there is no app setting AzureWebJobsStorage__tableServiceUri" in _refuse(APP, variables)


def test_a_taken_port_is_named(host: Host, account: Account) -> None:
    """One line says which."""
    port = str(host.ready["port"])
    assert f"port {port} is taken" in _refuse(APP, account.variables, "--port", port)


def test_the_ready_file_says_what_runs(host: Host) -> None:
    """Port, process and functions."""
    assert host.ready["pid"] == host.process.pid
    assert {"on_event", "on_work", "on_tick", "echo"} <= set(host.ready["functions"])


def test_what_runs_gets_a_grace_when_the_host_ends(
    start_host: StartHost, new_host_account: Callable[[], Account]
) -> None:
    """A message under way is finished and deleted, and the exit code is 0."""
    account = new_host_account()
    with start_host(account) as host:
        account.send("work", "sleep 0.8")
        host.wait_for(work="sleep 0.8")
        assert host.process.stop() == 0
        assert host.lines(slept="sleep 0.8")
    assert account.queue("work").get_queue_properties().approximate_message_count == 0


def test_what_runs_too_long_is_left_behind(start_host: StartHost, new_host_account: Callable[[], Account]) -> None:
    """After its grace the host goes, with exit code 0; the message stays hidden for the rest of its lease."""
    account = new_host_account()
    with start_host(account, "--grace", "1") as host:
        account.send("work", "sleep 60")
        host.wait_for(work="sleep 60")
        began = time.monotonic()
        assert host.process.stop() == 0
        assert 0.9 < time.monotonic() - began < 5
        assert "ended while running: on_work" in host.log()
    with account.queue("work") as queue:
        assert queue.get_queue_properties().approximate_message_count == 1
        assert not queue.peek_messages()


def test_an_invocation_over_its_time_ends_the_host(
    start_host: StartHost, new_host_account: Callable[[], Account]
) -> None:
    """The timeout is said in the log and the exit code is 1, as Azure restarts the host."""
    account = new_host_account()
    with start_host(account, AzureFunctionsJobHost__functionTimeout="00:00:01") as host:
        account.send("work", "sleep 30")
        host.wait_for_text("timed out after 1.0 s")
        assert host.process.stop() == 1


def test_a_disabled_function_is_not_woken(start_host: StartHost, new_host_account: Callable[[], Account]) -> None:
    """`AzureWebJobs.NAME.Disabled` stops its trigger, and an administrator may still run it."""
    with start_host(new_host_account(), **{"AzureWebJobs.on_event.Disabled": "true"}) as host:
        assert host.notify("on_event", []).status == 404
        assert host.notify("on_event_enqueue", []).status == 202
        body = {"input": json.dumps({"id": "by hand"})}
        assert host.ask("POST", "/admin/functions/on_event", body).status == 202
        host.wait_for(event="by hand")


def test_the_host_ends_with_its_parent(tmp_path: Path, account: Account) -> None:
    """With --die-with-parent, a parent that is killed takes the host along."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "localazure.host", "--app", str(APP), "--port", "0", "--ready", str(ready)]
    parent = f"import subprocess; subprocess.run({[*command, '--die-with-parent']!r})"
    with subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, env=account.variables, stderr=subprocess.DEVNULL
    ) as child:
        _wait(ready.exists, 30)
        pid = json.loads(ready.read_text())["pid"]
        child.send_signal(signal.SIGKILL)
    _wait(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2], 10)


def _wait(condition: Callable[[], object], seconds: float) -> None:
    """Wait for a condition."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
