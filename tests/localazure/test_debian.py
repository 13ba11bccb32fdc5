"""Debian's programs: from PATH, from the clone, by apt-get without root, or one line that says how."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localazure import debian
from localazure.debian import Missing, _chosen, program

APT = """#!/bin/sh
echo "$@" >> {log}
case " $* " in
*" update "*) exit {update} ;;
*" -q "*" download "*) : > tool_1.deb; exit {own} ;;
*" download "*) : > tool_1.deb; exit {machine} ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr/bin" && printf '#!/bin/sh\\necho ran\\n' > "$3/usr/bin/{name}" && chmod +x "$3/usr/bin/{name}"
"""


@contextmanager
def played(folder: Path, *, machine: int = 0, update: int = 0, own: int = 0, name: str = "tool") -> Iterator[Path]:
    """Play apt-get and dpkg by scripts in front of PATH; give the log of what apt-get was told."""
    log, place = folder / "log", folder / "bin"
    place.mkdir()
    for script, text in (
        ("apt-get", APT.format(log=log, machine=machine, update=update, own=own)),
        ("dpkg", DPKG.format(name=name)),
    ):
        (place / script).write_text(text)
        (place / script).chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{place}{os.pathsep}{before}"
    try:
        yield log
    finally:
        os.environ["PATH"] = before


def test_the_machines_own_program_comes_first(tmp_path: Path) -> None:
    """What is on PATH is taken, and nothing is fetched."""
    assert program("sh", "dash", local=tmp_path).path.name == "sh"
    assert list(tmp_path.iterdir()) == []


def test_a_package_is_fetched_once_by_the_machines_lists(tmp_path: Path) -> None:
    """Downloaded and unpacked into the folder; the second time it is there, and runs."""
    with played(tmp_path) as log:
        found = program("tool", "tool", local=tmp_path / "local", path="/nowhere")
        assert program("tool", "tool", local=tmp_path / "local", path="/nowhere") == found
        assert log.read_text().splitlines() == ["download tool"]
    assert subprocess.run([found.path], capture_output=True, text=True, check=True).stdout == "ran\n"


def test_where_the_machine_has_no_lists_own_ones_are_fetched(tmp_path: Path) -> None:
    """A download that fails is tried again after an update into folders of the clone, which needs no root."""
    with played(tmp_path, machine=100) as log:
        program("tool", "tool", local=tmp_path / "local", path="/nowhere")
        first, second, third = log.read_text().splitlines()
    assert first == "download tool"
    assert second.endswith(" update")
    assert f"-oDir::State::lists={tmp_path}/local/apt/lists" in second
    assert third.endswith(" download tool")
    assert "-oDir::Cache=" in third


@pytest.mark.parametrize(("update", "own"), [(100, 0), (0, 100)])
def test_what_cannot_be_had_is_said_in_one_line(tmp_path: Path, update: int, own: int) -> None:
    """The line names the program and the command that brings it; nothing half done stays behind."""
    with (
        played(tmp_path, machine=100, update=update, own=own),
        pytest.raises(Missing, match=r"tool is not on the PATH.*apt-get install tool") as missing,
    ):
        program("tool", "tool", local=tmp_path / "local", path="/nowhere")
    assert "\n" not in str(missing.value)
    assert not (tmp_path / "local" / "tool").exists()


def test_a_machine_without_apt_is_told_so(tmp_path: Path) -> None:
    """Elsewhere than on Debian nothing is tried."""
    before = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    try:
        with pytest.raises(Missing, match="install the package tool"):
            program("tool", "tool", local=tmp_path / "local", path="/nowhere")
    finally:
        os.environ["PATH"] = before


def test_a_package_without_the_program_is_named(tmp_path: Path) -> None:
    """A package that unpacks to something else is no success."""
    with played(tmp_path, name="other"), pytest.raises(Missing, match="tool is not in the packages tool"):
        program("tool", "tool", local=tmp_path / "local", path="/nowhere")


def test_what_is_fetched_lies_in_the_clone() -> None:
    """In `.local`, which git ignores."""
    assert debian.LOCAL.parts[-2:] == (".local", "debian")


def test_a_package_is_taken_under_the_name_that_this_debian_has(tmp_path: Path) -> None:
    """The first alternative that there is; one that may be missing is left out; else the first, which apt-get then complains of."""
    apt = tmp_path / "apt"
    apt.write_text('#!/bin/sh\nfor last; do :; done\n[ "$last" = new ]\n', encoding="utf-8")
    apt.chmod(0o755)
    assert _chosen([str(apt)], ["plain", "old|new", "|new", "|none", "a|b"], tmp_path) == ["plain", "new", "new", "a"]
