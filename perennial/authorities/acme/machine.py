"""The states of an order, in one table, and what an error means in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from perennial.authorities.acme import ending, ordering, preflight, problems, proving
from perennial.authorities.acme.memory import State
from perennial.authorities.acme.network import NoAnswer, Refusal, StaleNonces
from perennial.authorities.acme.turn import Step, Turn
from perennial.errors import DnsError, IssuerError, Throttled, VaultError

STEPS: Mapping[State, Callable[[Turn], Step]] = {
    State.CHECKING: ordering.check,
    State.ORDERING: ordering.place,
    State.AUTHORIZING: ordering.authorize,
    State.PRESENTING: proving.present,
    State.PROPAGATING: proving.propagate,
    State.ANSWERING: proving.answer,
    State.VALIDATING: proving.validate,
    State.DIAGNOSING: proving.diagnose,
    State.FINALIZING: ending.finalize,
    State.ISSUING: ending.issue,
    State.CLEANING: ending.clean,
    State.DOWNLOADING: ending.download,
}

WITHOUT_CA = frozenset({State.PRESENTING, State.PROPAGATING, State.CLEANING})
BOUND_TO_KEY = frozenset({State.AUTHORIZING, State.ANSWERING})  # where values are made, and used
PASSING = frozenset({"rate-limited", "ca-down"})  # the order stands: the same step again
STALE, MOST_STALE = timedelta(seconds=2), 20
BUSY = timedelta(seconds=10)


def take(turn: Turn) -> Step:
    """Take an order's next step; an error of the CA, the DNS or the key's vault becomes one that says who must act."""
    try:
        return _step(turn)
    except StaleNonces:  # nothing was done
        memory = replace(turn.memory, stale=turn.memory.stale + 1)
        if memory.stale > MOST_STALE:
            raise turn.pause(problems.failure("ca-down", "it refuses every nonce that it gives"), turn.memory) from None
        return turn.wait(turn.now + STALE, memory, "the CA wants a newer nonce")
    except NoAnswer as silence:
        if turn.memory.order and turn.memory.expires is not None and turn.memory.expires <= turn.now:
            return turn.fail(problems.failure("order-expired", f"the order is over, and {silence}"))
        raise turn.pause(problems.of_silence(silence)) from silence
    except Throttled as busy:  # the keys' vault: its signatures are counted together, so this is no failure
        return turn.wait(turn.now + (busy.retry_after or BUSY), turn.memory, "the vault of the account's key is busy")
    except VaultError as refusal:
        raise turn.pause(problems.of_keys(refusal)) from refusal
    except DnsError as error:
        return _dns(turn, error)
    except Refusal as refusal:
        return _refused(turn, refusal)


def _step(turn: Turn) -> Step:
    state = turn.memory.state
    if state not in WITHOUT_CA:
        try:
            session = turn.desk.accounts.open(turn.now)
        except IssuerError as failure:
            return turn.fail(failure)
        if session is None:
            return turn.on(turn.memory)
        turn = replace(turn, account=session)
        if turn.memory.account and session.account != turn.memory.account:
            what = f"the account is another by now, and the order was placed by {turn.memory.account}"
            return turn.fail(problems.failure("order-expired", what, retry_after=timedelta(0)))
        if state in BOUND_TO_KEY and session.key_id != turn.memory.key:
            what = "the account's key was changed while the order was on its way, and its TXT values are of the old one"
            return turn.fail(problems.failure("order-expired", what, retry_after=timedelta(0)))
    return STEPS[state](turn)


def _dns(turn: Turn, error: DnsError) -> Step:
    """The DNS is in the way: the step is taken again where a wait is named or nothing was judged, else the order is given up."""
    failure = problems.of_dns(error)
    if error.retry_after is not None:
        return turn.wait(turn.now + error.retry_after, turn.memory, failure.what)
    if error.code in preflight.PASSING:
        raise turn.pause(failure) from error
    return turn.fail(failure)


def _refused(turn: Turn, refusal: Refusal) -> Step:
    row = turn.desk.accounts.row()
    gone = turn.desk.accounts.lost(refusal, row.url) if row is not None and row.url else None
    if gone is not None:
        return turn.fail(gone)
    failure = problems.of_refusal(refusal, turn.now)
    if failure.code in PASSING:
        raise turn.pause(failure) from refusal
    if refusal.status == 404 and turn.memory.order:
        return turn.fail(problems.failure("order-expired", f"the CA no longer has the order: {failure.what}"))
    return turn.fail(failure)
