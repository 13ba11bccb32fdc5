"""What would be deployed: the files that .funcignore leaves, read as each deploying tool reads it."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pathspec

ROOT = Path(__file__).parents[2]

# Core Tools never packs these, whatever .funcignore says (azure-functions-core-tools, FileSystemHelpers.GetLocalFiles).
NEVER_DIRECTORIES = frozenset({".git", ".vscode"})
NEVER_FILES = frozenset({".funcignore", ".gitignore", "local.settings.json", "project.lock.json"})

type Denies = Callable[[str], bool]


def core_tools(funcignore: str, *, end: str = r"\b") -> Denies:
    """Read as Core Tools does: patterns match the beginning of a path, and negations win wherever they stand.

    Source: azure-functions-core-tools, GitIgnoreParser.cs. Releases before the `end` was added match "docs" in "docs.py" too.
    """

    def expression(patterns: Iterable[str]) -> re.Pattern[str]:
        """Join all patterns into one expression; of none, make one that matches nothing."""
        escaped = (re.sub(r"[-\[\]/{}()+?.\\^$|]", r"\\\g<0>", pattern.removeprefix("/")) for pattern in patterns)
        parts = ["(" + part.replace("**", "(.+)").replace("*", r"([^/]+)") + ")" for part in escaped]
        return re.compile("^(" + "|".join(parts) + ")" + end) if parts else re.compile("$^")

    lines = [line.strip() for line in funcignore.splitlines() if line.strip() and not line.strip().startswith("#")]
    allowed = expression(line[1:] for line in lines if line.startswith("!"))
    denied = expression(line for line in lines if not line.startswith("!"))
    return lambda path: bool(denied.match(path)) and not allowed.match(path)


def gitignore(funcignore: str) -> Denies:
    """Read as the tools do that take the file for a .gitignore (VS Code, azd, the GitHub action)."""
    return pathspec.GitIgnoreSpec.from_lines(funcignore.splitlines()).match_file


def readings(funcignore: str) -> dict[str, Denies]:
    """List every way in which a tool is known to read .funcignore."""
    return {
        "Core Tools": core_tools(funcignore),
        "older Core Tools": core_tools(funcignore, end=""),
        "gitignore": gitignore(funcignore),
    }


def deployed_files(root: Path, denies: Denies) -> list[str]:
    """List what a tool with this reading would pack: paths below `root`, sorted, with forward slashes."""
    return sorted(path for path in _files(root, "") if not denies(path))


def build(root: Path, into: Path) -> list[str]:
    """Copy what would be deployed into an empty folder, and return its paths."""
    paths = deployed_files(root, core_tools((root / ".funcignore").read_text(encoding="utf-8")))
    for path in paths:
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
    return paths


def _files(root: Path, prefix: str) -> Iterator[str]:
    """Walk every file below a folder, except what no tool packs."""
    for entry in (root / prefix).iterdir():
        if entry.is_dir():
            if entry.name not in NEVER_DIRECTORIES:
                yield from _files(root, f"{prefix}{entry.name}/")
        elif entry.name not in NEVER_FILES:
            yield prefix + entry.name
