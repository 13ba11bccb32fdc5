"""`make live-check`, run as a person runs it: it refuses in one line, and where Azure answers it runs every contract that has a live side."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from localazure.client import LocalAzure
from localazure.environment import inherited
from localazure.operator import Operator, OperatorCredential

ROOT = Path(__file__).parents[2]
#: Of the chain of azure-identity the one that reads variables: it asks no machine whether somebody is signed in.
NOBODY = {"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}
TOPIC = "https://evgt-trial.westeurope-1.eventgrid.azure.net/api/events"


def live_check(environ: Mapping[str, str], *given: str) -> subprocess.CompletedProcess[str]:
    """Run make, without setting up again what this very test stands on."""
    command = ["make", "--no-print-directory", "--old-file=set-up", "live-check", *given]
    return subprocess.run(command, cwd=ROOT, env=dict(environ), capture_output=True, text=True, check=False)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return its one line; make adds that the target failed."""
    assert done.returncode != 0
    assert done.stdout == ""
    line, rest = done.stderr.split("\n", 1)
    assert re.match(r"make(\[\d+\])?: \*\*\*", rest)  # numbered where make runs these tests
    assert len(rest.splitlines()) == 1
    return line


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([], "live-check: no vault is named; make live-check VAULT=name"),
        (["VAULT="], "live-check: no vault is named"),
        ([f"TOPIC={TOPIC}"], "live-check: no vault is named"),
        (["VAULT=https://kv-trial.vault.azure.net"], "is not the name of a vault (not its address either)"),
        (["VAULT=kv-trial", "TOPIC=evgt-trial"], "live-check: TOPIC is not an https address"),
        (["VAULT=kv-trial"], "live-check: no Azure credentials were found: az login"),
        (["VAULT=kv-trial", f"TOPIC={TOPIC}"], "live-check: no Azure credentials were found: az login"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_line(given: list[str], line: str) -> None:
    """Without a vault, with something else in its place, without credentials."""
    assert line in said(live_check(inherited() | NOBODY, *given))


def test_a_vault_that_is_not_there_is_said_in_one_line(azure: LocalAzure) -> None:
    """Somebody is signed in, and the name does not resolve."""
    done = live_check(_signed_in(azure), "VAULT=kv-never-there")
    assert "live-check: kv-never-there was not reached: is there such a vault?" in said(done)


def test_a_vault_that_refuses_is_said_in_one_line(azure: LocalAzure, vault: str) -> None:
    """Somebody is signed in who has no role on the vault."""
    azure.grant("operator", [], vault)
    line = said(live_check(_signed_in(azure), f"VAULT={vault}"))
    assert f"live-check: {vault} refuses: " in line
    assert "Key Vault Certificates Officer" in line


def test_every_contract_with_a_live_side_is_run(azure: LocalAzure, account: str) -> None:
    """Against a local Azure under Azure's own names, as if it were live: all hold, and the vault is left empty."""
    vault = "kv-live-check"
    azure.create_vault(vault)
    environ = _signed_in(azure, account)
    endpoints = [f"{name}={environ[f'PERENNIAL_{name}']}" for name in ("TOPIC", "TABLES", "QUEUES")]
    done = live_check(environ, f"VAULT={vault}", f"KEYS=https://{vault}.vault.azure.net", *endpoints)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    *_, last = done.stdout.splitlines()
    assert last.startswith("live-check: ")
    assert last.endswith(": all hold")
    with Operator(azure) as person:
        left = [str(one.name) for one in person.client(vault).list_properties_of_certificates(include_pending=True)]
    assert left == []
    asked = azure.requests("keyvault", host=f"{vault}.vault.azure.net", authenticated=True)
    assert {one["identity"] for one in asked} == {"operator"}
    assert sum(one["method"] == "POST" and one["path"].endswith("/import") for one in asked) > 10


def test_a_contract_that_does_not_hold_is_a_failure(azure: LocalAzure, vault: str) -> None:
    """The proof can fail: a vault that has no merge today ends with 1 and says which clause."""
    azure.fault("keyvault", path=f"{vault}.vault.azure.net/certificates/*/pending/merge", status=404)
    done = live_check(_signed_in(azure), f"VAULT={vault}")
    azure.clear_faults()
    assert done.returncode != 0
    assert "merge" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(": see above")


def test_the_account_of_an_installation_is_refused(azure: LocalAzure, vault: str, account: str) -> None:
    """Its messages are not for a trial."""
    environ = _signed_in(azure, account)
    credential = OperatorCredential(azure)
    with QueueClient(
        environ["PERENNIAL_QUEUES"],
        "vault-events",
        credential=credential,
        connection_verify=azure.ready.ca,
        use_env_settings=False,
    ) as queue:
        queue.create_queue()
    credential.close()
    line = said(live_check(environ, f"VAULT={vault}", f"QUEUES={environ['PERENNIAL_QUEUES']}"))
    assert "belongs to an installation (it has the queue vault-events)" in line


def _signed_in(azure: LocalAzure, account: str = "stperennial") -> dict[str, str]:
    """Return the environment of a person whom azure-identity finds signed in."""
    return azure.environment(identity="operator", account=account) | {
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"
    }
