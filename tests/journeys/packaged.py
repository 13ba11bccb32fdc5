"""What is deployed, beside what the platform brings: the package in an empty folder, its pinned packages, and the host's own.

The packages are linked out of the environment that runs the tests, where they are installed from the same pins: nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from localazure.client import await_until
from tests.journeys.running import PATIENCE, ROOT, App
from tests.setup.package import build

PLATFORM = (
    "azure-functions-runtime",
    "aiohttp",
)  # what Azure's worker, and the host that plays Azure's, bring with them
PIN = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)


def pins(root: Path) -> dict[str, str]:
    """Return the packages that requirements.txt pins, with their versions."""
    return dict(PIN.findall((root / "requirements.txt").read_text(encoding="utf-8")))


def with_what_they_need(names: Iterable[str]) -> set[str]:
    """Return packages and all that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            needed = [Requirement(text) for text in distribution(name).requires or ()]
            waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def link(names: Iterable[str], into: Path) -> None:
    """Lay the files of installed packages into a folder."""
    for name in names:
        for file in distribution(name).files or ():
            target = into / file
            if ".." not in file.parts and "__pycache__" not in file.parts and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(file.locate())


class Package:
    """A deployed app: `app` and its `packages`, beside the `platform`; no other package can be imported."""

    def __init__(self, folder: Path) -> None:
        self.app, self.packages, self.platform = folder / "app", folder / "packages", folder / "platform"
        self.files = build(ROOT, self.app)
        pinned = pins(self.app)
        link(pinned, self.packages)
        link(with_what_they_need(PLATFORM) - set(pinned), self.platform)
        (self.platform / "localazure").symlink_to(ROOT / "localazure")

    def command(self, *arguments: str) -> list[str]:
        """Return a command of this Python without the packages of its environment and without the current folder."""
        return [sys.executable, "-S", "-P", *arguments]

    def variables(self, *paths: Path) -> dict[str, str]:
        """Return what lets a process find packages here."""
        return {"PYTHONPATH": ":".join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"}

    def imports(self) -> subprocess.CompletedProcess[str]:
        """Import every module of the app with its own packages alone."""
        modules = [path.removesuffix(".py").replace("/", ".") for path in self.files if path.endswith(".py")]
        script = (
            "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name.removesuffix('.__init__'))"
        )
        ours = [name for name in modules if not name.endswith("__main__")]
        paths = self.variables(self.app, self.packages)
        command = self.command("-c", script, *ours)
        return subprocess.run(command, env=paths, cwd="/", capture_output=True, text=True, check=False, timeout=120)

    @contextlib.contextmanager
    def host(self, variables: Mapping[str, str], folder: Path) -> Iterator[App]:
        """Run a host with the package."""
        ready, log = folder / "ready.json", folder / "host-package.log"
        paths = self.variables(self.packages, self.platform)
        command = self.command("-m", "localazure.host", "--app", str(self.app), "--port", "0", "--ready", str(ready))
        with log.open("wb") as output:
            child = subprocess.Popen(command, env={**variables, **paths}, cwd="/", stdout=output, stderr=output)
        app = None
        try:
            await_until(lambda: ready.exists() or child.poll() is not None, PATIENCE)
            assert child.poll() is None, log.read_text(encoding="utf-8")[-3000:]
            app = App(f"http://127.0.0.1:{json.loads(ready.read_bytes())['port']}", log, child.pid, child.kill)
            yield app
        finally:
            if app is not None:
                app.close()
            child.terminate()
            child.wait(PATIENCE)
