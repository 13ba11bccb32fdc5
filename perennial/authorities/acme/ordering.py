"""An order's beginning: what stands in its way, the order itself, and what the CA wants proved."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from perennial.authorities.acme import problems
from perennial.authorities.acme.answers import Authorization
from perennial.authorities.acme.client import is_usable
from perennial.authorities.acme.memory import Memory, Proof, State
from perennial.authorities.acme.network import NoAnswer, Refusal, StaleNonces
from perennial.authorities.acme.preflight import dns_obstacles
from perennial.authorities.acme.turn import Step, Turn, identifier, is_address
from perennial.errors import IssuerError, VaultError
from perennial.log import warn
from perennial.model.reasons import ReasonCode

CHECKED = 10  # names a step: each is a few questions to the DNS

SHORTEST_FLOOR = timedelta(minutes=75)  # as the emergency floor's

#: Why a renewal may use the reserve of a limit.
URGENT = frozenset({ReasonCode.EMERGENCY, ReasonCode.REVOKED})

ALREADY_REPLACED = 409  # RFC 9773 §5: by an order of ours that was lost, or of somebody who has our account

NO_ADDRESSES = (
    "whoever keeps the certificate: leave the IP address out of the policy, or have a CA of the kind external sign"
)

#: Problems of a newOrder that are no judgement of its `replaces` (RFC 9773 §5: that one is malformed, alreadyReplaced or unauthorized).
NOT_OF_REPLACES = frozenset(problems.OF_PROBLEM) - {"alreadyRevoked"}


def check(turn: Turn) -> Step:
    """See what would make the order fail, some names a step; then whether the CA's limits have room."""
    memory, desk = turn.memory, turn.desk
    if memory.at < len(turn.names):
        some = turn.names[memory.at : memory.at + CHECKED]
        found = dns_obstacles(some, turn.session.directory, turn.session.account, desk.tools)
        if found:
            raise turn.pause(IssuerError(found[0].code, found[0].what, fix=found[0].fix), replace(memory, at=0))
        return turn.on(replace(memory, at=memory.at + CHECKED, stale=0))
    turn_comes = desk.budget.wait(turn.names, exempt=_exempt(turn), now=turn.now, urgent=_urgent(turn))
    if turn_comes is not None:
        what = f"its turn within the CA's limits comes at {turn_comes.isoformat()}"
        if _late(turn, turn_comes):  # too late for this certificate: another CA may have room
            raise turn.pause(problems.failure("rate-limited", what, retry_after=turn_comes - turn.now))
        return turn.wait(turn_comes, memory, what)
    return turn.on(memory.to(State.ORDERING))


def place(turn: Turn) -> Step:
    """Place the order. An intent that was found is carried out again: an order that nobody finalizes costs one of the budget, no certificate."""
    memory, desk = turn.memory, turn.desk
    full = desk.budget.spend(turn.names, exempt=_exempt(turn), now=turn.now, urgent=_urgent(turn))
    if full is not None:
        return turn.wait(full, memory.to(State.CHECKING, at=len(turn.names)), "others took the CA's last turn")
    replaces = _replaces(turn)
    try:
        placed = turn.session.order([identifier(name) for name in turn.names], desk.setting.profile, replaces)
    except NoAnswer as silence:  # it may have been placed; nobody will finalize it, so of certificates it is none
        _settle(turn)
        raise turn.pause(problems.of_silence(silence)) from silence
    except (StaleNonces, VaultError):  # nothing was placed
        if not _exempt(turn):
            desk.budget.undo(turn.names, turn.now)
        raise
    except Refusal as refusal:
        return _refused(turn, refusal, replaces)
    if len(placed.order.authorizations) > len(turn.names):
        raise turn.pause(problems.failure("ca-down", "its order has more authorizations than names"))
    expires = _instant(placed.order.expires)
    placed_now = memory.to(
        State.AUTHORIZING,
        counted=None if _exempt(turn) else turn.now,
        order=placed.url,
        finalize=placed.order.finalize,
        authorizations=placed.order.authorizations,
        expires=expires,
        account=turn.session.account,
        key=turn.session.key_id,
    )
    return turn.on(placed_now)


def _refused(turn: Turn, refusal: Refusal, replaces: str) -> Step:
    """The table of what to do about a `replaces` that a CA does not accept: once more without, unless it is a limit, or the CA is down."""
    desk, memory, names, now = turn.desk, turn.memory, turn.names, turn.now
    failure = problems.of_refusal(refusal, now)
    _settle(turn)
    if failure.code == "rate-limited":
        wait = timedelta(hours=1) if failure.retry_after is None else failure.retry_after
        desk.budget.blocked(now + wait, names, refusal.problem.text)
        failure.retry_after = wait
        raise turn.pause(failure, Memory(tried=memory.tried, alone=memory.alone)) from refusal
    if failure.code == "ca-down":
        raise turn.pause(failure) from refusal
    gone = desk.accounts.lost(refusal, turn.session.account)
    if gone is not None:
        return turn.fail(gone)
    if replaces and refusal.problem.code not in NOT_OF_REPLACES:
        if refusal.problem.code == "unauthorized":  # another account had ordered the certificate
            warn("account-changed", authority=desk.setting.name, certificate=str(turn.renewal.certificate))
        again = turn.on(memory.to(State.ORDERING, alone=True))
        return replace(again, in_doubt=refusal.status == ALREADY_REPLACED)
    return turn.fail(failure)


def _settle(turn: Turn) -> None:
    """Take back that a certificate was counted: an order only, if at all, came of it."""
    if not _exempt(turn):
        turn.desk.budget.settle(turn.names, turn.now, issued=False, now=turn.now)


def _replaces(turn: Turn) -> str:
    """Return which certificate the order says that it replaces (RFC 9773 §5): only one that this account had from this CA, and at first."""
    memory, session = turn.memory, turn.session
    ours = turn.renewal.issued_by == issuer_of(turn)
    first = not memory.alone and memory.tried == 0
    return turn.renewal.ari_id if session.directory.renewal_info and ours and first else ""


def _exempt(turn: Turn) -> bool:
    """Tell whether the CA's limits do not hold: it renews by `replaces` inside the window that the CA suggested (Boulder: not after it)."""
    renewal = turn.renewal
    inside = renewal.window_ends is not None and turn.now <= renewal.window_ends
    return inside and renewal.trigger is ReasonCode.SUGGESTED and bool(_replaces(turn))


def _urgent(turn: Turn) -> bool:
    return turn.renewal.trigger in URGENT or _late(turn, turn.now)


def _late(turn: Turn, at: datetime) -> bool:
    """Tell whether little of the replaced version's life is left at an instant, whatever its claim was opened for."""
    ends, life = turn.renewal.not_after, timedelta(seconds=turn.renewal.lifetime_seconds)
    return ends is not None and at >= ends - max(life / 10, SHORTEST_FLOOR)


def issuer_of(turn: Turn) -> str:
    """Return which account of which CA signs."""
    return f"{turn.desk.setting.directory}|{turn.session.account}"


def authorize(turn: Turn) -> Step:
    """Read one authorization: what is valid already needs nothing, what is pending needs its TXT value."""
    memory = turn.memory
    if memory.at >= len(memory.authorizations):
        return turn.on(memory.to(State.PRESENTING if memory.proofs else State.VALIDATING))
    found = turn.session.authorization(memory.authorizations[memory.at])
    done = replace(memory, at=memory.at + 1, stale=0)
    if found.status == "valid":
        return turn.on(done)
    name = f"*.{found.identifier.value}" if found.wildcard else found.identifier.value
    if found.status != "pending":
        return turn.fail(problems.failure("order-failed", f"the authorization of {name} is {found.status} already"))
    if name.lower() not in turn.names:
        return turn.fail(problems.failure("refused", f"the CA wants {name} proved, which nobody ordered"))
    # RFC 8738 §7: an address is not to be proved by DNS-01, whatever a CA offers.
    usable = () if is_address(name) else found.challenges
    offers = [one for one in usable if one.type == "dns-01" and is_usable(one.url)]
    if not offers:
        return turn.fail(_no_challenge(name, found))
    proof = Proof(offers[0].url, found.identifier.value.lower(), turn.session.value(offers[0].token))
    return turn.on(replace(done, proofs=(*memory.proofs, proof)))


def _no_challenge(name: str, found: Authorization) -> IssuerError:
    offered = f"for {name} the CA offers {', '.join(one.type for one in found.challenges) or 'nothing'}"
    if not is_address(name):
        return problems.failure("no-dns-challenge", offered)
    what = f"{name} is an IP address, and DNS-01, the proof that Perennial gives, proves none (RFC 8738 §7); {offered}"
    return problems.failure("no-dns-challenge", what, fix=NO_ADDRESSES)


def _instant(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
