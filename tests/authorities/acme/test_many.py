"""Many names in one order, and many orders at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from localazure.acme.conduct import Conduct
from perennial.errors import IssuerError
from perennial.model.renewal import Issued
from perennial.ports.keys import PublicKey
from tests.authorities.acme.ordered import Bench, Orders, bench, claim
from tests.memory import minting
from tests.memory.keys import MemoryKeys

MOST = 32_000  # characters of a checkpoint


def test_100_names_are_one_order_whose_memory_fits() -> None:
    """At no step do memory and CSR together outgrow a row's column, and the order costs what it should."""
    names = tuple(f"service-{number:03}.department.example.com" for number in range(100))
    csr = minting.csr("", names, 1)
    with bench() as one:
        one.issue(("first.example.com",))
        one.ca.books.requests.clear()
        longest = 0
        renewal = claim()
        for _ in range(700):
            answer = one.step(renewal, csr)
            if isinstance(answer, Issued):
                break
            one.clock[0] = max(one.now, answer.until)
            renewal = replace(renewal, checkpoint=answer.checkpoint)
            longest = max(longest, sum(len(name) + len(text) for name, text in answer.checkpoint.memory.items()))
        assert isinstance(answer, Issued)
        assert longest + len(csr) * 4 // 3 < MOST
        assert one.ca.books.requests.total() == 3 + 2 * 100 + one.asked("order")
        assert not any(one.dns.values.values())


def at_once(one: Bench, count: int) -> int:
    """Run orders side by side in one process, as a worker's threads do; return how many certificates came of them."""
    other = Orders(one.setting, one.clock, tables=one.tables, dns=one.dns, keys=one.keys)

    def order(number: int) -> bool:
        mine = Orders(one.setting, [one.now], tables=one.tables, dns=one.dns, keys=one.keys)
        mine.authority = other.authority
        return isinstance(mine.run((f"n{number}.example.com",)), Issued)

    with ThreadPoolExecutor(16) as pool:
        return sum(pool.map(order, range(count)))


def test_orders_at_once_share_one_account() -> None:
    """16 threads of one process: one account, its nonces never used twice, a certificate each."""
    with bench() as one:
        assert at_once(one, 48) == 48
        assert len(one.ca.books.certificates) == 48
        assert len(one.ca.books.accounts) == 1
        assert one.asked("new-order") == 48


def test_orders_at_once_stand_refused_nonces() -> None:
    """A CA that refuses each ninth good nonce delays them, no more."""
    with bench(Conduct(nonce_refusal=9)) as one:
        assert at_once(one, 24) == 24
        assert len(one.ca.books.certificates) == 24


def together[T](call: Callable[[], T], count: int = 16) -> list[T]:
    """Call from so many threads at the same instant."""
    start = threading.Barrier(count)

    def one(_: int) -> T:
        start.wait(10)
        return call()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_a_new_process_asks_for_the_directory_once() -> None:
    """Looks that begin side by side share it."""
    with bench() as one:
        one.issue()
        one.restart()
        one.ca.books.requests.clear()
        assert together(lambda: one.authority.suggest("", one.now)) == [None] * 16
        assert dict(one.ca.books.requests) == {"directory": 1}


def test_looks_side_by_side_ask_about_a_certificate_once() -> None:
    """What the CA said of it holds for a minute, for all of them and for one that lost a race and begins again; then it is asked anew."""
    with bench() as one:
        one.issue()
        one.ca.books.requests.clear()
        ari_id = next(iter(one.ca.books.certificates.values())).ari_id
        (said,) = set(together(lambda: one.authority.suggest(ari_id, one.now)))
        assert said is not None
        one.clock[0] += timedelta(seconds=59)
        one.authority.suggest(ari_id, one.now)
        assert one.asked("renewal-info") == 1
        one.clock[0] += timedelta(seconds=1)
        one.authority.suggest(ari_id, one.now)
        assert one.asked("renewal-info") == 2


def test_threads_that_wait_for_a_refused_question_have_errors_of_their_own() -> None:
    """A CA that is down is asked once; who reads a failure may add to it, and changes nobody else's."""
    with bench() as one:
        one.issue()
        one.restart(directory=f"{one.directory}/nowhere")

        def failure() -> IssuerError:
            try:
                one.authority.obstacles(("www.example.com",), one.now)
            except IssuerError as error:
                return error
            raise AssertionError

        failures = together(failure)
        assert {error.code for error in failures} == {"no-directory"}
        assert len({id(error) for error in failures}) == 16


class Meeting(MemoryKeys):
    """A vault that serves two threads when both have come."""

    def __init__(self) -> None:
        super().__init__()
        self.both: threading.Barrier | None = None

    def read(self, key_id: str) -> PublicKey | None:
        """Return one version."""
        self._meet()
        return super().read(key_id)

    def sign(self, key_id: str, digest: bytes) -> bytes:
        """Sign; by now a thread has its nonce."""
        self._meet()
        return super().sign(key_id, digest)

    def _meet(self) -> None:
        if self.both is not None:
            self.both.wait(10)


def test_two_threads_that_open_the_account_share_its_nonces() -> None:
    """Each needs a first nonce of its own; what the CA's answers bring is kept for both, so later ones ask for none."""
    with bench() as one:
        one.issue()
        one.keys = keys = Meeting()
        one.restart(name="other")
        one.issue(("other.example.com",))
        one.restart()
        one.ca.books.requests.clear()
        for round_ in range(3):
            keys.both = threading.Barrier(2)
            together(lambda: one.authority.obstacles(("www.example.com",), one.now), 2)
            one.clock[0] += timedelta(hours=7 if round_ else 13)  # the CA's word on the account holds for twelve
        assert (one.asked("directory"), one.asked("new-nonce"), one.asked("account")) == (1, 2, 4)
