"""The lock files say what pyproject.toml asks for, to the last package, and name no place to get it from."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# Where the app runs; markers are read as they are there, whatever machine the test runs on.
AZURE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
PIN = re.compile(r"([a-z0-9-]+)==([^ ;]+)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(text: str) -> dict[str, str]:
    """Read the versions out of a lock file, by package."""
    return {match[1]: match[2] for match in map(PIN.fullmatch, text.splitlines()) if match}


def unmet(asked: Iterable[str], locked: dict[str, str]) -> list[str]:
    """List the requirements that a lock file does not meet."""
    requirements = [Requirement(line) for line in asked]
    return [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"), prereleases=True)
        or canonicalize_name(requirement.name) not in locked
    ]


def strangers(text: str) -> list[str]:
    """List the lines of a lock file that are neither a pin nor a hash, and the pins that no hash follows."""
    lines = text.splitlines()
    unhashed = [a for a, b in zip(lines, [*lines[1:], ""], strict=True) if PIN.fullmatch(a) and not HASH.fullmatch(b)]
    return [line for line in lines if not PIN.fullmatch(line) and not HASH.fullmatch(line)] + unhashed


def needed(asked: Iterable[str]) -> set[str]:
    """Follow what installed packages say they need, from these requirements to the last package."""
    names: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in asked]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            key = (canonicalize_name(requirement.name), extra)
            if key not in names:
                names.add(key)
                inner = (Requirement(line) for line in requires(requirement.name) or [])
                waiting += [r for r in inner if not r.marker or r.marker.evaluate({**AZURE, "extra": extra})]
    return {name for name, _ in names}


def asked() -> tuple[list[str], list[str]]:
    """Read what the app and what the tools ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"]["dependencies"], project["dependency-groups"]["dev"]


DEPLOYED = (ROOT / "requirements.txt").read_text(encoding="utf-8")
EVERYTHING = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")


def test_what_is_asked_for_is_locked() -> None:
    """Every requirement of pyproject.toml is met by its lock file (else: make lock)."""
    app, tools = asked()
    assert unmet(app, pins(DEPLOYED)) == []
    assert unmet([*app, *tools], pins(EVERYTHING)) == []


def test_the_app_is_locked_to_the_last_package_and_no_further() -> None:
    """requirements.txt holds what the app needs and what that needs, and nothing that was left over."""
    app, _ = asked()
    assert set(pins(DEPLOYED)) == needed(app)


def test_tests_run_on_the_versions_that_are_deployed() -> None:
    """Each deployed pin is the same in the lock of the tools."""
    everything = pins(EVERYTHING)
    assert {name: everything.get(name) for name in pins(DEPLOYED)} == pins(DEPLOYED)


def test_a_lock_is_pins_and_hashes_alone() -> None:
    """No lock file carries an address, an option or a pin without a hash."""
    assert strangers(DEPLOYED) == []
    assert strangers(EVERYTHING) == []


def test_a_requirement_that_is_not_met_is_seen() -> None:
    """A missing package and a version out of range are both found."""
    assert unmet(["a>=2", "b", "C_d==1"], {"a": "1.9", "c-d": "1"}) == ["a>=2", "b"]


def test_a_stranger_in_a_lock_is_seen() -> None:
    """An index option, an address and a pin without a hash are all found."""
    hashed = f"b==1 \\\n    --hash=sha256:{'0' * 64}"
    assert strangers(hashed) == []
    assert len(strangers(f"--index-url https://example.org/simple\n{hashed}")) == 1
    assert len(strangers(f"b @ https://example.org/b.whl\n{hashed}")) == 1
    assert strangers(f"a==1 \\\n{hashed}") == ["a==1 \\"]


def test_needs_are_followed_through_extras_and_markers() -> None:
    """What an extra brings is counted, what only another platform needs is not."""
    assert "cryptography" in needed(["pyjwt[crypto]"])
    assert needed(["pyjwt"]) == {"pyjwt"}
    assert "colorama" not in needed(["pytest"])
