"""What an order remembers between looks: typed here, text in the claim's checkpoint. 100 names fit, since addresses share their beginning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from perennial.errors import IssuerError
from perennial.model.renewal import Checkpoint, Step


class State(StrEnum):
    """Where an order stands; two of them are intents, saved before what may not be repeated without asking."""

    CHECKING = ""  # obstacles, account, budget; nothing was sent
    ORDERING = "ordering"  # an order is about to be, or may have been, placed
    AUTHORIZING = "authorizing"  # the authorizations are read, one a step
    PRESENTING = "presenting"  # TXT values are written, one a step
    PROPAGATING = "propagating"  # until every authoritative server serves them
    ANSWERING = "answering"  # the CA is told to look, one challenge a step
    VALIDATING = "validating"  # until the CA has looked
    DIAGNOSING = "diagnosing"  # the order failed: which authorization, and why
    FINALIZING = "finalizing"  # the CSR is about to be, or may have been, sent
    ISSUING = "issuing"  # until the CA has signed
    CLEANING = "cleaning"  # TXT values are removed, one a step, after a failure too
    DOWNLOADING = "downloading"


@dataclass(frozen=True, slots=True)
class Proof:
    """A challenge that waits for its TXT value."""

    challenge: str  # its address
    host: str  # the name that it is for, a wildcard's without its star
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A failure that is told once the TXT values are removed."""

    code: str
    what: str
    fix: str
    permanent: bool
    retry: int | None  # seconds from when it was learnt
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """An order on its way."""

    state: State = State.CHECKING
    at: int = 0  # how many of this state's names are done
    tried: int = 0  # attempts of this renewal that failed, a limit or a CA that is down apart
    alone: bool = False  # without `replaces`: the CA did not accept it
    counted: datetime | None = None  # when the order was counted in the budget
    order: str = ""
    finalize: str = ""
    certificate: str = ""
    expires: datetime | None = None
    account: str = ""  # whose order it is
    key: str = ""  # the account's key that the values were made with
    authorizations: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    since: datetime | None = None  # when waiting began
    polls: int = 0
    stale: int = 0  # looks in a row that ended with refused nonces
    learnt: Learnt | None = None

    def to(self, state: State, **changes: Any) -> Memory:
        """Return the memory in another state, at its beginning, with these fields changed."""
        return replace(self, **{"state": state, "at": 0, "since": None, "polls": 0, "stale": 0, **changes})

    @property
    def presented(self) -> tuple[Proof, ...]:
        """Values that may be in the DNS."""
        return self.proofs if self.state not in (State.AUTHORIZING, State.CHECKING, State.ORDERING) else ()

    @property
    def checkpoint(self) -> Checkpoint:
        """The memory as its row keeps it."""
        return Checkpoint(Step.SIGNING, written(self))


def again(memory: Memory) -> Memory:
    """Return what the next attempt begins with; what ended before an order was to be placed was no attempt."""
    return Memory(tried=memory.tried + (memory.state is not State.CHECKING), alone=memory.alone)


def polled(memory: Memory, now: datetime) -> Memory:
    """Return a memory that was looked at in vain once more."""
    return replace(memory, polls=memory.polls + 1, since=memory.since or now, stale=0)


def of(failure: IssuerError, now: datetime) -> Learnt:
    """Return a failure as it is remembered."""
    retry = None if failure.retry_after is None else int(failure.retry_after.total_seconds())
    what, fix = failure.what[:1500], failure.fix[:500]
    return Learnt(code=failure.code, what=what, fix=fix, permanent=failure.permanent, retry=retry, at=now)


def told(learnt: Learnt, now: datetime, back_to: Checkpoint) -> IssuerError:
    """Return a remembered failure; its wait counts from when it was learnt."""
    wait = None
    if learnt.retry is not None:
        wait = max(learnt.at + timedelta(seconds=learnt.retry) - now, timedelta(0))
    return IssuerError(
        learnt.code, learnt.what, fix=learnt.fix, permanent=learnt.permanent, retry_after=wait, back_to=back_to
    )


def written(memory: Memory) -> Mapping[str, str]:
    """Write a memory as text; what is empty is left out."""
    texts = {
        "state": memory.state.value,
        "at": _number(memory.at),
        "tried": _number(memory.tried),
        "alone": "yes" if memory.alone else "",
        "counted": _instant(memory.counted),
        "order": memory.order,
        "finalize": memory.finalize,
        "certificate": memory.certificate,
        "expires": _instant(memory.expires),
        "account": memory.account,
        "key": memory.key,
        "authorizations": _shortened(memory.authorizations),
        "challenges": _shortened(tuple(proof.challenge for proof in memory.proofs)),
        "values": " ".join(f"{proof.host}:{proof.value}" for proof in memory.proofs),
        "since": _instant(memory.since),
        "polls": _number(memory.polls),
        "stale": _number(memory.stale),
    }
    if memory.learnt is not None:
        learnt = memory.learnt
        facts = [learnt.code, learnt.what, learnt.fix, learnt.permanent, learnt.retry, _instant(learnt.at)]
        texts["learnt"] = json.dumps(facts, ensure_ascii=False)
    return {name: text for name, text in texts.items() if text}


def read(texts: Mapping[str, str]) -> Memory:
    """Read what `written` wrote."""

    def of_name(name: str) -> str:
        return texts.get(name, "")

    values = [pair.rsplit(":", 1) for pair in of_name("values").split()]
    challenges = _whole(of_name("challenges"))
    return Memory(
        state=State(of_name("state")),
        at=int(of_name("at") or 0),
        tried=int(of_name("tried") or 0),
        alone=bool(of_name("alone")),
        counted=_read_instant(of_name("counted")),
        order=of_name("order"),
        finalize=of_name("finalize"),
        certificate=of_name("certificate"),
        expires=_read_instant(of_name("expires")),
        account=of_name("account"),
        key=of_name("key"),
        authorizations=_whole(of_name("authorizations")),
        proofs=tuple(Proof(url, host, value) for url, (host, value) in zip(challenges, values, strict=True)),
        since=_read_instant(of_name("since")),
        polls=int(of_name("polls") or 0),
        stale=int(of_name("stale") or 0),
        learnt=_read_learnt(of_name("learnt")),
    )


def _read_learnt(text: str) -> Learnt | None:
    if not text:
        return None
    code, what, fix, permanent, retry, at = json.loads(text)
    return Learnt(code=code, what=what, fix=fix, permanent=permanent, retry=retry, at=datetime.fromisoformat(at))


def _number(number: int) -> str:
    return str(number) if number else ""


def _instant(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""


def _read_instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _shortened(addresses: tuple[str, ...]) -> str:
    """Write addresses, each without the beginning that all of them share; none of them holds a space."""
    if len(addresses) < 2:
        return f" {addresses[0]}" if addresses else ""
    first, last = min(addresses), max(addresses)
    shared = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return " ".join((first[:shared], *(address[shared:] for address in addresses)))


def _whole(text: str) -> tuple[str, ...]:
    shared, *ends = text.split(" ") if text else ("",)
    return tuple(shared + end for end in ends)
