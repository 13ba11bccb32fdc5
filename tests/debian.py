"""Programs of Debian that tests ask for: from PATH, else unpacked into the clone by apt-get and dpkg, which need no root for that."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOCAL = Path(__file__).parent.parent / ".local" / "debian"
SYSTEM = ("/usr/sbin", "/usr/local/sbin", "/sbin")  # where servers are, and an ordinary PATH does not lead
DOWNLOAD_SECONDS = 180


class Missing(Exception):
    """A program is not to be had here; the text is one line that says how to get it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and the environment that it runs in."""

    path: Path
    environment: Mapping[str, str]


def program(name: str, *packages: str) -> Program:
    """Return a program: the machine's own, or that of these packages, the first of which has it. Raises Missing."""
    place = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM))
    if found := shutil.which(name, path=place):
        return Program(Path(found), dict(os.environ))
    folder = LOCAL / packages[0]
    if not folder.is_dir():
        _unpack(name, packages, folder)
    inside = [path for path in folder.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
    if not inside:
        raise Missing(
            f"{name} is not in the packages {' '.join(packages)}: install {packages[0]}, or put {name} on the PATH"
        )
    libraries = {str(path.parent) for path in folder.rglob("*.so*")}
    return Program(inside[0], {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(sorted(libraries))})


def _unpack(name: str, packages: tuple[str, ...], folder: Path) -> None:
    """Unpack packages into a folder, whole or not at all; one process at a time."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing(
            f"{name} is not on the PATH: install the package {packages[0]} (or build it) and run the tests again"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        (folder.parent / f"{folder.name}.lock").open("w") as lock,
        tempfile.TemporaryDirectory(dir=folder.parent) as part,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():  # another process was faster
            return
        try:
            _run(["apt-get", "download", *packages], part)
            root = Path(part) / "root"
            for archive in sorted(Path(part).glob("*.deb")):
                _run(["dpkg", "-x", str(archive), str(root)], part)
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", "") or str(error)
            why = " ".join(said.split())[-200:]
            raise Missing(
                f"{name} is not on the PATH, and apt-get could not bring it ({why}): install {packages[0]}"
            ) from error
        root.rename(folder)


def _run(command: list[str], folder: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS)
