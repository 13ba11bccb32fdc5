"""An order's end: the CSR is sent, the CA signs, TXT values are removed, the chain is fetched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from perennial.authorities.acme import memory as memories
from perennial.authorities.acme import problems
from perennial.authorities.acme.answers import Answer
from perennial.authorities.acme.client import Placed
from perennial.authorities.acme.memory import Proof, State
from perennial.authorities.acme.network import NoAnswer, Refusal
from perennial.authorities.acme.ordering import issuer_of
from perennial.authorities.acme.proving import LONGEST_POLL
from perennial.authorities.acme.turn import Desk, Step, Turn, record_of
from perennial.errors import DnsError
from perennial.log import warn
from perennial.model.renewal import Issued

MOST_ALTERNATES = 5  # chains that are looked at: Let's Encrypt offers two or three
CHAIN_PATIENCE = timedelta(
    days=1
)  # until another certificate is ordered in place of one whose chain lacks its intermediate


def finalize(turn: Turn) -> Step:
    """Send the CSR. An intent that was found asks the order first: it may have been sent."""
    memory = turn.memory
    if not turn.fresh:
        placed = turn.session.look(memory.order)
        if placed.order.status != "ready":
            return _signed(turn, placed)
    try:
        placed = turn.session.finalize(memory.order, memory.finalize, turn.csr)
    except Refusal as refusal:
        if refusal.problem.code != "orderNotReady":  # RFC 8555 §7.4
            raise
        return turn.on(memory.to(State.VALIDATING))
    return _signed(turn, placed)


def issue(turn: Turn) -> Step:
    """See whether the CA has signed."""
    return _signed(turn, turn.session.look(turn.memory.order))


def _signed(turn: Turn, placed: Placed) -> Step:
    memory, order = turn.memory, placed.order
    match order.status:
        case "valid" if order.certificate:
            return turn.on(memory.to(State.CLEANING, certificate=order.certificate))
        case "processing" | "valid":
            waiting = memory if memory.state is State.ISSUING else memory.to(State.ISSUING)
            return turn.poll(waiting, placed.retry_after, LONGEST_POLL, "the CA signs")
        case "ready":
            return turn.on(memory.to(State.FINALIZING))
        case _ if order.error is not None:
            return turn.fail(problems.of_problem(order.error, turn.now))
        case _:
            return turn.fail(
                problems.failure("order-failed", f"the order is {order.status}, and the CA gave no reason")
            )


def clean(turn: Turn) -> Step:
    """Remove one TXT value. One that stays keeps no certificate waiting: whoever keeps the DNS reads of it in the log."""
    memory = turn.memory
    if memory.at < len(memory.proofs):
        remove(turn.desk, memory.proofs[memory.at])
        return turn.on(replace(memory, at=memory.at + 1))
    if memory.learnt is None:
        return turn.on(memory.to(State.DOWNLOADING, proofs=(), authorizations=()))
    if memory.counted is not None:
        turn.desk.budget.settle(turn.names, memory.counted, issued=False, now=turn.now)
    raise memories.told(memory.learnt, turn.now, memories.again(memory).checkpoint)


def remove(desk: Desk, proof: Proof) -> None:
    """Remove a TXT value of ours."""
    record = record_of(proof.host)
    try:
        desk.tools.dns.clean(record, proof.value)
    except DnsError as error:
        warn("txt-left", authority=desk.setting.name, record=record, code=error.code, what=error.what)


def download(turn: Turn) -> Step:
    """Fetch the chain, and another one if a person prefers its issuer."""
    memory, preferred = turn.memory, turn.desk.setting.chain
    answer = turn.session.post(memory.certificate)
    chain = chain_in(answer)
    if preferred and _root(chain) != preferred:
        chain = next((one for one in _others(turn, answer) if _root(one) == preferred), chain)
    if memory.since is None:  # else that was done when the chain was first fetched
        turn.desk.budget.settle(turn.names, memory.counted or turn.now, issued=True, now=turn.now)  # exempt or not
    if len(chain) == 1 and _root(chain) != preferred:
        return _incomplete(turn, chain)
    return Issued(chain, issuer_of(turn), memories.again(memory).checkpoint)


def _incomplete(turn: Turn, chain: tuple[bytes, ...]) -> Step:
    """Refuse a certificate alone: most clients would not trust it, and RFC 8446 §4.4.2 leaves out the root alone.

    What was issued counts, and stays at the CA: the next attempts fetch its chain again, which a mended CA or setting makes whole.
    Only after a day is another ordered.
    """
    memory = replace(turn.memory, counted=None, since=turn.memory.since or turn.now)
    what = f"the CA sent the certificate without the one that signed it, {_root(chain)}"
    failure = problems.failure("incomplete-chain", what)
    if memory.since is not None and turn.now - memory.since < CHAIN_PATIENCE:
        raise turn.pause(failure, memory)
    return replace(turn, memory=memory).fail(failure)


def _others(turn: Turn, answer: Answer) -> Iterator[tuple[bytes, ...]]:
    """Fetch the alternate chains one by one; one that cannot be had keeps no certificate back."""
    for url in answer.alternates()[:MOST_ALTERNATES]:
        with contextlib.suppress(Refusal, NoAnswer):
            yield chain_in(turn.session.post(url))


def chain_in(answer: Answer) -> tuple[bytes, ...]:
    """Read a chain (RFC 8555 §9.1: PEM, leaf first). Raises NoAnswer where it is none."""
    try:
        chain = x509.load_pem_x509_certificates(answer.body)
    except ValueError as garbled:
        raise NoAnswer(f"its chain cannot be read: {garbled}") from garbled
    return tuple(one.public_bytes(Encoding.DER) for one in chain)


def _root(chain: tuple[bytes, ...]) -> str:
    """Return the common name of the issuer of a chain's last certificate: the root that it leads to."""
    issuer = x509.load_der_x509_certificate(chain[-1]).issuer
    return next((str(item.value) for item in issuer.get_attributes_for_oid(NameOID.COMMON_NAME)), "")
