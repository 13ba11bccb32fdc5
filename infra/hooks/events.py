"""The second deployment: the event subscriptions of the vaults. azd runs it after the code is there; running it again changes nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from azcli import Fault, az

NEEDED = ("PERENNIAL_WIRING", "AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID")


def deploy(environ: Mapping[str, str], parameters: Path) -> bool:
    """Make the event subscriptions once; return whether that worked, and say why not."""
    done = az(
        *("deployment", "sub", "create", "--subscription", environ["AZURE_SUBSCRIPTION_ID"]),
        *("--name", f"perennial-events-{environ['AZURE_ENV_NAME']}", "--location", environ["AZURE_LOCATION"]),
        *("--template-file", "infra/events.bicep", "--parameters", f"@{parameters}", "--output", "none"),
    )
    sys.stderr.write(done.stderr)
    return done.returncode == 0


def persist(environ: Mapping[str, str], parameters: Path) -> None:
    """Try until it works: a new app takes a minute or two to load its functions, and until then Event Grid refuses them. Raises Fault."""
    left = int(environ.get("PERENNIAL_EVENTS_TRIES", "6"))
    while not deploy(environ, parameters):
        left -= 1
        if left <= 0:
            raise Fault(
                "The event subscriptions could not be made; the words of Azure are above. "
                "The app works without them, only later: its daily sweep finds what no event told.\n"
                "Fix: see docs/deploy.md, then run: azd hooks run postdeploy"
            )
        sys.stderr.write(f"Not yet; trying again in half a minute ({left} left).\n")
        Event().wait(float(environ.get("PERENNIAL_EVENTS_PAUSE", "30")))


def hand_over(environ: Mapping[str, str]) -> None:
    """Hand the outputs of the first deployment to the second. Raises Fault."""
    for name in NEEDED:
        if not environ.get(name):
            raise Fault(
                f"{name} is not set: run azd provision first; it is an output of infra/main.bicep or azd's own."
            )
    with tempfile.TemporaryDirectory() as folder:  # by a file, since no two shells agree on quotes in an argument
        parameters = Path(folder) / "parameters.json"
        body = '{"contentVersion":"1.0.0.0","parameters":{"wiring":{"value":' + environ["PERENNIAL_WIRING"] + "}}}\n"
        parameters.write_text(body, encoding="utf-8")
        persist(environ, parameters)


def main(environ: Mapping[str, str]) -> int:
    """Run the step; return 0 where the event subscriptions were made."""
    try:
        hand_over(environ)
    except Fault as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
