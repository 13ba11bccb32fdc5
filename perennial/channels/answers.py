"""What the other side said, made safe to keep: one short line, and a wait within reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_LINE = 300  # characters
LONGEST_WAIT = timedelta(days=1)


def one_line(text: str) -> str:
    """Return a text on one line of printable characters, cut short."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def retry_after(header: str, now: datetime) -> timedelta | None:
    """Read a Retry-After (RFC 9110 §10.2.3: seconds or an HTTP date); None: absent, unreadable or not ahead. At most a day."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:9]), 86400))
    else:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = date.replace(tzinfo=date.tzinfo or UTC) - now
    return min(wait, LONGEST_WAIT) if wait > timedelta(0) else None
