"""What an order costs: requests to the CA, and calls to the vault of the account's key."""

from __future__ import annotations

import pytest

from localazure.acme.conduct import Conduct
from perennial.model.renewal import Issued
from tests.authorities.acme.ordered import Bench, bench


def requests(one: Bench) -> int:
    """Count what the CA was asked."""
    return one.ca.books.requests.total()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_an_order_costs_three_requests_and_two_a_name(count: int) -> None:
    """Beside polls: newOrder, finalize, certificate; authorization and challenge of each name."""
    with bench() as one:
        one.issue(tuple(f"n{n}.example.com" for n in range(count)))
        one.ca.books.requests.clear()
        one.issue(tuple(f"m{n}.example.com" for n in range(count)))
        polls = one.asked("order")
        assert requests(one) == 3 + 2 * count + polls
        assert polls == 1


def test_directory_account_and_nonce_are_asked_for_once() -> None:
    """The first order of a process finds them; 30 later ones do not ask."""
    with bench() as one:
        for n in range(30):
            one.issue((f"n{n}.example.com",))
        assert (one.asked("directory"), one.asked("new-account")) == (1, 2)  # looked for, then made
        assert one.asked("new-nonce") == 2  # of the account's making, and of its use


def test_another_process_finds_the_account_in_its_row() -> None:
    """A restart costs a directory and a nonce, and no question about the account."""
    with bench() as one:
        one.issue()
        one.ca.books.requests.clear()
        one.restart()
        one.issue(("www.example.com",))
        assert (one.asked("directory"), one.asked("new-account"), one.asked("new-nonce")) == (1, 0, 1)


def test_a_directory_is_asked_for_again_after_a_day() -> None:
    """A CA may move its services."""
    with bench() as one:
        one.issue()
        one.clock[0] += one.clock[0] - one.clock[0].replace(day=23)
        one.issue(("www.example.com",))
        assert one.asked("directory") == 2


def test_what_is_proved_already_needs_nothing() -> None:
    """A valid authorization that the CA uses again costs one request, no TXT value and no answer."""
    with bench() as one:
        one.issue()
        one.ca.books.requests.clear()
        one.dns.calls.clear()
        one.issue()
        assert (one.asked("authorization"), one.asked("challenge"), one.dns.calls) == (2, 0, [])


def test_each_request_is_one_signature_of_the_vault() -> None:
    """The public half is read once; nothing but signatures is asked of the keys' vault after that."""
    with bench() as one:
        one.issue()
        one.keys.calls.clear()
        one.ca.books.requests.clear()
        one.issue(("www.example.com",))
        assert dict(one.keys.calls) == {"sign": requests(one)}


def test_one_refused_nonce_costs_one_request_more() -> None:
    """It is answered at once with the newer nonce that came along."""
    with bench(Conduct(nonce_refusal=5)) as one:
        one.issue()
        assert one.asked("new-nonce") == 2
        assert all(wait.total_seconds() != 2 for wait in one.waits)


def test_two_refused_nonces_are_no_failure() -> None:
    """The same step is taken again two seconds later, and the order ends well."""
    with bench() as one:
        one.issue()
        one.ca.conduct = Conduct(nonce_refusal=1)
        renewal = one.stop(("www.example.com",), lambda r: r.checkpoint.memory.get("stale") == "3")
        one.ca.conduct = Conduct()
        assert isinstance(one.run(("www.example.com",), renewal), Issued)
