"""When a CA would have a certificate renewed (RFC 9773 §4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from perennial.authorities.acme import problems
from perennial.authorities.acme.answers import Answer, RenewalInfo
from perennial.authorities.acme.client import Directories, read
from perennial.authorities.acme.network import NoAnswer, Refusal
from perennial.authorities.acme.together import Together
from perennial.model.authority import Suggestion

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=1)  # RFC 9773 §4.3.2
FIRST_YEAR, LAST_YEAR = 1900, 9999
USUAL = timedelta(hours=6)  # where the CA does not say: Let's Encrypt's own

type Said = tuple[datetime, Answer | None]  # until when it holds; None: the CA does not know the certificate


class Windows:
    """What one CA said of certificates, for a minute, since looks at one certificate come side by side, and one that lost a race begins again."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._asked = Together[Said]()
        self._kept: dict[str, Said] = {}

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Ask without a signature. Raises IssuerError where the CA cannot be asked now; its Retry-After is kept within the RFC's bounds."""
        try:
            where = self._directories.get(now).renewal_info
            if not where or not ari_id:
                return None
            url = f"{where.rstrip('/')}/{quote(ari_id, safe='.')}"
            _, answer = self._known(url, now) or self._asked.ask(url, lambda: self._fetched(url, now))
            return None if answer is None else _suggestion(answer, now)
        except NoAnswer as silence:
            raise problems.of_silence(silence) from silence
        except Refusal as refusal:
            failure = problems.of_refusal(refusal, now)
            failure.retry_after = _bounded(failure.retry_after) if failure.retry_after is not None else None
            raise failure from refusal

    def _known(self, url: str, now: datetime) -> Said | None:
        said = self._kept.get(url)
        return said if said is not None and now < said[0] else None

    def _fetched(self, url: str, now: datetime) -> Said:
        """Ask, unless another thread has just been answered. No answer: the CA does not know this certificate. Raises Refusal, NoAnswer."""
        known = self._known(url, now)
        if known is not None:
            return known
        try:
            answer = self._directories.network.fetch(url)
        except Refusal as refusal:
            if not 400 <= refusal.status < 500 or refusal.status in (408, 429):
                raise
            answer = None
        said = now + SHORTEST, answer
        self._kept = {one: kept for one, kept in self._kept.items() if now < kept[0]} | {url: said}
        return said


def _suggestion(answer: Answer, now: datetime) -> Suggestion | None:
    """Read what the CA said; None where it is no window. Raises NoAnswer."""
    info = read(answer, RenewalInfo)
    start, end = info.window.start, info.window.end
    if start.tzinfo is None or end.tzinfo is None or end <= start:  # RFC 9773 §4.2: as if it had not answered
        return None
    if not all(
        FIRST_YEAR < instant.year < LAST_YEAR for instant in (start, end)
    ):  # no such instant in UTC, or in a row
        return None
    return Suggestion(
        start=_whole(start),
        end=_whole(end),
        ask_again=now + _bounded(USUAL if answer.retry_after is None else answer.retry_after),
        explanation=_address(info.explanation),
    )


def _bounded(wait: timedelta) -> timedelta:
    return min(max(wait, SHORTEST), LONGEST)


def _whole(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)


def _address(text: str | None) -> str:
    """Return the explanation's address where it is one that a person may follow; it is shown as a link."""
    return text[:500] if text and text.startswith(("https://", "http://")) else ""
