"""What people read, taken apart: sections, tables, code spans, fenced lines, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) +(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of Markdown."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        """Its code spans."""
        return SPAN.findall(self.prose)

    @property
    def commands(self) -> list[str]:
        """The lines of its fenced shell blocks."""
        blocks = [body for kind, body in FENCE.findall(self.text) if kind in {"sh", "shell", "bash"}]
        return [line.strip() for body in blocks for line in body.splitlines() if line.strip()]

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return LINK.findall(self.prose)

    @property
    def anchors(self) -> list[str]:
        """The anchors that its headings give, as GitHub makes them."""
        return [slug(heading) for _, heading in HEADING.findall(self.prose)]

    def section(self, heading: str) -> str:
        """Return what stands under a heading, up to the next of its rank or above. Raises KeyError where there is none."""
        found = [match for match in HEADING.finditer(self.prose) if match[2] == heading]
        if len(found) != 1:
            raise KeyError(heading)
        rank, start = len(found[0][1]), found[0].end()
        ends = [m.start() for m in HEADING.finditer(self.prose) if m.start() > start and len(m[1]) <= rank]
        return self.prose[start : min(ends, default=len(self.prose))]


def slug(heading: str) -> str:
    """Return a heading's anchor: lower case, no signs, hyphens for blanks."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def rows(text: str) -> Iterator[list[str]]:
    """Go through the rows of the tables in a text: cells, without heads and rules."""
    lines = [line.strip() for line in text.splitlines()]
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        is_rule = bool(re.fullmatch(r"\|[\s:|-]+\|", line))
        is_head = bool(re.fullmatch(r"\|[\s:|-]+\|", after)) and not before.startswith("|")
        if line.startswith("|") and not is_rule and not is_head:
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]


def first_words(text: str) -> list[str]:
    """Return the code span that stands alone in the first cell of each row."""
    found = [re.fullmatch(r"(?:\[)?`([^`]+)`(?:\]\([^)]*\))?", cells[0]) for cells in rows(text)]
    return [match[1] for match in found if match]


def page(name: str) -> Page:
    """Read a page by its path in the repository."""
    path = ROOT / name
    return Page(path, path.read_text(encoding="utf-8"))


WRITTEN = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/tour.md",
    "docs/acme.md",
    "docs/data-model.md",
    "docs/operations.md",
    "docs/telemetry.md",
    "docs/deploy.md",
    "docs/live.md",
    "docs/other-clouds.md",
)


def written() -> list[Page]:
    """Read the pages that people wrote."""
    return [page(name) for name in WRITTEN]


def every() -> list[Page]:
    """Read every page of the repository, the generated ones too."""
    names = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "localazure" / "README.md"]
    return [Page(path, path.read_text(encoding="utf-8")) for path in sorted(names)]
