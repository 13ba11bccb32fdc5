"""Programs of Debian: from PATH, else unpacked into the clone by apt-get and dpkg, none of which needs root."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOCAL = Path(__file__).parent.parent / ".local" / "debian"
SYSTEM = ("/usr/sbin", "/usr/local/sbin", "/sbin")  # where servers are, and an ordinary PATH does not lead
SECONDS = 180  # for one download


class Missing(Exception):
    """A program is not to be had here; the text is one line that says how to get it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and the environment that it runs in."""

    path: Path
    environment: Mapping[str, str]


def program(name: str, *packages: str, local: Path = LOCAL, path: str | None = None) -> Program:
    """Return a program: the machine's own (on `path`, else PATH), or that of these packages, the first of which has it. Raises Missing."""
    place = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM)) if path is None else path
    if found := shutil.which(name, path=place):
        return Program(Path(found), dict(os.environ))
    folder = local / packages[0]
    if not folder.is_dir():
        _unpack(name, packages, folder)
    inside = [one for one in folder.rglob(name) if one.is_file() and os.access(one, os.X_OK)]
    if not inside:
        raise Missing(
            f"{name} is not in the packages {' '.join(packages)}: install {packages[0]}, or put {name} on the PATH"
        )
    libraries = {str(one.parent) for one in folder.rglob("*.so*")}
    more = {"LD_LIBRARY_PATH": os.pathsep.join(sorted(libraries))} if libraries else {}
    return Program(inside[0], {**os.environ, **more})


def _unpack(name: str, packages: tuple[str, ...], folder: Path) -> None:
    """Unpack packages into a folder, whole or not at all; one process at a time."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing(f"{name} is not on the PATH: install the package {packages[0]} (or build it) and try again")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent / f"{folder.name}.lock"), tempfile.TemporaryDirectory(dir=folder.parent) as part:
        if folder.is_dir():  # another process was faster
            return
        root = Path(part) / "root"
        try:
            _download(packages, Path(part), folder.parent / "apt")
            for archive in sorted(Path(part).glob("*.deb")):
                _run(["dpkg", "-x", str(archive), str(root)], part)
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", "") or str(error)
            why = " ".join(said.split())[-200:]
            fix = f"apt-get install {packages[0]}"
            raise Missing(f"{name} is not on the PATH, and apt-get could not bring it ({why}): {fix}") from error
        root.rename(folder)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _download(packages: Sequence[str], into: Path, own: Path) -> None:
    """Download packages by the machine's lists; where it has none (a fresh image), by lists of our own, which need no root either.

    A package may be given as `libuv1|libuv1t64`: Debian 13 has some under other names, and needs some that 12 does not (`|liburcu8t64`).
    """
    try:
        _run(["apt-get", "download", *_chosen(["apt-get"], packages, into)], into)
    except subprocess.CalledProcessError:
        for one in ("lists/partial", "cache/archives/partial"):
            (own / one).mkdir(parents=True, exist_ok=True)
        with _alone(own / "lock"):
            _run([*_own_apt(own), "update"], into)
            _run([*_own_apt(own), "download", *_chosen(_own_apt(own), packages, into)], into)


def _chosen(apt: Sequence[str], packages: Sequence[str], folder: Path) -> list[str]:
    """Return the name of each package in this Debian: the first of its alternatives that there is; an empty one may be left out."""
    return [name for one in packages if (name := _named(apt, one.split("|"), folder))]


def _named(apt: Sequence[str], names: Sequence[str], folder: Path) -> str:
    if len(names) == 1:
        return names[0]
    for name in filter(None, names):
        try:
            _run([*apt, "download", "--print-uris", name], folder)
        except subprocess.CalledProcessError:
            continue
        return name
    return names[0]  # which apt-get then says that it has not


def _own_apt(own: Path) -> list[str]:
    """Return apt-get with state of its own, and the machine's sources and keys (apt.conf(5): Dir)."""
    settings = {
        "Dir::State": own,
        "Dir::State::lists": own / "lists",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": own / "cache",
        "APT::Sandbox::User": "root",  # says: stay who you are; as root it would become _apt, which may not write here
    }
    return ["apt-get", "-q", *(f"-o{name}={value}" for name, value in settings.items())]


def _run(command: list[str], folder: str | Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=SECONDS)
