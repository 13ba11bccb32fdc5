"""A CA that we do not speak to: a person or an agent takes the CSR away and brings the chain back (POST /api/requests/…).

Nothing is done here beyond remembering since when it waits, and saying when somebody is to be reminded.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from perennial.model.authority import AuthoritySetting, Obstacle, Suggestion
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Ask, Checkpoint, Issued, Renewal, Step, Waiting
from perennial.model.signing import ASKED, chain_in, written

#: Shares of the replaced version's life left at which somebody is reminded: first when it is asked, then here, and daily from a tenth on.
REMINDERS = (1 / 4, 1 / 6, 1 / 10, 1 / 20, 1 / 50)
DAILY = 1 / 10
DAY = timedelta(days=1)


class ExternalAuthority:
    """Waits for a chain, and reminds: at once, then ever more often."""

    def __init__(self, setting: AuthoritySetting) -> None:
        """Take the setting that names it."""
        self._setting = setting

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Return the chain that was posted, or ask for it. No effect, so nothing differs for an intent that was found."""
        del csr, fresh
        memory = renewal.checkpoint.memory
        chain = chain_in(memory)
        if chain:
            return Issued(chain, by=self._setting.name)
        since = memory.get(ASKED) or written(now)
        rung, again = reminder(renewal, now)
        shown = f"{datetime.fromisoformat(since):%Y-%m-%d %H:%MZ}"
        reason = Reason(ReasonCode.SIGNATURE_NEEDED, {"issuer": self._setting.name, "since": shown})
        return Waiting(
            again, Checkpoint(Step.SIGNING, {ASKED: since}), reason, asks=Ask(rung, self._setting.instructions)
        )

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Nothing is to be undone: the request is gone with its operation."""

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Know nothing of the CA's wishes."""
        del ari_id, now
        return None

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """See nothing of what stands in the way."""
        del names, now
        return ()


def reminder(renewal: Renewal, now: datetime) -> tuple[str, datetime]:
    """Return which reminder is due by now, and when the next one is."""
    end, life = renewal.not_after, timedelta(seconds=renewal.lifetime_seconds)
    if end is None or not life:  # a row of before the column: daily
        days = (now - renewal.opened) // DAY
        return f"day {days}", renewal.opened + (days + 1) * DAY
    instants = [end - life * share for share in REMINDERS]
    passed, daily = sum(at <= now for at in instants), end - life * DAILY
    ahead = [at for at in instants if at > now]
    if now < daily:
        return str(passed), min(ahead)
    days = (now - daily) // DAY
    return f"{passed}, day {days}", min([*ahead, daily + (days + 1) * DAY])
