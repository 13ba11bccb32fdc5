"""An order's memory as text."""

from __future__ import annotations

import base64
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from perennial.authorities.acme.memory import Learnt, Memory, Proof, State, read, written
from tests.authorities.acme.ordered import NOW
from tests.memory import minting

MOST = 32_000  # characters of a checkpoint's memory

instants = st.none() | st.integers(0, 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
words = st.text(
    st.characters(codec="ascii", exclude_characters=" :", categories=("L", "N", "P")), min_size=1, max_size=40
)
addresses = words.map(lambda end: f"https://ca.example/{end}")
proofs = st.builds(Proof, addresses, words, words)
learnt = st.builds(
    Learnt,
    code=words,
    what=st.text(max_size=60),
    fix=st.text(max_size=60),
    permanent=st.booleans(),
    retry=st.none() | st.integers(0, 10**6),
    at=st.just(NOW),
)
memories = st.builds(
    Memory,
    state=st.sampled_from(State),
    at=st.integers(0, 100),
    tried=st.integers(0, 9),
    alone=st.booleans(),
    counted=instants,
    order=addresses | st.just(""),
    finalize=addresses | st.just(""),
    certificate=addresses | st.just(""),
    expires=instants,
    key=addresses | st.just(""),
    authorizations=st.lists(addresses, max_size=5).map(tuple),
    proofs=st.lists(proofs, max_size=5).map(tuple),
    since=instants,
    polls=st.integers(0, 99),
    stale=st.integers(0, 9),
    learnt=st.none() | learnt,
)


@given(memories)
def test_what_is_written_is_read(memory: Memory) -> None:
    """Every field comes back, whatever is in it, and every value is text."""
    texts = written(memory)
    assert read(texts) == memory
    assert all(isinstance(text, str) and text for text in texts.values())


def test_an_empty_memory_is_the_beginning() -> None:
    """A claim whose CSR was just made."""
    assert read({}) == Memory()
    assert written(Memory()) == {}


def test_100_names_fit_beside_their_csr() -> None:
    """The most that a CA takes, with addresses as long as Let's Encrypt's and names of 50 characters."""
    names = tuple(f"a-service-with-a-long-name-{n:03}.department.example.com" for n in range(100))
    base = "https://acme-v02.api.letsencrypt.org/acme"
    memory = Memory(
        state=State.ANSWERING,
        order=f"{base}/order/1234567890/123456789012",
        finalize=f"{base}/finalize/1234567890/123456789012",
        authorizations=tuple(f"{base}/authz/1234567890/{123456789012 + n}" for n in range(100)),
        proofs=tuple(
            Proof(f"{base}/chall/1234567890/{123456789012 + n}/AbCdEf", names[n], "v" * 43) for n in range(100)
        ),
    )
    texts = written(memory)
    csr = base64.b64encode(minting.csr("", names, 1))
    assert sum(len(name) + len(text) + 10 for name, text in texts.items()) + len(csr) < MOST
    assert read(texts) == memory
