"""Modules that wait for their first use, in a package made for the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

INIT = "from perennial import lazily\n__getattr__ = lazily.modules_of(__name__)\n"
PART = "import executed\nexecuted.names.append(__name__)\nimport time\ntime.sleep(0.05)\ndef whoami():\n    return __name__\n"


def ran(tmp_path: Path, script: str) -> str:
    """Run a script beside a lazy package `rooms` with the modules `bath` and `hall`; return what it prints."""
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    (tmp_path / "executed.py").write_text("names = []\n", encoding="utf-8")
    (rooms / "__init__.py").write_text(INIT, encoding="utf-8")
    for name in ("bath", "hall"):
        (rooms / f"{name}.py").write_text(PART, encoding="utf-8")
    (rooms / "stairs.py").write_text(
        "from rooms import bath\nimport executed\nexecuted.names.append(__name__)\n", encoding="utf-8"
    )
    script = f"import sys\nsys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\nimport executed\n{script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_module_is_executed_when_something_of_it_is_used(tmp_path: Path) -> None:
    """Importing it executes nothing, in one place or in two; the first use does, once; others stay as they are."""
    script = """
from rooms import bath, hall
import rooms
from rooms import bath as again
before = list(executed.names)
print(before, bath.whoami(), again.whoami(), again is bath is sys.modules["rooms.bath"], executed.names)
"""
    assert ran(tmp_path, script) == "[] rooms.bath rooms.bath True ['rooms.bath']"


def test_importing_from_a_module_executes_it_at_once(tmp_path: Path) -> None:
    """A name out of it needs it, and a module that it imports from the package still waits."""
    script = """
from rooms.hall import whoami
import rooms.stairs
print(whoami(), executed.names)
"""
    assert ran(tmp_path, script) == "rooms.hall ['rooms.hall', 'rooms.stairs']"


def test_threads_that_meet_at_the_first_use_execute_it_once(tmp_path: Path) -> None:
    """Thirty-two invocations at once see one module, whole."""
    script = """
from concurrent.futures import ThreadPoolExecutor
from rooms import bath
with ThreadPoolExecutor(32) as pool:
    said = set(pool.map(lambda _: bath.whoami(), range(64)))
print(said, executed.names)
"""
    assert ran(tmp_path, script) == "{'rooms.bath'} ['rooms.bath']"


def test_a_module_that_is_not_there_is_an_import_error(tmp_path: Path) -> None:
    """A wrong name fails where it is imported, not when it is used."""
    script = """
try:
    from rooms import attic
except ImportError as error:
    print(str(error).partition(" (")[0], executed.names)
"""
    assert ran(tmp_path, script) == "cannot import name 'attic' from 'rooms' []"
