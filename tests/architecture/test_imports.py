"""Imports run one way, and each contract that says so can be broken."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

# One import that breaks each contract.
OFFENCES = {
    "downwards": ("perennial/model", "perennial.ports"),
    "doors": ("handlers", "perennial.adapters"),
    "thinking": ("perennial/decisions", "os"),
    "doing": ("perennial/workflows", "perennial.channels"),
    "hands": ("perennial/adapters", "time"),
    "tool": ("perennial/ports", "localazure"),
    "strangers": ("localazure", "perennial"),
}


def verdicts(root: Path) -> dict[str, str]:
    """Run import-linter over a tree with this repository's contracts: KEPT or BROKEN, by the contract's id."""
    linter = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    done = subprocess.run(linter, cwd=root, capture_output=True, text=True, check=False)
    # Long names are wrapped, so the lines are joined before they are read.
    said = re.sub(r"\s+", " ", done.stdout)
    found = {c["id"]: re.search(re.escape(c["name"]) + " (KEPT|BROKEN)", said) for c in CONTRACTS}
    assert all(found.values()), done.stdout + done.stderr
    return {name: match[1] for name, match in found.items() if match}


def lay_skeleton(root: Path) -> None:
    """Make the empty rooms of the house, with the contracts that hold between them."""
    shutil.copyfile(ROOT / "pyproject.toml", root / "pyproject.toml")
    packages = [
        path.parent
        for top in ("handlers", "perennial", "localazure", "bench")
        for path in (ROOT / top).glob("**/__init__.py")
    ]
    for package in (p.relative_to(ROOT) for p in packages if "node_modules" not in p.parts):
        (root / package).mkdir(parents=True, exist_ok=True)
        (root / package / "__init__.py").touch()
    (root / "perennial/wiring.py").touch()


def test_this_repository_keeps_every_contract() -> None:
    """No module imports against the direction of the house."""
    assert set(verdicts(ROOT).values()) == {"KEPT"}


def test_every_contract_has_an_offence_here() -> None:
    """A new contract comes with an import that breaks it."""
    assert {contract["id"] for contract in CONTRACTS} == set(OFFENCES)


def test_each_contract_can_be_broken(tmp_path: Path) -> None:
    """An empty house keeps every contract, and one wrong import in a room breaks that room's."""
    lay_skeleton(tmp_path)
    assert set(verdicts(tmp_path).values()) == {"KEPT"}
    for room, imported in OFFENCES.values():
        (tmp_path / room / "offence.py").write_text(f"import {imported}\n", encoding="utf-8")
    assert set(verdicts(tmp_path).values()) == {"BROKEN"}
