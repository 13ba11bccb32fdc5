"""Azurite is installed once, from a lock that names no registry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from localazure import install_azurite


def test_the_lock_pins_by_hash_and_names_no_registry() -> None:
    """Every package has an integrity, none a URL; the versions asked for are exact."""
    lock = json.loads((install_azurite.FOLDER / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
    wanted = json.loads((install_azurite.FOLDER / "package.json").read_text())["dependencies"]
    assert "azurite" in wanted
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    """A stamp with the lock's hash is enough; another lock is not."""
    folder = tmp_path / "localazure"
    (folder / install_azurite.SCRIPT).parent.mkdir(parents=True)
    (folder / install_azurite.SCRIPT).touch()
    shutil.copy(install_azurite.FOLDER / "package-lock.json", folder)
    assert not install_azurite.is_installed(folder)
    lock = (install_azurite.FOLDER / install_azurite.STAMP).read_text()
    (folder / install_azurite.STAMP).write_text(lock)
    assert install_azurite.install(folder) is None
    (folder / "package-lock.json").write_text("{}")
    assert not install_azurite.is_installed(folder)


def test_a_failure_is_one_line(tmp_path: Path) -> None:
    """What npm could not do is said in one line, and nothing counts as installed."""
    (tmp_path / "package.json").write_text('{"dependencies": {"azurite": "3.35.0"}}')
    (tmp_path / "package-lock.json").write_text("no lock at all")
    problem = install_azurite.install(tmp_path)
    assert problem is not None
    assert "npm" in problem
    assert "\n" not in problem
    assert not install_azurite.is_installed(tmp_path)
