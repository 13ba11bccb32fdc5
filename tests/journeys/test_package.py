"""What .funcignore leaves, in an empty folder, with only what requirements.txt pins: it is indexed, and it renews and tells."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from localazure.client import await_until
from localazure.receiver import Receiver
from tests.journeys.packaged import Package, pins
from tests.journeys.running import PATIENCE, ROOT, Journey, near_expiry

DAY = timedelta(days=1)
KB = 1024
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def files(folder: Path) -> list[Path]:
    """Return the files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def size(folder: Path) -> int:
    """Return the bytes below a folder, those of linked files included."""
    return sum(path.stat().st_size for path in files(folder))


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """The deployed app."""
    return Package(tmp_path / "deployed")


def test_the_package_runs_with_its_own_pins_alone(journey: Journey, package: Package, tmp_path: Path) -> None:
    """It imports whole; under the worker library it is indexed, renews, and tells a topic and a webhook."""
    assert {name: version(name) for name in pins(ROOT)} == pins(ROOT)  # what was linked is what is pinned
    imported = package.imports()
    assert imported.returncode == 0, imported.stderr[-2000:]
    vault = journey.vault("package")
    journey.operator.seed(vault, "www", left=20 * DAY)
    ready = journey.azure.ready
    settings = {"PERENNIAL_SECRET_SHOP": SECRET, "PERENNIAL_WEBHOOK_RANGES": "127.0.0.0/8 ::1/128"}
    variables = journey.environment({vault: "renew"}, settings)
    with Receiver({"/shop": SECRET}).serving(ready.certificate, ready.key) as receiver:
        hook = {"channel": "webhook", "target": receiver.url("/shop"), "secret": "SHOP"}
        with package.host(variables, tmp_path) as app:
            journey.azure.create_vault(vault, deliver_to=app.url)
            assert app.ask("PUT", "subscriptions/shop", hook)[0] == 201
            app.subscribe()
            app.notify("certificate_near_expiry", near_expiry(vault, "www"))
            await_until(lambda: receiver.received("/shop", "NewVersion", f"{vault}/www"), PATIENCE)
            await_until(lambda: journey.told(vault, "www", "NewVersion"), PATIENCE)
            assert app.sweep()[0]["state"] == "whole"
    assert journey.versions(vault, "www") == 2


def test_the_package_is_small(package: Package, record_property: Callable[[str, object], None]) -> None:
    """What is uploaded is under two megabytes; with its pinned packages it is far below what an instance unpacks in the time that it has to start."""
    app, packages = size(package.app), size(package.packages)
    told = (
        f"{len(package.files)} files, {app / KB:.0f} KB; with its pinned packages {(app + packages) / KB / KB:.0f} MB"
    )
    print(told)  # pytest -s shows it, a report keeps it
    record_property("package", told)
    assert sorted(path.relative_to(package.app).as_posix() for path in files(package.app)) == sorted(package.files)
    assert app < 2 * KB * KB
    assert packages < 100 * KB * KB


def test_a_package_without_a_pin_would_be_seen(package: Package) -> None:
    """The proof can fail: without one of its packages a module of the app cannot be imported."""
    shutil.rmtree(package.packages / "standardwebhooks")
    imported = package.imports()
    assert imported.returncode != 0
    assert "standardwebhooks" in imported.stderr
