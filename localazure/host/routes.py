"""Route templates as ASP.NET Core reads them: `certificates/{vault}/{name?}`, `{id:int}`, `{x=1}`, `{*rest}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)(:\w+)?(=[^{}]*)?(\?)?\}")
_CONSTRAINTS: Final[dict[str, Callable[[str], bool]]] = {
    "int": lambda text: bool(re.fullmatch(r"[+-]?\d{1,10}", text)) and -(2**31) <= int(text) < 2**31,
    "long": lambda text: bool(re.fullmatch(r"[+-]?\d{1,19}", text)) and -(2**63) <= int(text) < 2**63,
    "bool": lambda text: text.lower() in {"true", "false"},
    "alpha": lambda text: bool(re.fullmatch(r"[A-Za-z]*", text)),
    "guid": lambda text: bool(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text)),
}


class BadRoute(ValueError):
    """The template is not one that this host plays; the text says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a template: a literal (no parameter), or a parameter."""

    literal: str = ""
    parameter: str | None = None
    constraint: str | None = None
    default: str | None = None
    optional: bool = False
    rest: bool = False

    def rank(self) -> int:
        """Return the digit that ASP.NET Core's RoutePrecedence.ComputeInbound gives a segment; lower wins."""
        if self.parameter is None:
            return 1
        if self.rest:
            return 4 if self.constraint else 5
        return 2 if self.constraint else 3

    def accepts(self, text: str) -> bool:
        """Say whether a part of a path fits here. Literals are compared without case."""
        if self.parameter is None:
            return self.literal.lower() == text.lower()
        return self.constraint is None or _CONSTRAINTS[self.constraint](text)


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed template."""

    template: str
    segments: tuple[Segment, ...]

    def precedence(self) -> tuple[int, ...]:
        """Return what sorts overlapping templates: the more literal one is tried first."""
        return tuple(segment.rank() for segment in self.segments)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the decoded parameters of a raw path below the prefix; None if it does not fit."""
        parts = [unquote(part) for part in path.strip("/").split("/")] if path.strip("/") else []
        found: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            if segment.rest and segment.parameter is not None:
                found[segment.parameter] = "/".join(parts[index:])
                return found
            if index >= len(parts):
                if segment.default is None and not segment.optional:
                    return None
                if segment.parameter is not None and segment.default is not None:
                    found[segment.parameter] = segment.default
            elif not parts[index] or not segment.accepts(parts[index]):
                return None
            elif segment.parameter is not None:
                found[segment.parameter] = parts[index]
        return found if len(parts) <= len(self.segments) else None


def parse_route(template: str) -> Route:
    """Parse a template. Raises BadRoute."""
    parts = [part for part in template.strip("/").split("/") if part]
    segments = tuple(_parse_segment(part, template) for part in parts)
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment.rest and not last:
            raise BadRoute(f"route '{template}': only the last part may take the rest of the path")
        if segment.optional and not all(each.optional or each.default is not None for each in segments[index:]):
            raise BadRoute(f"route '{template}': what follows an optional part must be optional")
    return Route(template, segments)


def _parse_segment(part: str, template: str) -> Segment:
    """Parse one part of a template. Raises BadRoute."""
    if "{" not in part and "}" not in part:
        return Segment(literal=part)
    match = _PARAMETER.fullmatch(part)
    if match is None:
        raise BadRoute(f"route '{template}': this host does not play the part '{part}'")
    stars, name, constraint, default, optional = match.groups()
    kind = constraint.removeprefix(":") if constraint else None
    if kind is not None and kind not in _CONSTRAINTS:
        raise BadRoute(f"route '{template}': this host does not play the constraint '{kind}'")
    return Segment("", name, kind, default.removeprefix("=") if default else None, bool(optional), bool(stars))
