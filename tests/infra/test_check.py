"""The step before the first deployment, run for real with an `az` that answers from a table."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep.functions import Refused
from tests.infra.hooks import run_as_azd
from tests.infra.stage import ROOT, deploy, parameters

SUBSCRIPTION = "bbbbbbbb-0000-4000-8000-000000000002"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders"
TOPICS = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics"
SHOW = f"keyvault show --subscription {SUBSCRIPTION} --resource-group rg-shop --name kv-orders --output json"
LIST = f"eventgrid system-topic list --subscription {SUBSCRIPTION} --output json"

type Json = dict[str, Any]
type Answers = dict[str, Any]

#: Answers by the words of the question: what it prints, or the words of its failure. It notes each question.
AZ = f"""#!{sys.executable}
import json, os, sys
asked = " ".join(sys.argv[1:])
with open(os.environ["AZ_LOG"], "a") as log:
    log.write(asked + "\\n")
answers = json.load(open(os.environ["AZ_ANSWERS"]))
if asked not in answers:
    sys.exit(f"an unknown question: {{asked}}")
answer = answers[asked]
if isinstance(answer, str) and answer.startswith("ERROR"):
    sys.exit(answer)
print(json.dumps(answer, indent=2))
"""


def vault(**changes: Any) -> Json:
    """Return a vault as `az keyvault show` prints it, as far as it matters."""
    properties = {
        "enableRbacAuthorization": True,
        "enablePurgeProtection": True,
        "vaultUri": "https://kv-orders.vault.azure.net/",
    }
    return {
        "id": VAULT,
        "location": "westeurope",
        "name": "kv-orders",
        "properties": properties | changes,
        "resourceGroup": "rg-shop",
    }


def topic(name: str = "orders-events", source: str = VAULT, identity: Json | None = None) -> Json:
    """Return a system topic as `az eventgrid system-topic list` prints it, as far as it matters."""
    return {
        "id": f"{TOPICS}/{name}",
        "identity": identity,
        "name": name,
        "source": source,
        "topicType": "microsoft.keyvault.vaults",
    }


ASSIGNED = {
    "principalId": "cccccccc-0000-4000-8000-000000000003",
    "type": "SystemAssigned",
    "userAssignedIdentities": None,
}
WELL: Answers = {
    "account show --output json": {"id": SUBSCRIPTION, "tenantId": "dddddddd-0000-4000-8000-000000000004"},
    "cloud show --query name --output json": "AzureCloud",
    SHOW: vault(),
    LIST: [],
}


def check(
    folder: Path, given: Json | str, answers: Answers | None = None, az: str = AZ, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the step with a parameter file and an Azure."""
    (folder / "answers.json").write_text(json.dumps(WELL | (answers or {})), encoding="utf-8")
    file = folder / "main.parameters.json"
    body = (
        given
        if isinstance(given, str)
        else json.dumps({"parameters": {key: {"value": value} for key, value in given.items()}})
    )
    file.write_text(body, encoding="utf-8")
    told = {"AZ_LOG": str(folder / "log"), "AZ_ANSWERS": str(folder / "answers.json"), **environ}
    return run_as_azd("preprovision", folder, az, told | {"PERENNIAL_PARAMETERS": str(file)})


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the sentences of a refusal."""
    assert done.returncode == 1, done.stdout + done.stderr
    *sentences, last = done.stderr.splitlines()
    assert last == "Nothing was created."
    return sentences


def fleet(**members: str) -> Json:
    """Return the parameters of a fleet of one vault."""
    return {"vaults": [{"id": VAULT} | members]}


@pytest.mark.parametrize(
    ("given", "answers"),
    [
        (fleet(), {}),
        (fleet(id=VAULT.replace("Microsoft.KeyVault/vaults", "microsoft.keyvault/VAULTS")), {}),
        (fleet(), {LIST: [topic("perennial-kv-orders")]}),
        (fleet(), {LIST: [topic(source=VAULT.replace("kv-orders", "kv-billing"))]}),
        (fleet(systemTopicId=f"{TOPICS}/orders-events"), {LIST: [topic(source=VAULT.upper(), identity=ASSIGNED)]}),
        (
            fleet(systemTopicId=f"{TOPICS}/Orders-Events"),
            {LIST: [topic(identity=ASSIGNED | {"type": "SystemAssigned, UserAssigned"})]},
        ),
        ({**fleet(), "cloud": "AzureCloud", "newVault": {"name": "kv-new"}}, {}),
        ({"vaults": [], "newVault": {"name": "kv-new"}}, {}),
    ],
    ids=[
        "plain",
        "any case",
        "our own topic",
        "a topic of another",
        "a named topic",
        "two identities",
        "a cloud",
        "a new vault",
    ],
)
def test_what_is_well_passes(tmp_path: Path, given: Json, answers: Answers) -> None:
    """It says how many vaults were asked for, and only asked."""
    done = check(tmp_path, given, answers)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("nothing is in the way.\n")
    asked = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert all(word in {"show", "list"} for line in asked for word in line.partition(" --")[0].split()[-1:])


@pytest.mark.parametrize(
    ("given", "answers", "sentence"),
    [
        (
            fleet(),
            {SHOW: "ERROR: (ResourceNotFound) The Resource 'kv-orders' was not found."},
            "The vault kv-orders is not there, or you may not read it",
        ),
        (
            fleet(),
            {SHOW: vault(enableRbacAuthorization=False)},
            "The vault kv-orders uses access policies. Move it to roles first: az keyvault update",
        ),
        (fleet(), {SHOW: vault(enableRbacAuthorization=None)}, "The vault kv-orders uses access policies"),
        (
            fleet(),
            {LIST: [topic(identity=ASSIGNED)]},
            f'has a system topic already, and Event Grid allows one a vault: write "systemTopicId": "{TOPICS}/orders-events"',
        ),
        (fleet(systemTopicId=f"{TOPICS}/none"), {}, f"The system topic {TOPICS}/none is not there"),
        (
            fleet(systemTopicId=f"{TOPICS}/orders-events"),
            {LIST: [topic(source="/another")]},
            "orders-events belongs to another source, not to",
        ),
        (
            fleet(systemTopicId=f"{TOPICS}/orders-events"),
            {LIST: [topic()]},
            f"az eventgrid system-topic update --name orders-events --resource-group rg-shop --subscription {SUBSCRIPTION} --identity systemassigned",
        ),
        (
            fleet(systemTopicId=f"{TOPICS}/orders-events"),
            {LIST: [topic(identity={"type": "UserAssigned"})]},
            "orders-events has no system-assigned identity",
        ),
        (fleet(), {LIST: "ERROR: (AuthorizationFailed) no"}, "(AuthorizationFailed) no"),
        (
            fleet(),
            {"account show --output json": "ERROR: Please run 'az login' to setup account."},
            "You are not signed in to the Azure CLI: az login.",
        ),
        (
            {**fleet(), "cloud": "AzureUSGovernment"},
            {},
            "The parameter file is for AzureUSGovernment, and you are signed in to AzureCloud: az cloud set --name AzureUSGovernment.",
        ),
        (fleet(id="kv-orders"), {}, '"kv-orders" is not the resource id of a vault'),
        (
            {"vaults": [{"id": VAULT}, {"id": VAULT.upper()}]},
            {},
            "The vault kv-orders is named twice: write each vault once.",
        ),
        (
            {**fleet(), "newVault": {"name": "KV-orders"}},
            {},
            "The vault kv-orders is named twice: write each vault once.",
        ),
        (fleet(systemTopicId=VAULT), {}, "is not the resource id of a system topic"),
    ],
)
def test_a_fault_is_one_sentence_before_anything_is_created(
    tmp_path: Path, given: Json, answers: Answers, sentence: str
) -> None:
    """What is wrong, and what to do about it."""
    (told,) = said(check(tmp_path, given, answers))
    assert sentence in told


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """Of two vaults that are wrong in two ways, nobody mends one to be told of the next."""
    other = VAULT.replace("kv-orders", "kv-billing")
    policies = {SHOW.replace("kv-orders", "kv-billing"): vault(enableRbacAuthorization=False)}
    done = check(tmp_path, {"vaults": [{"id": VAULT}, {"id": other}]}, policies | {LIST: [topic()]})
    first, second, third = said(done)
    assert "kv-orders has a system topic already" in first
    assert "orders-events has no system-assigned identity" in second
    assert "kv-billing uses access policies" in third


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"parameters": []}',
        '{"parameters": {"vaults": 1}}',
        '{"parameters": {"vaults": {"value": ["kv"]}}}',
    ],
)
def test_what_is_no_parameter_file_is_refused(tmp_path: Path, text: str) -> None:
    """No trace of Python is shown."""
    (told,) = said(check(tmp_path, text))
    assert "is not a parameter file" in told


def test_without_the_cli_it_says_where_to_get_it(tmp_path: Path) -> None:
    """One may have azd and no `az`, and the second deployment needs it too."""
    (told,) = said(check(tmp_path, fleet(), az=""))
    assert told == "The Azure CLI is not on the PATH: install it from https://aka.ms/azure-cli, then az login."


def test_values_of_the_environment_are_filled_in(tmp_path: Path) -> None:
    """As azd fills them: by name, or with the default that stands beside it."""
    text = json.dumps({"parameters": {"cloud": {"value": "${WHERE=AzureChinaCloud}"}, **_value(fleet(id="${ORDERS}"))}})
    (told,) = said(check(tmp_path, text, ORDERS=VAULT))
    assert told.startswith("The parameter file is for AzureChinaCloud")


def test_the_file_that_is_deployed_is_the_one_that_is_read() -> None:
    """Without a name it is infra/main.parameters.json, which azd reads; what is read first is told first where it is not there."""
    words = {
        (): "The Azure CLI is not on the PATH",
        ("infra/none.json",): "infra/none.json cannot be read: No such file or directory.",
    }
    for arguments, sentence in words.items():
        command = [sys.executable, "infra/hooks/check.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
        assert sentence in done.stderr


@pytest.mark.parametrize("change", ["not a vault", "twice", "not a topic"])
def test_the_template_says_the_same(tmp_path: Path, change: str) -> None:
    """Whoever goes past the step is refused by the template, in the same words."""
    changed: dict[str, Callable[[], Json]] = {
        "not a vault": lambda: {"vaults": [{"id": "kv-orders"}]},
        "twice": lambda: {"vaults": [{"id": VAULT}, {"id": VAULT}]},
        "not a topic": lambda: {"vaults": [{"id": VAULT, "systemTopicId": VAULT}]},
    }
    given = copy.deepcopy(parameters("public")) | {"newVault": {}} | changed[change]()
    with pytest.raises(Refused) as refused:
        deploy(given)
    assert said(check(tmp_path, {key: value for key, value in given.items() if key != "cloud"})) == [str(refused.value)]


def _value(given: Json) -> Json:
    return {key: {"value": value} for key, value in given.items()}
