"""`python -m localazure up` starts all, says where, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localazure.client import LocalAzure, Process, await_until
from localazure.environment import Ready, inherited
from tests.localazure.outside import Outside

APP = """
import json, logging, os
import azure.functions as func
app = func.FunctionApp()

@app.function_name("certificate_new_version")
@app.event_grid_trigger(arg_name="event")
def certificate_new_version(event: str) -> None:
    body = json.loads(event)
    kind = body["type"].rpartition(".")[2]
    logging.warning("%s %s of %s", os.environ["WORD"], kind, body["subject"])
"""


def up(folder: Path, *options: str) -> list[str]:
    """Return the module and words that start a local Azure on free ports in a folder."""
    return ["localazure", "up", "--free-ports", "--folder", str(folder), *options]


def start(folder: Path, *options: str) -> Process:
    """Start one, without a host unless an app is named."""
    host = () if "--app" in options else ("--no-host",)
    return Process(up(folder, *host, *options), inherited(), folder / "ready.json", folder / "log.txt")


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Tell whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_taken_port_is_named_in_one_line(tmp_path: Path) -> None:
    """It exits 1, names the port and what it was for, and has started nothing."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 7080))
        except OSError:
            pass  # somebody else has taken it: as good
        else:
            taken.listen()
        command = [sys.executable, "-m", "localazure", "up", "--no-host", "--folder", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert done.stderr == "localazure: port 7080 (proxy) is taken: end what listens there, or use --free-ports\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a local Azure with two vaults and no proxy before its storage."""
    folder = tmp_path_factory.mktemp("up")
    process = start(folder, "--direct-storage", "--vaults", "kv-one=renew kv-two=observe")
    yield folder
    process.stop()


def test_storage_can_be_had_without_the_proxy(folder: Path) -> None:
    """Azurite itself listens on the ports that are told, and its requests are not in the log."""
    azure = LocalAzure(Ready.read(folder / "ready.json"))
    outside = Outside(azure)
    answer = outside.direct.request("GET", f"https://127.0.0.1:{azure.ready.table}/stperennial/Tables")
    assert answer.headers["Server"].startswith("Azurite")
    assert azure.requests("storage") == []
    outside.close()
    azure.close()


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_and_removes_nothing(tmp_path: Path, asked: signal.Signals) -> None:
    """The children are gone, the exit code is 0, the files stay."""
    process = start(tmp_path)
    found = children(process.pid)
    assert found
    os.kill(process.pid, asked)
    await_until(lambda: process.poll() is not None, 10)
    assert process.poll() == 0
    assert not any(alive(child) for child in found)
    assert (tmp_path / "env").exists()


def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    """No Azurite stays behind when the process dies without a chance to stop it."""
    process = start(tmp_path)
    found = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    await_until(lambda: not any(alive(child) for child in found), 5)
    process.stop()


def test_the_settings_are_for_their_owner_and_for_any_shell(folder: Path) -> None:
    """The file has mode 600 and, read by a shell, leads a client to this Azure."""
    ready = Ready.read(folder / "ready.json")
    assert (folder / "env").stat().st_mode & 0o777 == 0o600
    assert (folder / "ready.json").stat().st_mode & 0o777 == 0o600
    names = ("HTTPS_PROXY", "PERENNIAL_VAULTS", "IDENTITY_HEADER", "AzureWebJobsStorage__credential")
    shell = f'. {folder}/env; echo "{"|".join(f"${name}" for name in names)}"'
    said = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout.strip()
    wanted = ["kv-one=renew kv-two=observe", ready.identity_header, "managedidentity"]
    assert said.split("|") == [f"http://127.0.0.1:{ready.proxy}", *wanted]


def test_what_can_be_asked_is_said(folder: Path) -> None:
    """The output ends with lines that a person can type: the management port, and how to seed a certificate."""
    ready = Ready.read(folder / "ready.json")
    log = (folder / "log.txt").read_text()
    assert f"http://127.0.0.1:{ready.management}/events" in log
    assert "localazure seed kv-one www" in log
    assert "/api/health" not in log  # no app runs here


def test_an_event_reaches_a_function_in_the_real_worker(tmp_path: Path) -> None:
    """With an app, the Functions host runs too: a certificate made in a vault ends in a function's log line."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text('{"version": "2.0"}')
    (app / "function_app.py").write_text(APP)
    process = start(tmp_path, "--app", str(app), "--setting", "WORD=heard", "--vault-pace", "self_issuance=0.1")
    try:
        azure = LocalAzure(Ready.read(tmp_path / "ready.json"))
        outside = Outside(azure)
        body = {"policy": {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=www.example"}}}
        assert outside.vault("POST", "kv-orders.vault.azure.net", "/certificates/www/create", body).status == 202
        await_until(lambda: azure.events(state="delivered"), 10)
        await_until(lambda: "heard CertificateNewVersionCreated of www" in (tmp_path / "log.txt").read_text(), 5)
        assert f"curl -s http://127.0.0.1:{azure.ready.host}/api/health" in (tmp_path / "log.txt").read_text()
        outside.close()
        azure.close()
    finally:
        assert process.stop() == 0


def test_a_host_can_be_started_beside_a_running_azure(
    azure: LocalAzure, outside: Outside, vault: str, tmp_path: Path
) -> None:
    """A host of a process's own takes a vault's events while it lives, and is gone with its block."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text(APP)
    body = {"policy": {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=www.example", "validity_months": 12}}}
    with azure.host(tmp_path, azure.environment(settings={"WORD": "heard"})) as host:
        azure.create_vault(vault, deliver_to=host.url)
        outside.vault("POST", f"{vault}.vault.azure.net", "/certificates/www/create", body)
        await_until(lambda: azure.events(vault=vault, state="delivered"), 10)
        await_until(lambda: "heard CertificateNewVersionCreated of www" in host.output(), 5)
    assert host.process.poll() == 0


def test_an_app_that_does_not_start_is_said_plainly(tmp_path: Path) -> None:
    """The host's own words are followed by one line, and all is stopped."""
    command = [sys.executable, "-m", *up(tmp_path, "--app", str(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("localazure: the Functions host ended with code 1")


def test_only_the_authority_is_in_the_ca_file(azure: LocalAzure) -> None:
    """One certificate: clients trust this Azure and nobody else."""
    assert Path(azure.ready.ca).read_text().count("BEGIN CERTIFICATE") == 1


def test_a_bad_argument_is_one_line(tmp_path: Path) -> None:
    """A vault without a mode, or an unknown pace, is said plainly."""
    for option, words in (("--vaults=kv-one", "NAME=VALUE"), ("--vault-pace=nothing=1", "nothing")):
        command = [sys.executable, "-m", "localazure", "up", option, "--folder", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
