"""What a page names and what is wrong with it: each check goes from a page to the names that do not exist."""

from __future__ import annotations

import re

from tests.docs import known
from tests.docs.pages import ROOT, Page

MAKE = re.compile(r"\bmake ([a-z-]+)")
SETTING = re.compile(r"\bPERENNIAL_[A-Z_]+[A-Z]")
REQUEST = re.compile(r"\b(GET|POST|PUT|DELETE) /api(/[\w{}/*-]+)")
CURL = re.compile(r"(?:7071|\$APP)/api(/[\w{}/-]+)")
PATH = re.compile(r"(?:\.?[\w-]+/)+[\w.-]*|[\w-]+\.(?:py|md|yaml|toml|json|txt)|\.ci/run")
FUNCTION = re.compile(r"([a-z_]\w*)\(\)")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


def missing_targets(page: Page) -> list[str]:
    """Name the make targets that there are not."""
    texts = [text for text in (*page.spans, *page.commands) if not text.startswith("#")]
    return [name for text in texts for name in MAKE.findall(text.partition(" #")[0]) if name not in known.targets()]


def missing_settings(page: Page) -> list[str]:
    """Name the settings that there are not."""
    return [name for name in SETTING.findall(page.text) if not known.is_setting(name)]


def missing_routes(page: Page) -> list[str]:
    """Name the requests that no route answers."""
    told = [f"{m} {p}" for m, p in REQUEST.findall(page.text) if not known.is_route(m, p)]
    return told + [line for line in page.commands if not _answered(line)]


def _answered(command: str) -> bool:
    method = re.search(r"-X (\w+)", command)
    asked = CURL.findall(command)
    return all(known.is_route(method[1] if method else "GET", path) for path in asked)


def missing_paths(page: Page) -> list[str]:
    """Name the files and folders that there are not; what `make up` writes is there only then."""
    spans = [span for span in page.spans if PATH.fullmatch(span) and not span.startswith(("/", ".local/"))]
    arguments = [word for line in page.commands for word in _arguments(line)]
    return [path for path in (*spans, *arguments) if not ((ROOT / path).exists() or (page.path.parent / path).exists())]


def _arguments(command: str) -> list[str]:
    return [word for word in re.split(r"[\s>]+", command) if re.fullmatch(r"(?:tests|docs|perennial)/\S+", word)]


def missing_functions(page: Page) -> list[str]:
    """Name the functions that there are not."""
    named = (match for span in page.spans if (match := FUNCTION.fullmatch(span)))
    return [match[0] for match in named if match[1] not in known.functions()]


def missing_words(page: Page) -> list[str]:
    """Name the words in code spans that no code knows."""
    named = [
        span for span in page.spans if WORD.fullmatch(span) and not (PATH.fullmatch(span) or SETTING.fullmatch(span))
    ]
    return [span for span in named if not _known(span)]


def _known(span: str) -> bool:
    return span in known.words() or known.is_tag(span) or all(part in known.words() for part in span.split("."))


def missing_modules(page: Page) -> list[str]:
    """Name the modules after `python -m` that there are not."""
    named = [name for text in (page.text,) for name in re.findall(r"python -m ([a-z_.]+[a-z])", text)]
    ours = [name for name in named if name.partition(".")[0] in {"perennial", "localazure"}]
    return [name for name in ours if not _is_module(name)]


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def strange_excerpts(page: Page) -> list[str]:
    """Quote the lines of Python excerpts that the product does not have."""
    blocks = re.findall(r"^```python\n(.*?)^```$", page.text, re.MULTILINE | re.DOTALL)
    quoted = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    return [line for line in quoted if line not in known.lines()]


def broken_links(page: Page) -> list[str]:
    """Name the links that lead nowhere: a file that is not there, or a heading that its page does not have."""
    return [link for link in page.links if not re.match(r"https?://", link) and not _leads(page, link)]


def _leads(page: Page, link: str) -> bool:
    name, _, anchor = link.partition("#")
    path = (page.path.parent / name).resolve() if name else page.path
    if not path.exists() or not path.is_relative_to(ROOT):
        return False
    if not anchor:
        return True
    return anchor in (page if path == page.path else Page(path, path.read_text(encoding="utf-8"))).anchors
