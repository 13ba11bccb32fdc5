"""Many names in one order, and many orders at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from localazure.acme.conduct import Conduct
from perennial.model.renewal import Issued
from tests.authorities.acme.ordered import Bench, Orders, bench, claim
from tests.memory import minting

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
