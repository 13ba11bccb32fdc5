"""The proof of names: TXT values written, served by every authoritative server, looked at by the CA."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.authorities.acme import problems
from perennial.authorities.acme.memory import State
from perennial.authorities.acme.network import Refusal
from perennial.authorities.acme.turn import Step, Turn, record_of

ASKED = 10  # values a step whose servers are asked
DNS_POLL = timedelta(seconds=10)  # at first; more each time
LONGEST_DNS_POLL = timedelta(minutes=5)
PATIENCE = timedelta(hours=1)  # until every server serves a value
LONGEST_POLL = timedelta(minutes=1)  # of a CA that does not say when to ask again


def present(turn: Turn) -> Step:
    """Write one TXT value."""
    memory = turn.memory
    if memory.at >= len(memory.proofs):
        return turn.on(memory.to(State.PROPAGATING))
    proof = memory.proofs[memory.at]
    turn.desk.tools.dns.present(record_of(proof.host), proof.value)
    return turn.on(replace(memory, at=memory.at + 1))


def propagate(turn: Turn) -> Step:
    """Wait until every authoritative server serves the values: a CA that asks too early counts it as a failure."""
    memory = turn.memory
    if memory.at >= len(memory.proofs):
        return turn.on(memory.to(State.ANSWERING))
    for number, proof in enumerate(memory.proofs[memory.at : memory.at + ASKED]):
        record = record_of(proof.host)
        lacking = turn.desk.tools.resolver.lacking(record, proof.value)
        if not lacking:
            continue
        since = memory.since or turn.now
        if turn.now - since > PATIENCE:
            servers = ", ".join(lacking)
            return turn.fail(
                problems.failure("not-served", f"after an hour {servers} did not serve the value at {record}")
            )
        wait = min(DNS_POLL * 1.5 ** min(memory.polls, 20), LONGEST_DNS_POLL)
        after = timedelta(seconds=round(wait.total_seconds()))
        waiting = replace(memory, at=memory.at + number, since=since, polls=memory.polls + 1)
        return turn.wait(turn.now + after, waiting, f"{', '.join(lacking)} not yet serving {record}")
    return turn.on(replace(memory, at=memory.at + ASKED))


def answer(turn: Turn) -> Step:
    """Tell the CA to look at one challenge. One that it looked at already is no matter: how the order stands will tell."""
    memory, said = turn.memory, None
    try:
        said = turn.session.answer(memory.proofs[memory.at].challenge)
    except Refusal as refusal:
        if refusal.status != 400 or refusal.problem.code != "malformed":
            raise
    if memory.at + 1 < len(memory.proofs):
        return turn.on(replace(memory, at=memory.at + 1, stale=0))
    return turn.poll(memory.to(State.VALIDATING), said, LONGEST_POLL, "the CA looks at the DNS")


def validate(turn: Turn) -> Step:
    """See whether the CA has looked."""
    memory = turn.memory
    placed = turn.session.look(memory.order)
    match placed.order.status:
        case "ready":
            return turn.on(memory.to(State.FINALIZING))
        case "processing":
            return turn.on(memory.to(State.ISSUING))
        case "valid":
            return turn.on(memory.to(State.CLEANING, certificate=placed.order.certificate or ""))
        case "pending" if memory.expires is None or turn.now < memory.expires:
            return turn.poll(memory, placed.retry_after, LONGEST_POLL, "the CA looks at the DNS")
        case "pending":
            return turn.fail(
                problems.failure("order-expired", "the CA had not looked at the DNS when the order expired")
            )
        case _:
            return turn.on(memory.to(State.DIAGNOSING))


def diagnose(turn: Turn) -> Step:
    """Find the authorization that failed, one a step, and what the CA saw."""
    memory = turn.memory
    if memory.at >= len(memory.authorizations):
        error = turn.session.look(memory.order).order.error
        expired = memory.expires is not None and memory.expires <= turn.now
        if error is not None:
            return turn.fail(problems.of_problem(error, turn.now))
        return turn.fail(problems.failure("order-expired" if expired else "order-failed", "the CA gave no reason"))
    found = turn.session.authorization(memory.authorizations[memory.at])
    errors = [one.error for one in found.challenges if one.error is not None]
    if found.status != "invalid" or not errors:
        return turn.on(replace(memory, at=memory.at + 1, stale=0))
    name = found.identifier.value
    if {name.lower(), f"*.{name.lower()}"} & set(turn.names):  # a name of the CA's own invention is no key of a row
        turn.desk.budget.failed(name, now=turn.now)
    failure = problems.of_problem(errors[0], turn.now)
    code = "validation-failed" if failure.code == "refused" else failure.code
    return turn.fail(problems.failure(code, f"{name}: {failure.what}", retry_after=failure.retry_after))
