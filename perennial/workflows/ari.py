"""Asking a certificate's CA when it would have it renewed (RFC 9773): tables and the CA only, no vault."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.decisions.tags import VAULT_ISSUER
from perennial.decisions.windows import instant_in, says_revoked
from perennial.errors import IssuerError
from perennial.model.authority import Suggestion
from perennial.model.certificate import Version
from perennial.model.history import HistoryKind
from perennial.model.ids import spread
from perennial.workflows.record import record
from perennial.workflows.sight import Sight

DAY = timedelta(days=1)
PATIENCE = timedelta(
    hours=1
)  # after a CA that could not be asked; then spread over another, so that a fleet does not come back at once


def ask_ca(sight: Sight) -> None:
    """Ask, if its time has come: at once for a version just seen, then as the CA says, never once it is replaced or has expired."""
    name, now = ca_of(sight), sight.world.now
    if not name:
        if sight.entry.ask_ca_at is not None:
            sight.entry = replace(sight.entry, ask_ca_at=None, suggested_at=None, window_ends=None, revoked_at=None)
        return
    due = sight.entry.ask_ca_at or now
    version = sight.entry.version
    if due > now or version is None or version.leaf is None:
        return
    try:
        window = sight.world.issuers[name].suggest(version.leaf.ari_id, now)
    except IssuerError as failure:  # the lifetime rule holds meanwhile
        again = now + (failure.retry_after or PATIENCE) + spread(sight.ref, PATIENCE, "ask-again")
        sight.entry = replace(sight.entry, ask_ca_at=again)
        sight.did.append(f"not-told-when: {failure.code}")
        return
    sight.did.append("asked-when")
    _take_in(sight, version, window, due)


def ca_of(sight: Sight) -> str:
    """Return the authority that can be asked about the current version: whichever signed it, else the first of its list; empty: none."""
    entry, now = sight.entry, sight.world.now
    version = entry.version
    if sight.gone or version is None or version.leaf is None or not version.leaf.ari_id or now >= version.not_after:
        return ""
    case = sight.case
    known = case.policy.authorities
    if entry.issued_through in known:
        return entry.issued_through
    first = case.issuers[0] if case.issuers else VAULT_ISSUER
    return first if first in known else ""


def _take_in(sight: Sight, version: Version, window: Suggestion | None, due: datetime) -> None:
    """Put the answer into the row; a window that is another than before goes into the history."""
    entry, now = sight.entry, sight.world.now
    if window is None or window.end <= window.start:
        sight.entry = replace(
            entry, ask_ca_at=now + DAY, suggested_at=None, window_ends=None, revoked_at=None, explanation=""
        )
        return
    chosen, revoked = instant_in(sight.ref, window), says_revoked(version, window, now)
    since = entry.revoked_at or now
    sight.entry = replace(
        entry,
        suggested_at=chosen,
        window_ends=window.end,
        revoked_at=since if revoked else None,
        explanation=window.explanation,
        ask_ca_at=max(window.ask_again, now + timedelta(seconds=1)),
    )
    if (entry.suggested_at, entry.window_ends) != (chosen, window.end):
        record(
            sight.world,
            sight.ref,
            HistoryKind.WINDOW,
            at=due,
            version=version.id,
            step=f"{window.start.isoformat()}/{window.end.isoformat()}",
            reason="it is or will be revoked" if revoked else "its CA suggests when to renew it",
            facts={
                "start": window.start.isoformat(),
                "end": window.end.isoformat(),
                "chosen": chosen.isoformat(),
                "explanation": window.explanation,
            },
        )
