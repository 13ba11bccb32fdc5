"""The package that is deployed holds the app and nothing else."""

from pathlib import Path

import pytest

from tests.setup.package import ROOT, build, core_tools, deployed_files, gitignore, readings

FUNCIGNORE = (ROOT / ".funcignore").read_text(encoding="utf-8")
FILES = frozenset({"function_app.py", "host.json", "requirements.txt"})
FOLDERS = ("handlers/", "perennial/")

# A made-up clone: what is deployed, and what lies beside it on a machine where everything was run.
APP = ("function_app.py", "host.json", "requirements.txt", "handlers/work.py", "perennial/model/certificate.py")
BESIDE = (
    ".ci/run",
    ".git/config",
    ".local/env",
    ".mypy_cache/3.13/a.json",
    ".venv/bin/python",
    "Makefile",
    "README.md",
    "bench/__main__.py",
    "docs/tour.md",
    "handlers/__pycache__/work.cpython-313.pyc",
    "infra/main.bicep",
    "local.settings.json",
    "localazure/host/__main__.py",
    "localazure/node_modules/azurite/package.json",
    "perennial/model/__pycache__/certificate.cpython-313.pyc",
    "pyproject.toml",
    "requirements-dev.txt",
    "tests/journeys/test_renewal.py",
)


def belongs(path: str) -> bool:
    """Tell whether the app needs this file where it runs."""
    return path in FILES or (path.startswith(FOLDERS) and "__pycache__" not in path)


def lay(root: Path, paths: tuple[str, ...]) -> None:
    """Make a clone that holds these files."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("", encoding="utf-8")


@pytest.mark.parametrize("reading", readings(FUNCIGNORE))
def test_every_tool_would_deploy_the_app_and_nothing_beside_it(reading: str, tmp_path: Path) -> None:
    """Out of a clone in which everything was run, each deploying tool packs the app alone."""
    lay(tmp_path, APP + BESIDE)
    assert sorted(APP) == deployed_files(tmp_path, readings(FUNCIGNORE)[reading])


@pytest.mark.parametrize("reading", readings(FUNCIGNORE))
def test_nothing_at_the_top_of_this_clone_slips_into_the_package(reading: str) -> None:
    """Whatever lies at the top of the clone is part of the app or named in .funcignore."""
    denies = readings(FUNCIGNORE)[reading]
    tops = (entry for entry in ROOT.iterdir() if entry.name not in {".git", ".gitignore", ".funcignore", ".vscode"})
    samples = {f"{top.name}/x.py" if top.is_dir() else top.name for top in tops}
    assert set() == {path for path in samples if not denies(path) and not belongs(path)}


@pytest.mark.parametrize("reading", readings(FUNCIGNORE))
def test_no_module_of_the_app_is_left_out(reading: str) -> None:
    """No file that the app needs is caught by a line meant for another."""
    denies = readings(FUNCIGNORE)[reading]
    needed = {path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert set() == {path for path in needed | FILES if denies(path)}


def test_the_package_is_built_into_an_empty_folder(tmp_path: Path) -> None:
    """Building copies each file with its content to the same place below the empty folder."""
    clone, package = tmp_path / "clone", tmp_path / "package"
    lay(clone, APP + BESIDE)
    (clone / ".funcignore").write_text(FUNCIGNORE, encoding="utf-8")
    (clone / "host.json").write_text("{}", encoding="utf-8")
    assert sorted(APP) == build(clone, package)
    assert sorted(APP) == sorted(p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file())
    assert (package / "host.json").read_text(encoding="utf-8") == "{}"


def test_a_forgotten_folder_would_be_seen() -> None:
    """A folder that .funcignore does not name would be deployed, by every reading."""
    assert [denies("forgotten/x.py") for denies in readings(FUNCIGNORE).values()] == [False, False, False]


def test_core_tools_takes_a_line_for_the_beginning_of_a_path() -> None:
    """Under Core Tools a name covers the top only, where a .gitignore covers every depth."""
    assert core_tools("docs\n")("docs/tour.md")
    assert not core_tools("docs\n")("perennial/docs/x.py")
    assert gitignore("docs\n")("perennial/docs/x.py")


def test_older_core_tools_take_a_name_for_a_prefix() -> None:
    """Without the word boundary "host" would swallow host.json and hosts.py alike."""
    assert core_tools("host\n", end="")("hosts.py")
    assert not core_tools("host\n")("hosts.py")
