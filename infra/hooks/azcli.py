"""The Azure CLI, as the steps of a deployment ask it. Runs on any Python 3.9 or later, with nothing installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any


class Fault(Exception):
    """A step cannot go on; the text is a sentence for a person."""


def az(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the Azure CLI and return what it said. Raises Fault where it is not installed."""
    program = shutil.which("az")  # on Windows az.cmd, which no bare name finds
    if program is None:
        raise Fault("The Azure CLI is not on the PATH: install it from https://aka.ms/azure-cli, then az login.")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def ask(*words: str) -> Any:
    """Return the JSON of an answer. Raises Fault with the CLI's own words."""
    done = az(*words, "--output", "json")
    if done.returncode:
        raise Fault(" ".join(done.stderr.split())[:300] or f"az {' '.join(words)} failed")
    return json.loads(done.stdout or "null")
