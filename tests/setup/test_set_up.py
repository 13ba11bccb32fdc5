"""Setting up installs what is locked once, and says what went wrong; make names its targets."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = "-m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt"
PEBBLE = "-m localazure.install_pebble"
AZURITE = "-m localazure.install_azurite"


@dataclass(frozen=True)
class Clone:
    """A clone with the set-up scripts and a lock, whose environment's Python only notes what it is asked to do."""

    root: Path

    def python(self, place: str, *, pip: str = "exit 0") -> Path:
        """Put the noting Python somewhere; `pip` is what its pip does, and its venv copies it into .venv."""
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        modules = f'pip) {pip} ;; venv) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;'
        note = f'case "$1" in -m) echo "$*" >> asked; case "$2" in {modules} esac; exit 0 ;; esac'
        path.write_text(f'#!/bin/sh\n{note}\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return path

    def set_up(self) -> subprocess.CompletedProcess[str]:
        """Set up once."""
        command = ["/bin/sh", "scripts/set-up"]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)

    def asked(self) -> list[str]:
        """Read what Python was asked to do, and forget it."""
        note = self.root / "asked"
        lines = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
        note.unlink(missing_ok=True)
        return lines


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """Make a clone whose lock was never installed."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "requirements-dev.txt").write_text("a==1\n", encoding="utf-8")
    return Clone(tmp_path)


def test_the_lock_is_installed_with_its_hashes_and_only_once(clone: Clone) -> None:
    """A first set-up installs the packages and fetches Pebble; a second one only looks whether Azurite is there."""
    clone.python(".venv/bin/python")
    assert clone.set_up().returncode == 0
    assert clone.asked() == [INSTALL, PEBBLE, AZURITE]
    assert clone.set_up().returncode == 0
    assert clone.asked() == [AZURITE]


def test_a_changed_lock_is_installed_again(clone: Clone) -> None:
    """A lock of another content is installed, whatever its date."""
    clone.python(".venv/bin/python")
    clone.set_up()
    clone.asked()
    (clone.root / "requirements-dev.txt").write_text("a==2\n", encoding="utf-8")
    clone.set_up()
    assert clone.asked() == [INSTALL, PEBBLE, AZURITE]


def test_a_failed_installation_says_so_and_is_tried_again(clone: Clone) -> None:
    """When pip fails, one line says what to do, and nothing counts as installed."""
    clone.python(".venv/bin/python", pip="exit 1")
    done = clone.set_up()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("Fix: reach a Python package index, then try again.")
    assert clone.asked() == [INSTALL]
    clone.set_up()
    assert clone.asked() == [INSTALL]


def test_an_environment_whose_making_was_interrupted_is_made_again(clone: Clone) -> None:
    """Without a Python that runs, .venv is made from nothing with the Python that is found."""
    base = clone.python("base/python3.13")
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv/half").touch()
    (clone.root / "scripts/find-python").write_text(f'echo "{base}"\n', encoding="utf-8")
    done = clone.set_up()
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, f"Making .venv with {base}")
    assert clone.asked() == ["-m venv .venv", INSTALL, PEBBLE, AZURITE]
    assert not (clone.root / ".venv/half").exists()


def test_without_a_python_nothing_is_made(clone: Clone) -> None:
    """When no Python is found its one line is all that is said."""
    (clone.root / "scripts/find-python").write_text("echo none >&2; exit 1\n", encoding="utf-8")
    done = clone.set_up()
    assert (done.returncode, done.stderr) == (1, "none\n")
    assert not (clone.root / ".venv").exists()


def test_make_help_lists_every_target() -> None:
    """What make can do is what it says it can do."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    said = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert phony
    assert re.findall(r"^  make (\S+)", said, re.MULTILINE) == phony[1].split()
    assert re.findall(r"^([a-z-]+):", makefile, re.MULTILINE) == phony[1].split()


def test_what_must_pass_is_lint_and_test() -> None:
    """The check of a change is the two commands that a person runs, and stops at the first that fails."""
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert "for target in lint test; do" in script
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
