"""What a provider of the DNS answered, made safe to keep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

LONGEST_LINE = 300  # characters
LONGEST_WAIT = timedelta(days=1)


def one_line(text: str) -> str:
    """Return a text on one line of printable characters, cut short."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or a date, which is measured against the answer's own. At most a day."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date") or "")
    except (ValueError, TypeError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
