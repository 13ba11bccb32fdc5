"""Settings that are JSON arrays of objects: each object becomes a typed value, and every fault is told with its place and its fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from enum import Enum
from typing import Any, get_type_hints

from perennial.settings.readers import Wrong, size


class Objects:
    """An array as it was written, and what is wrong with it so far."""

    def __init__(self, text: str, what: str) -> None:
        """Read the array; `what` is its name in faults. Raises Wrong where it is none."""
        import msgspec  # here, so that an installation without CAs starts without it

        try:
            found = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise Wrong(f"is not JSON ({error})", "write an array of objects, as in docs/settings.md") from error
        if not isinstance(found, list):
            raise Wrong("is not an array", "put the objects between [ and ]")
        self._what = what
        self._found: list[object] = found
        self._faults: dict[tuple[int, str], str] = {}

    def fault(self, place: int, member: str, problem: str, fix: str) -> None:
        """Note a fault of one member; what came first of a member is told, and nothing within a member that is wrong itself."""
        if (place, member.partition(".")[0]) not in self._faults:
            self._faults.setdefault((place, member), f"{where(self._what, place, member)}: {problem}; {fix}")

    def read[T](self, kind: type[T]) -> list[tuple[int, T]]:
        """Return each object as a value of this type, with its place; a member with a fault is left out, and so is an object that lacks one."""
        values: list[tuple[int, T]] = []
        for place, given in enumerate(self._found):
            members = self._members(place, given, kind)
            if all(name in members for name in _needed(kind)):
                values.append((place, kind(**members)))
        return values

    def _members(self, place: int, given: object, kind: type[Any]) -> dict[str, Any]:
        if not isinstance(given, dict):
            self.fault(place, "", "is not an object", "write its members between { and }")
            return {}
        hints = get_type_hints(kind)
        for name in given:
            if name not in hints:
                self.fault(place, name, "there is no such member", _nearest(name, hints))
        values: dict[str, Any] = {}
        for member in fields(kind):
            if member.name in given:
                values.update(self._value(place, member.name, given[member.name], hints[member.name]))
            elif member.name in _needed(kind):
                self.fault(place, member.name, "is missing", "add it")
        return values

    def _value(self, place: int, name: str, value: object, hint: Any) -> dict[str, Any]:
        """Return the member if its value is of the right kind. A wrong one is not quoted: it may be a secret at the wrong place."""
        import msgspec

        try:
            return {name: msgspec.convert(value, type=hint)}
        except msgspec.ValidationError as error:
            if isinstance(value, str) and isinstance(hint, type) and issubclass(hint, Enum):  # msgspec quotes these
                self.fault(place, name, f"is none that there is ({size(value)})", f"write one of {', '.join(hint)}")
            else:
                self.fault(place, name, f"is of the wrong kind ({error})", "see docs/acme.md for its form")
            return {}

    def ended(self) -> None:
        """Raise Wrong with everything that was noted, if anything was."""
        if self._faults:
            raise Wrong.of([fault for _, fault in sorted(self._faults.items(), key=lambda item: item[0][0])])


def _needed(kind: type[Any]) -> list[str]:
    return [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]


def where(what: str, place: int, member: str) -> str:
    """Write the place of a member as faults name it."""
    return f"{what}[{place}].{member}" if member else f"{what}[{place}]"


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}" if near else f"known are {', '.join(known)}"
