"""A Python 3.13 is found where one runs, and what is missing is said in one line with the fix."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/find-python"

REAL = f'exec "{sys.executable}" "$@"'
# What pyenv puts on the PATH for a version that is installed but not selected.
SHIM = 'echo "pyenv: python3.13: command not found" >&2\nexit 127'
OLD = 'case "$2" in *version_info*) echo 3.11 ;; esac'
FREE_THREADED = 'case "$2" in *version_info*) echo 3.13t ;; esac'
# Debian's python3.13 without python3.13-venv: venv is there, ensurepip and pip are not.
BARE = f'case "$*" in *ensurepip*|"-m pip "*) exit 1 ;; esac\n{REAL}'
OWN_PIP = f'case "$*" in *ensurepip*) exit 1 ;; "-m pip "*) exit 0 ;; esac\n{REAL}'


@dataclass(frozen=True)
class Machine:
    """A made-up machine: a folder that is the whole PATH, and a home."""

    bin: Path
    home: Path

    def has(self, name: str, script: str) -> str:
        """Put a command on the PATH, or at a path below the home, and return where it is."""
        place = self.home / name if "/" in name else self.bin / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        place.chmod(0o755)
        return str(place)

    def find(self, **environment: str) -> str:
        """Run the script here and return the path that it prints."""
        done = self._run(environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.removesuffix("\n")

    def refusal(self, **environment: str) -> str:
        """Run the script here and return the one line with which it gives up."""
        done = self._run(environment)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        return done.stderr.removesuffix("\n")

    def _run(self, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the script with nothing of the real machine on the PATH."""
        whole = {"PATH": str(self.bin), "HOME": str(self.home), **environment}
        command = ["/bin/sh", str(SCRIPT)]
        return subprocess.run(command, env=whole, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Make an empty machine."""
    made = Machine(tmp_path / "bin", tmp_path / "home")
    made.bin.mkdir()
    made.home.mkdir()
    return made


def test_python_on_the_path_is_taken(machine: Machine) -> None:
    """A python3.13 on the PATH that runs is the one."""
    path = machine.has("python3.13", REAL)
    machine.has("python3", OLD)
    assert machine.find() == path


def test_a_broken_shim_alone_is_named_with_the_fix(machine: Machine) -> None:
    """A python3.13 on the PATH that ends with 127 is no Python, and the message says so."""
    machine.has("python3.13", SHIM)
    assert machine.refusal() == (
        "No usable Python 3.13 (python3.13 does not run (a pyenv shim of a version that is not selected?)). "
        "Fix: install Python 3.13, or name one: make PYTHON=/path/to/python3.13"
    )


def test_an_old_python_alone_is_named_with_its_version(machine: Machine) -> None:
    """A python3 of another version is refused with its version."""
    machine.has("python3", OLD)
    assert "(python3 is Python 3.11)" in machine.refusal()


def test_no_python_at_all_is_said(machine: Machine) -> None:
    """An empty PATH gets the places that were looked at."""
    assert "(none on the PATH, in pyenv or in uv)" in machine.refusal()


def test_everything_seen_is_in_the_one_line(machine: Machine) -> None:
    """Several candidates that will not do are all named, in one line."""
    machine.has("python3.13", SHIM)
    machine.has("python3", OLD)
    line = machine.refusal()
    assert "python3.13 does not run" in line
    assert "python3 is Python 3.11" in line


def test_pyenv_is_looked_at_behind_its_broken_shim(machine: Machine) -> None:
    """A version that pyenv has but has not selected is found in its folder."""
    machine.has("python3.13", SHIM)
    path = machine.has(".pyenv/versions/3.13.0/bin/python3.13", REAL)
    assert machine.find() == path


def test_pyenv_may_live_elsewhere(machine: Machine) -> None:
    """PYENV_ROOT is honoured."""
    path = machine.has("elsewhere/versions/3.13.7/bin/python3.13", REAL)
    assert machine.find(PYENV_ROOT=str(machine.home / "elsewhere")) == path


def test_uv_is_asked_for_its_own_when_it_fails_on_the_shim(machine: Machine) -> None:
    """`uv python find` gives up at a broken shim; its managed Python is found all the same."""
    machine.has("python3.13", SHIM)
    path = machine.has("uv-managed/bin/python3.13", REAL)
    machine.has("uv", f'case "$*" in *--managed-python*) echo "{path}" ;; *) exit 2 ;; esac')
    assert machine.find() == path


def test_uv_that_knows_none_does_not_end_the_search(machine: Machine) -> None:
    """When uv finds nothing, a plain python3 of the right version still counts."""
    machine.has("uv", "exit 2")
    path = machine.has("python3", REAL)
    assert machine.find() == path


def test_a_named_python_is_taken_before_all_others(machine: Machine) -> None:
    """PYTHON, by path or by name, wins over the PATH."""
    machine.has("python3.13", REAL)
    path = machine.has("mine/python", REAL)
    assert machine.find(PYTHON=path) == path
    assert machine.find(PYTHON="python3.13") == str(machine.bin / "python3.13")


@pytest.mark.parametrize(
    ("script", "why"),
    [(SHIM, "does not run"), (OLD, "is Python 3.11"), (FREE_THREADED, "is Python 3.13t"), (BARE, "has no ensurepip")],
)
def test_a_named_python_that_will_not_do_is_refused_with_the_reason(machine: Machine, script: str, why: str) -> None:
    """A wrong PYTHON is never passed over for another in silence."""
    machine.has("python3.13", REAL)
    path = machine.has("mine/python", script)
    line = machine.refusal(PYTHON=path)
    assert line.startswith(f"PYTHON={path} is not usable: {path} {why}")
    assert line.endswith("Fix: set PYTHON to the path of a Python 3.13, or leave it unset.")


def test_a_named_python_that_is_not_there_is_refused(machine: Machine) -> None:
    """A PYTHON that names nothing is said to be missing."""
    assert "nowhere is not on the PATH" in machine.refusal(PYTHON="nowhere")


def test_debian_without_venv_is_told_what_to_install(machine: Machine) -> None:
    """A Python without ensurepip, with nothing to stand in for it, names the Debian package."""
    machine.has("python3.13", BARE)
    assert "apt install python3.13-venv" in machine.refusal()


def test_uv_or_pip_stands_in_for_ensurepip(machine: Machine) -> None:
    """A Python without ensurepip will do where uv or a pip of its own can make the environment."""
    path = machine.has("python3.13", OWN_PIP)
    assert machine.find() == path
    machine.has("python3.13", BARE)
    machine.has("uv", 'case "$1" in --version) exit 0 ;; esac\nexit 2')
    assert machine.find() == path
