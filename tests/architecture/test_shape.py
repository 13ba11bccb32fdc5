"""The house's shape: small rooms, honest names, doors of one statement, one place for clocks and for clouds."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import source

CODE = ("function_app.py", "handlers", "perennial", "localazure", "bench")
PROSE = {".py", ".md", ".toml", ".sh", ".yaml", ".yml", ".bicep", ".json", ""}
# Locks hold other people's words (addresses of funds, names of platforms).
LOCKS = {"package-lock.json", "requirements.txt", "requirements-dev.txt"}
# Slow to import (100 ms and more, together 400 ms), so they are imported by what builds a client, when it is first built.
SLOW = "azure.identity azure.keyvault.certificates azure.data.tables azure.storage.queue azure.eventgrid msal cryptography requests"

type Check = Callable[[str], list[str]]


def faults(paths: list[Path], check: Check) -> dict[str, list[str]]:
    """Run a check over files: what it finds, by the file's path in the repository."""
    found = {path.relative_to(source.ROOT).as_posix(): check(source.text_of(path)) for path in paths}
    return {path: wrong for path, wrong in found.items() if wrong}


def written() -> list[Path]:
    """List the tracked files that we wrote."""
    return [path for path in source.tracked() if path.suffix in PROSE and path.name not in LOCKS]


def test_a_door_is_one_statement() -> None:
    """Each function in handlers/ hands over in one statement."""
    assert faults(source.modules("handlers"), source.full_doors) == {}


def test_a_door_knows_its_workflow_and_the_wiring_alone() -> None:
    """A door imports the trigger's types, the wiring and workflows."""
    assert faults([p for p in source.modules("handlers") if p.name != "__init__.py"], source.doors_reach) == {}


def test_no_module_is_over_300_lines() -> None:
    """Every module fits a reader's head, the tests too."""
    assert faults(source.modules(*CODE, "tests"), source.too_long) == {}


def test_no_function_is_over_40_lines() -> None:
    """Every function fits a screen."""
    assert faults(source.modules(*CODE), source.long_functions) == {}


def test_no_module_is_named_after_nothing() -> None:
    """A module is named by a noun or verb of the domain."""
    assert [p for p in source.modules(*CODE, "tests") if source.vague_names(p.relative_to(source.ROOT))] == []


def test_clouds_are_named_in_one_table() -> None:
    """The host suffixes of Azure's clouds are literals in the cloud table and nowhere else in the app."""
    table = source.ROOT / "perennial/model/clouds.py"
    app = [path for path in source.modules("function_app.py", "handlers", "perennial") if path != table]
    assert faults(app, source.cloud_suffixes) == {}


def test_only_the_wiring_reads_clocks_dice_and_the_environment() -> None:
    """Time, chance and settings come into the product by one door."""
    wiring = source.ROOT / "perennial/wiring.py"
    app = [path for path in source.modules("function_app.py", "handlers", "perennial") if path != wiring]
    assert faults(app, source.clocks_and_dice) == {}


def test_nothing_is_put_off() -> None:
    """No file carries a mark of unfinished work."""
    assert faults(written(), source.unfinished) == {}


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """No file names a path of one machine or the host of a package registry, the locks included."""
    assert faults(source.tracked(), source.machine_words) == {}


def test_sources_are_cited_so_that_a_stranger_can_find_them() -> None:
    """No file cites by a number of notes that are not in the repository."""
    assert faults([path for path in written() if path.suffix in {".py", ".md"}], source.private_citations) == {}


def test_the_app_is_indexed_without_the_slow_libraries() -> None:
    """Importing every door loads none of the SDKs, so a cold start does not pay for them."""
    doors = [
        p.relative_to(source.ROOT).with_suffix("")
        for p in source.modules("function_app.py", "handlers", "perennial/wiring.py")
    ]
    names = [".".join(door.parts).removesuffix(".__init__") for door in doors]
    code = f"import sys, {', '.join(names)}\nprint(*(name for name in {SLOW.split()} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize(
    ("check", "broken", "whole"),
    [
        (source.full_doors, "def f():\n    'Doc.'\n    a()\n    b()\n", "def f():\n    'Doc.'\n    a()\n"),
        (source.full_doors, "async def f():\n    a()\n    b()\n", "async def f():\n    a()\n"),
        (source.full_doors, "def f():\n    'Only words.'\n", "def f():\n    return a(b())\n"),
        (source.doors_reach, "import json", "import azure.functions as func"),
        (source.doors_reach, "from azure import identity", "from azure import functions"),
        (source.doors_reach, "from perennial import adapters", "from perennial import wiring"),
        (
            source.doors_reach,
            "from perennial.model.clouds import PUBLIC",
            "from perennial.workflows.intake import receive",
        ),
        (source.too_long, "a = 1\n" * 301, "a = 1\n" * 300),
        (
            source.long_functions,
            "def f():\n" + "    a()\n" * 40,
            "def f():\n    '''\n    Doc.\n    '''\n" + "    a()\n" * 39,
        ),
        (source.long_functions, "class C:\n  def f(self):\n" + "    a()\n" * 40, "class C:\n" + "  a = 1\n" * 60),
        (
            source.cloud_suffixes,
            "URL = f'https://{v}.vault.azure.net'",
            "def f():\n    'For vault.azure.net.'  # core.windows.net\n",
        ),
        (
            source.cloud_suffixes,
            "'''Doc.'''\nA = 'LOGIN.MicrosoftOnline.com'",
            "'''Login.microsoftonline.com.'''\nA = 'b'",
        ),
        (
            source.clocks_and_dice,
            "from datetime import datetime\nx = datetime.now(UTC)",
            "x = datetime.fromtimestamp(1, UTC)",
        ),
        (source.clocks_and_dice, "clock = datetime.now", "clock = now"),
        (source.clocks_and_dice, "import time\ntime.sleep(1)", "time.isoformat()"),
        (source.clocks_and_dice, "import os\nx = os.environ['A']", "x = environment['A']"),
        (source.clocks_and_dice, "from uuid import uuid4", "from uuid import uuid5"),
        (source.clocks_and_dice, "from os import environ", "def f(environ): return environ['A']"),
        (source.unfinished, "# TO" + "DO: later", "# todos os santos"),
        (source.machine_words, "see /wor" + "k/main", "see /api/work/main"),
        (source.machine_words, "index = https://pypi." + "org/simple", "index = https://example.org/simple"),
        (source.machine_words, "/ho" + "me/ada/x", "/home/site/wwwroot"),
        (source.private_citations, "as measured [" + "B4]", "names[B4] and [B4](#b4)"),
        (source.private_citations, "see [" + "A2–A4, C2]", "RFC 9773 §4"),
        (source.private_citations, "in issu" + "e 4", "azure-sdk-for-python issue 41234"),
    ],
)
def test_a_broken_sample_is_seen_and_its_repair_is_not(check: Check, broken: str, whole: str) -> None:
    """Every check above finds its fault in a sample, and nothing in the sample's repair."""
    assert check(broken)
    assert check(whole) == []


@pytest.mark.parametrize("path", ["perennial/utils.py", "perennial/Common/vaults.py", "localazure/vault/helpers.py"])
def test_a_vague_name_is_seen(path: str) -> None:
    """A name that says nothing is found in the module and in its folders."""
    assert source.vague_names(Path(path))
    assert source.vague_names(Path("perennial/model/certificate.py")) == []
