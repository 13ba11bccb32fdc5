"""Every module of the workflows has tests of its own to be changed against."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.stories import MORE, story

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("decisions", "workflows", "workflows/api")
    for path in (ROOT / "perennial" / folder).glob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("module", MODULES)
def test_a_modules_story_is_told_by_files_that_are_there(module: str) -> None:
    """A file that was renamed would leave its module's mutants alive."""
    told = story(Path(module))
    assert told
    assert all((ROOT / name).exists() for name in told)
    if module.startswith("perennial/workflows"):
        assert all(name.endswith(".py") for name in told), "a whole folder would take hours"


def test_only_modules_that_are_there_have_more_to_tell() -> None:
    """A module that was renamed takes its line along."""
    assert set(MORE) <= set(MODULES)
