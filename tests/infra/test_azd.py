"""What azd reads, and the step that follows the code, run with an `az` of our own. The step before: test_check.py."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.hooks import azure_yaml, run_as_azd
from tests.infra.stage import INFRA, ROOT, deployed

#: Azure Developer CLI: schemas/v1.0/azure.yaml.json, the members that are used here.
SERVICE = {"project", "host", "language"}
HOOK = {"shell", "run"}
AZ = """#!/bin/sh
printf '%s\\n' "$@" >>"$AZ_LOG"
for word; do case $word in @*) cat "${word#@}" >"$AZ_LOG.parameters" ;; esac; done
[ "$(grep -c -x create "$AZ_LOG")" -gt "${AZ_FAILS:-0}" ] || { echo 'function not found' >&2; exit 1; }
"""


def workflow() -> dict[str, Any]:
    """Read the workflow for users."""
    return dict(yaml.safe_load((ROOT / ".github" / "workflows" / "azure-dev.yml").read_text(encoding="utf-8")))


def run_hook(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the step after the code with an `az` that only notes what it is asked."""
    told = {
        "AZ_LOG": str(folder / "log"),
        "PERENNIAL_WIRING": json.dumps(deployed("public").wiring),
        "AZURE_ENV_NAME": "prod",
        "AZURE_LOCATION": "westeurope",
        "AZURE_SUBSCRIPTION_ID": "aaaaaaaa-0000-4000-8000-000000000001",
        "PERENNIAL_EVENTS_PAUSE": "0",
    }
    return run_as_azd("postdeploy", folder, AZ, told | changes)


def test_azd_knows_every_member() -> None:
    """The members are those of its schema, and what they name is there."""
    config = azure_yaml()
    assert set(config) == {"name", "infra", "services", "hooks", "pipeline"}
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", config["name"])
    assert config["infra"] == {"provider": "bicep", "path": "infra", "module": "main"}
    assert config["services"] == {"app": {"project": ".", "language": "python", "host": "function"}}
    assert (ROOT / config["infra"]["path"] / "main.bicep").is_file()
    assert set(config["services"]["app"]) <= SERVICE
    assert set(config["hooks"]) == {"preprovision", "postdeploy"}


@pytest.mark.parametrize("step", ["preprovision", "postdeploy"])
def test_a_step_is_one_script_on_every_system(step: str) -> None:
    """The same file for POSIX and Windows, where a shell only starts it and hands its failure on.

    What ends with the script's name would be taken for a script to run by itself, in an environment of its own (azd: language hooks).
    """
    hook = azure_yaml()["hooks"][step]
    assert set(hook) == {"posix", "windows"}
    assert all(set(hook[system]) <= HOOK for system in hook)
    (script,) = re.findall(r"infra/hooks/\w+\.py", hook["posix"]["run"])
    assert hook["posix"] == {"shell": "sh", "run": f"python3 {script} || exit 1"}
    assert hook["windows"] == {"shell": "pwsh", "run": f"python {script}; exit $LASTEXITCODE"}
    assert (ROOT / script).is_file()


def test_the_check_comes_first_and_the_events_last() -> None:
    """The vaults are asked before anything is created, and subscribed to once the functions are there."""
    hooks = azure_yaml()["hooks"]
    assert "infra/hooks/check.py" in hooks["preprovision"]["posix"]["run"]
    assert "infra/hooks/events.py" in hooks["postdeploy"]["posix"]["run"]


def test_the_hook_hands_the_wiring_to_the_second_deployment(tmp_path: Path) -> None:
    """By a file, so that no shell spoils its quotes."""
    done = run_hook(tmp_path)
    words = (tmp_path / "log").read_text(encoding="utf-8").split("\n")
    handed = json.loads((tmp_path / "log.parameters").read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert words[:3] == ["deployment", "sub", "create"]
    assert words[words.index("--template-file") + 1] == "infra/events.bicep"
    assert handed["parameters"] == {"wiring": {"value": deployed("public").wiring}}


def test_the_hook_waits_for_the_functions(tmp_path: Path) -> None:
    """Event Grid refuses a function that the app has not loaded yet: it is tried again."""
    done = run_hook(tmp_path, AZ_FAILS="2")
    assert done.returncode == 0
    assert (tmp_path / "log").read_text(encoding="utf-8").split("\n").count("create") == 3


def test_the_hook_gives_up_with_words(tmp_path: Path) -> None:
    """It ends with a failure, what that means and what to do."""
    done = run_hook(tmp_path, AZ_FAILS="9", PERENNIAL_EVENTS_TRIES="2")
    assert done.returncode == 1
    assert "function not found" in done.stderr
    assert "Fix: see docs/deploy.md, then run: azd hooks run postdeploy" in done.stderr


@pytest.mark.parametrize("name", ["PERENNIAL_WIRING", "AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID"])
def test_the_hook_says_what_is_missing(tmp_path: Path, name: str) -> None:
    """Without the first deployment nothing is tried."""
    done = run_hook(tmp_path, **{name: ""})
    assert done.returncode != 0
    assert name in done.stderr
    assert not (tmp_path / "log").exists()


def test_the_outputs_are_what_azd_and_the_hook_look_for() -> None:
    """Azd deploys to the group; the hook needs the wiring."""
    outputs = deployed("public").main.file.outputs
    assert {"AZURE_RESOURCE_GROUP", "PERENNIAL_WIRING", "PERENNIAL_APP_URL"} <= set(outputs)
    assert deployed("public").main.output("AZURE_RESOURCE_GROUP") == "rg-prod"


def test_the_workflow_signs_in_without_a_secret() -> None:
    """OIDC in the jobs that touch Azure, nothing but variables, and no more rights than needed."""
    text = (ROOT / ".github" / "workflows" / "azure-dev.yml").read_text(encoding="utf-8")
    jobs = workflow()["jobs"]
    assert "secrets." not in text
    assert set(jobs) == {"check", "deploy", "tear-down"}
    assert workflow()["permissions"] == {"contents": "read"}
    assert "permissions" not in jobs["check"]
    assert {jobs[job]["permissions"]["id-token"] for job in ("deploy", "tear-down")} == {"write"}
    assert jobs["deploy"]["needs"] == "check"


def test_the_workflow_runs_the_compiler_on_both_entries() -> None:
    """Where the compiler is to be had, it has the last word, warnings too."""
    steps = " ".join(str(step.get("run", "")) for step in workflow()["jobs"]["check"]["steps"])
    assert all(f"infra/{entry}" in steps for entry in ("main.bicep", "events.bicep"))
    assert (INFRA / "bicepconfig.json").is_file()
