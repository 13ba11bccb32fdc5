"""What any service answers over HTTP, made safe to keep: one short line, and a wait within reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_LINE = 300  # characters
LONGEST_WAIT = timedelta(days=1)


def one_line(text: str) -> str:
    """Return a text on one line of printable characters, cut short."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def retry_after(headers: Mapping[str, str], longest: timedelta = LONGEST_WAIT) -> timedelta | None:
    """Read Retry-After: seconds, or a date, which is measured against the answer's own, so that no clock is compared with another's."""
    return wait_of(headers.get("Retry-After") or "", _instant(headers.get("Date") or ""), longest)


def wait_of(text: str, since: datetime | None, longest: timedelta = LONGEST_WAIT) -> timedelta | None:
    """Read the text of a Retry-After (RFC 9110 §10.2.3); None: absent or unreadable. Never negative, and no longer than is believed."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=int(text[:9]))
    else:
        until = _instant(text)
        if until is None or since is None:
            return None
        wait = until - since
    return min(max(wait, timedelta(0)), longest)


def _instant(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)
