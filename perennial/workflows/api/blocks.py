"""What keeps a certificate from being renewed: its row's own reason, and what settings, switch, pause and brake say today."""

from __future__ import annotations

from datetime import datetime, timedelta

from perennial.decisions.case import managed, written
from perennial.decisions.lifetimes import floor
from perennial.decisions.tags import wishes
from perennial.model.decision import RenewalPolicy
from perennial.model.inventory import Entry
from perennial.model.reasons import Reason, ReasonCode
from perennial.workflows.api.remedies import REMEDIES

# Computed here from today's settings and tags: the row may still tell of yesterday's.
OF_TODAY = frozenset(
    {ReasonCode.OBSERVED, ReasonCode.NEVER, ReasonCode.KILL_SWITCH, ReasonCode.PAUSED, ReasonCode.BRAKE}
)


def of(entry: Entry, policy: RenewalPolicy, now: datetime) -> tuple[Reason, ...]:
    """Return every reason that blocks a renewal when it is due; empty: none does."""
    own = entry.reason if entry.reason and entry.reason.code in REMEDIES.keys() - OF_TODAY else None
    found = (own, _not_managed(entry, policy), _switch(policy), _pause(entry, now), _brake(entry, policy, now))
    return tuple(reason for reason in found if reason is not None)


def _not_managed(entry: Entry, policy: RenewalPolicy) -> Reason | None:
    wish = wishes(entry.tags)
    if managed(policy.mode, wish):
        return None
    due = written(entry.due_at) if entry.due_at else "?"
    return Reason(ReasonCode.NEVER) if wish.renew is False else Reason(ReasonCode.OBSERVED, {"due": due})


def _switch(policy: RenewalPolicy) -> Reason | None:
    return Reason(ReasonCode.KILL_SWITCH, {"why": policy.switched_off}) if policy.switched_off else None


def _pause(entry: Entry, now: datetime) -> Reason | None:
    """A pause blocks if it outlasts the due date; it ends at the emergency floor."""
    pauses = (wishes(entry.tags).pause_until, entry.paused_until)
    until = max((at for at in pauses if at is not None), default=None)
    if until is None or until <= max(entry.due_at or now, now) or _emergency(entry, now):
        return None
    return Reason(ReasonCode.PAUSED, {"until": written(until)})


def _brake(entry: Entry, policy: RenewalPolicy, now: datetime) -> Reason | None:
    due = entry.due_at is not None and entry.due_at <= now
    if not due or policy.renewals_today < policy.brake or _emergency(entry, now):
        return None
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0)  # reasons tell no seconds
    facts = {"count": str(policy.renewals_today), "limit": str(policy.brake), "until": written(midnight)}
    return Reason(ReasonCode.BRAKE, facts)


def _emergency(entry: Entry, now: datetime) -> bool:
    return entry.version is not None and now >= floor(entry.version)
