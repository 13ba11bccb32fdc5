"""What the pages name exists: targets, files, settings, routes, functions, words of the code, links."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs import names
from tests.docs.pages import ROOT, Page, every, written

CHECKS: tuple[Callable[[Page], list[str]], ...] = (
    names.missing_targets,
    names.missing_settings,
    names.missing_routes,
    names.missing_paths,
    names.missing_functions,
    names.missing_words,
    names.missing_modules,
    names.strange_excerpts,
)

SAMPLES: dict[Callable[[Page], list[str]], tuple[str, str]] = {
    names.missing_targets: ("`make tset`", "`make test`"),
    names.missing_settings: ("set PERENNIAL_VAULT", "set PERENNIAL_VAULTS and PERENNIAL_SECRET_ANY"),
    names.missing_routes: ("`GET /api/plans`", "`GET /api/plan` and `POST /api/certificates/{vault}/{name}/renew`"),
    names.missing_paths: ("`perennial/workflows/looks.py`", "`perennial/workflows/look.py` and `perennial/`"),
    names.missing_functions: ("`decide_now()`", "`decide()`"),
    names.missing_words: ("`not-duee`", "`not-due`, `next_check`, `ReasonCode`"),
    names.missing_modules: ("python -m localazure.nothing", "python -m localazure.host"),
    names.strange_excerpts: ("```python\nlook_twice()\n```\n", "```python\nsight = gather(world, look)\n```\n"),
    names.broken_links: ("[a](docs/none.md), [b](#none)", "# Here\n[a](docs/rules.md#weak-key), [b](#here)"),
}


def sample(text: str) -> Page:
    """Return a page at the top of the repository."""
    return Page(ROOT / "README.md", text)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("page", written(), ids=lambda page: page.path.name)
def test_what_a_page_names_exists(page: Page, check: Callable[[Page], list[str]]) -> None:
    """Nothing is named that there is not."""
    assert check(page) == []


@pytest.mark.parametrize("page", every(), ids=lambda page: str(page.path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Page) -> None:
    """Each link inside the repository leads to a file, and its anchor to a heading."""
    assert names.broken_links(page) == []


@pytest.mark.parametrize("page", written(), ids=lambda page: page.path.name)
def test_a_page_fits_a_reader(page: Page) -> None:
    """No page is over 400 lines."""
    assert len(page.text.splitlines()) <= 400


def test_each_check_has_its_negative() -> None:
    """Every check that is used is also seen to fail."""
    assert set(SAMPLES) == {*CHECKS, names.broken_links}


@pytest.mark.parametrize("check", SAMPLES, ids=lambda check: check.__name__)
def test_a_name_that_is_not_there_is_seen(check: Callable[[Page], list[str]]) -> None:
    """Each check finds its fault in a sample, and nothing in the sample's repair."""
    broken, whole = SAMPLES[check]
    assert check(sample(broken))
    assert check(sample(whole)) == []


def test_a_request_in_a_command_is_seen() -> None:
    """A curl line whose method has no route is found."""
    line = "```sh\ncurl -s -X {} $APP/api/mode -d '{{}}'\n```\n"
    assert names.missing_routes(sample(line.format("DELETE")))
    assert names.missing_routes(sample(line.format("PUT"))) == []


def test_a_target_in_a_command_is_seen() -> None:
    """A make line whose target does not exist is found; what stands after the sign for a comment is prose."""
    assert names.missing_targets(sample("```sh\nmake nothing\n```\n"))
    assert names.missing_targets(sample("```sh\nmake test   # make sure\n```\n")) == []


def test_every_page_is_read() -> None:
    """No page at the top or in docs/ is left out of the links' check."""
    tops = {path.name for path in Path(ROOT).glob("*.md")}
    assert tops <= {page.path.name for page in every()}
