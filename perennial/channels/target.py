"""The address of a webhook, taken apart and held to https."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_TARGET = 2048  # characters


class BadTarget(Exception):
    """A target that no request may be sent to."""


@dataclass(frozen=True, slots=True)
class Target:
    """An https address, taken apart."""

    host: str
    port: int
    path: str  # with the query

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read an address. Raises BadTarget."""
        if len(text) > LONGEST_TARGET or not text.isascii() or not text.isprintable() or " " in text:
            raise BadTarget("write an https address of ASCII characters; a name with others in its xn-- form")
        try:
            parts = urlsplit(text)
            port = parts.port or 443
        except ValueError as error:
            raise BadTarget(f"it is no address: {error}") from error
        if parts.scheme != "https":
            raise BadTarget("only https is used, so that nobody on the way reads or changes a notice")
        if not parts.hostname:
            raise BadTarget("it names no host")
        if parts.username is not None or parts.password is not None:
            raise BadTarget("leave out user and password; a notice is signed instead")
        if parts.fragment:
            raise BadTarget("leave out the fragment; it is never sent")
        return cls(parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
