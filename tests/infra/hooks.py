"""Running a step of azure.yaml as azd does, with an `az` of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.infra.stage import ROOT


def azure_yaml() -> dict[str, Any]:
    """Read azure.yaml."""
    return dict(yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8")))


def run_as_azd(step: str, folder: Path, az: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Write a step's inline script to a file and run it by its shell in the project, as azd does; empty `az`: none is installed."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    if az:
        (programs / "az").write_text(az, encoding="utf-8")
        (programs / "az").chmod(0o755)
    hook = azure_yaml()["hooks"][step]["posix"]
    script = folder / f"azd-{step}.sh"
    script.write_text(f"#!/bin/sh\n\n{hook['run']}", encoding="utf-8")
    path = os.pathsep.join([str(programs), *(["/usr/bin", "/bin"] if az else [])])  # this machine may have a real one
    told = {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environ}
    command = [shutil.which(hook["shell"]) or "", str(script)]
    return subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
