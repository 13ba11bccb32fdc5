"""Which names a walk has seen, small enough for a column, so that a walk in several legs knows at its end who is missing."""

from __future__ import annotations

import base64
import zlib

from perennial.model.ids import share

BITS = 1 << 17  # 16 KB: as text at most 22,000 of the 32,000 characters that a column of Table Storage holds


class NamesSeen:
    """A set of names that may hold one too many, never one too few.

    Two names may share a bit: among 10,000 certificates one in thirteen that was deleted passes as seen. Each sweep has its own salt, so the next
    one notices, if the certificate's own weekly read did not.
    """

    def __init__(self, salt: str, text: str = "") -> None:
        self._salt = salt
        self._bits = bytearray(zlib.decompress(base64.b64decode(text))) if text else bytearray(BITS // 8)

    def add(self, name: str) -> None:
        """Note that a name was seen."""
        place = self._place(name)
        self._bits[place // 8] |= 1 << place % 8

    def __contains__(self, name: str) -> bool:
        place = self._place(name)
        return bool(self._bits[place // 8] & 1 << place % 8)

    @property
    def text(self) -> str:
        """The set as text for a column."""
        return base64.b64encode(zlib.compress(bytes(self._bits), level=1)).decode()

    def _place(self, name: str) -> int:
        return int(share(self._salt, name) * BITS)
