"""One look at one certificate: read the rows, and the vault if needed; announce; decide; act; write when to look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from perennial.decisions import lifetimes
from perennial.decisions.case import managed
from perennial.decisions.renewal import decide
from perennial.decisions.tags import wishes
from perennial.errors import Changed
from perennial.log import line
from perennial.model.decision import AskHuman, Close, Decision, LeaveAlone, Renew, WaitUntil, kind_of
from perennial.model.history import HistoryKind
from perennial.model.ids import spread
from perennial.model.messages import Look
from perennial.model.notices import subject_of
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Step
from perennial.model.signing import unanswered
from perennial.ports.tables import Stored
from perennial.workflows import announce, ari, claims, deliver, findings, notices, preflight, renew, seen
from perennial.workflows.gone import mark_gone
from perennial.workflows.inspection import inspect
from perennial.workflows.record import file_event, record
from perennial.workflows.sight import Sight, gather, must_read
from perennial.workflows.subjects import bring_forward
from perennial.workflows.world import World

TRIES = 12  # ten copies of an event may all write the row at once; each lost race means that another look got on
ACTS = 4  # a look closes a claim, decides again, acts, and decides once more for the record
HOUR = timedelta(hours=1)


def look_at(message: str, world: World) -> None:
    """Carry out the look that a message asks for; lost races repeat it whole, another error leaves the message to the queue."""
    look = msgspec.json.decode(message, type=Look)
    if look.certificate.vault not in world.settings.vaults:
        line("look", certificate=str(look.certificate), cause=look.cause, did=["not-ours"])
        return
    for attempt in range(1, TRIES + 1):
        try:
            sight = _look(world, look)
        except Changed:
            if attempt == TRIES:
                raise
            continue
        _log(sight, attempt)
        return


def _look(world: World, look: Look) -> Sight:
    sight = gather(world, look)
    file_event(world, look)
    if must_read(sight):
        seen.read_vault(sight)
    renew.tidy(sight)
    ari.ask_ca(sight)
    preflight.look_ahead(sight)
    decision = _decide_and_act(sight)
    if sight.gone:
        mark_gone(world, Stored(sight.entry, sight.stored.etag))
        _deliver_the_last(sight)
        return sight
    seen.announce_if_news(sight)
    _remember(sight, decision)
    _check_rules(sight)
    _climb(sight)
    _write(sight, decision, deliver.overdue(world, subject_of(sight.ref)))
    _ask(sight, decision)
    return sight


def _deliver_the_last(sight: Sight) -> None:
    """See to what is still to be told of a certificate that is gone: its looks have ended but for that."""
    subject = subject_of(sight.ref)
    waits = deliver.overdue(sight.world, subject)
    if waits is not None:
        bring_forward(sight.world, subject, waits)


def _decide_and_act(sight: Sight) -> Decision:
    """Decide, act, and decide again until there is nothing more to do now. One renewal step a look."""
    if sight.entry.version is None:  # refused at first sight, or there is none: nothing is known
        return _wait_for_the_vault(sight)
    acted = False
    for _ in range(ACTS):
        decision = decide(sight.snapshot(), sight.policy(), sight.world.now)
        match decision:
            case Close():
                renew.close(sight, decision)
            case Renew() if acted:
                return decision
            case Renew() if _needs_the_vault(sight) and not sight.read:
                if sight.closed:
                    return _wait_for_the_vault(sight)
                seen.read_vault(sight)
            case Renew():
                acted = True
                seen.announce_if_news(sight)
                renew.take_steps(sight, decision)
            case _:
                return decision
    return decide(sight.snapshot(), sight.policy(), sight.world.now)


def _needs_the_vault(sight: Sight) -> bool:
    """While a CA signs our CSR the vault need not be asked."""
    renewal = sight.renewal.value if sight.renewal else None
    return renewal is None or not renewal.is_open or renewal.checkpoint.step is not Step.SIGNING


def _wait_for_the_vault(sight: Sight) -> WaitUntil:
    """Wait until the vault is tried again: spread over an hour, but at once for what is urgent or under way."""
    row, now = sight.vault.value, sight.world.now
    until = row.closed_until or now + timedelta(minutes=1)
    version = sight.entry.version
    urgent = version is not None and now >= lifetimes.floor(version)
    under_way = sight.renewal is not None and sight.renewal.value.is_open
    if not urgent and not under_way:
        until += spread(sight.ref, HOUR, "vault-closed")
    return WaitUntil(claims.closed_reason(sight), until)


def _remember(sight: Sight, decision: Decision) -> None:
    """Put the decision into the row; a changed one goes into the history."""
    entry, now = sight.entry, sight.world.now
    kind, reason = kind_of(decision), decision.reason
    changed = entry.decision != kind or entry.reason is None or entry.reason.code is not reason.code
    since = now if changed or entry.since is None else entry.since
    drifted_at = _drifted_at(sight)
    if drifted_at != entry.drifted_at:  # the due date depends on it
        sight.entry = replace(entry, drifted_at=drifted_at)
    due_at = sight.case.due_at if entry.version and entry.version.leaf else None
    asked = sight.renewal is not None and unanswered(sight.renewal.value) is not None
    sight.entry = replace(sight.entry, decision=kind, reason=reason, since=since, due_at=due_at, awaits_signature=asked)
    if changed and reason.code is not ReasonCode.HELD:  # that another look is at work is news to nobody
        version = entry.version.id if entry.version else ""
        step = f"{kind}:{reason.code}"
        record(sight.world, sight.ref, HistoryKind.DECIDED, at=now, version=version, step=step, reason=reason.sentence)


def _drifted_at(sight: Sight) -> datetime | None:
    """Return since when it is not what its policy and tags ask for, where a renewal may change that."""
    if sight.entry.version is None or not sight.case.drifted:
        return None
    return sight.entry.drifted_at or sight.world.now


def _check_rules(sight: Sight) -> None:
    """Evaluate the compliance rules on what is known now; until its vault's first summary findings open silently."""
    renewal = sight.renewal.value if sight.renewal else None
    found = inspect(sight.world, sight.entry, renewal, sight.policy())
    silent = not sight.vault.value.baseline_told
    subject = (sight.ref.vault, sight.ref.name)
    known = () if sight.new else None
    open_now = findings.reconcile(sight.world, subject, found, silent=silent, owner=sight.entry.owner, known=known)
    sight.did += [f"findings: {open_now}"] if open_now else []


def _climb(sight: Sight) -> None:
    """Tell the last rung that was passed of the ladder `expiring`, once; what is left to die on purpose is not told."""
    entry, version = sight.entry, sight.entry.version
    quiet = entry.reason is not None and entry.reason.code in (ReasonCode.NEVER, ReasonCode.DISABLED)
    if version is None or version.leaf is None or quiet:
        return
    reached = lifetimes.rung_reached(version, sight.world.now)
    if reached == 0 or entry.rung == f"{version.id}:{reached}":
        return
    dead = reached > len(lifetimes.EXPIRING_RUNGS)
    notice = notices.expired(entry) if dead else notices.expiring(entry, str(reached), sight.world.now)
    announce.tell(sight.world, notice)
    sight.entry = replace(entry, rung=f"{version.id}:{reached}")


def _write(sight: Sight, decision: Decision, overdue: datetime | None) -> None:
    """Write the row, with `next_check` as the least over all that waits; the ETag is that of the first read."""
    now, entry = sight.world.now, sight.entry
    settled = not isinstance(decision, AskHuman | LeaveAlone)
    if sight.read:
        entry = replace(entry, read_at=lifetimes.read_again(entry.version, settled=settled, now=now))
    read_at = entry.read_at
    if read_at <= now:  # it was to be read, and its vault is closed
        read_at = _wait_for_the_vault(sight).next_check
    waits = [read_at, decision_at(decision, now), overdue, entry.ask_ca_at, entry.preflight_at]
    if isinstance(decision, AskHuman) and entry.since == now:
        waits.append(now + announce.PATIENCE)  # what is told after this write may lose its message
    waits += [lifetimes.next_rung(entry.version, now)] if entry.version else []
    next_check = min(instant for instant in waits if instant is not None)
    sight.entry = replace(entry, next_check=max(next_check, now + timedelta(seconds=1)))
    if sight.entry != sight.stored.value:  # copies that change nothing do not make each other begin again
        sight.stored = sight.world.tables.inventory.save(Stored(sight.entry, sight.stored.etag))


def decision_at(decision: Decision, now: datetime) -> datetime:
    """Return when a decision asks to be taken again."""
    return now if isinstance(decision, Renew | Close) else decision.next_check


def _ask(sight: Sight, decision: Decision) -> None:
    """Ask a person, after the row holds since when: the notice's id comes from it, so that every later look may repeat it."""
    entry = sight.entry
    chosen = managed(sight.policy().mode, wishes(entry.tags))
    told = decision.reason.code is ReasonCode.SIGNATURE_NEEDED  # by its own step, with the CSR
    warning = preflight.warning(sight)
    if warning is not None:
        announce.tell(sight.world, warning)
    if isinstance(decision, AskHuman) and chosen and entry.since is not None and not told:
        announce.tell(sight.world, notices.action_needed(entry, decision.reason, entry.since))


def _log(sight: Sight, attempts: int) -> None:
    entry, reason, version, now = sight.entry, sight.entry.reason, sight.entry.version, sight.world.now
    claim = sight.renewal.value if sight.renewal and sight.renewal.value.is_open else None
    days = life = None
    if version:
        left = version.not_after - now
        days = round(left / timedelta(days=1), 2)
        life = round(left / version.lifetime, 4) if version.lifetime else None
    line(
        "look",
        certificate=str(sight.ref),
        days_left=days,
        life_left=life,
        managed=managed(sight.policy().mode, wishes(entry.tags)),
        failures=claim.failures if claim else 0,
        cause=sight.look.cause,
        decision=entry.decision,
        reason=reason.code if reason else "",
        sentence=reason.sentence if reason else "",
        did=sight.did,
        next_check=entry.next_check,
        attempts=attempts,
    )
