"""Death at any step of an order: what is found is asked about, and one certificate comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localazure.acme.conduct import Conduct
from perennial.authorities.acme.memory import State
from perennial.model.renewal import Issued, Renewal
from tests.authorities.acme.ordered import NAMES, Bench, at, bench, claim
from tests.memory import minting

STATES = [state for state in State if state is not State.DIAGNOSING]


SLOW = Conduct(finalize_delay=5)  # so that there is something to wait for


def reach(one: Bench, state: State) -> Renewal:
    """Stop before a state's first step."""
    found = one.stop(NAMES, at(state.value))
    assert isinstance(found, Renewal)
    return found


@pytest.mark.parametrize("state", STATES)
def test_death_before_a_step(state: State) -> None:
    """The intent was saved and nothing was sent: another process, which finds it, goes on."""
    with bench(SLOW) as one:
        stopped = reach(one, state)
        one.restart()
        assert isinstance(one.run(NAMES, stopped, fresh=False), Issued)
        assert len(one.ca.books.certificates) == 1
        assert not one.dns.values["_acme-challenge.example.com"]


@pytest.mark.parametrize("state", STATES)
def test_death_after_a_step(state: State) -> None:
    """The step was taken and its answer is lost: taken again by who finds it, it brings no second certificate."""
    with bench(SLOW) as one:
        stopped = reach(one, state)
        one.step(stopped, minting.csr("", NAMES, 1))
        one.restart()
        assert isinstance(one.run(NAMES, stopped, fresh=False), Issued)
        assert len(one.ca.books.certificates) == 1
        assert not one.dns.values["_acme-challenge.example.com"]


def test_only_death_after_neworder_costs_an_order() -> None:
    """One more of the budget, no more; elsewhere none."""
    for state in STATES:
        with bench(SLOW) as one:
            stopped = reach(one, state)
            one.step(stopped, minting.csr("", NAMES, 1))
            one.restart()
            one.run(NAMES, stopped, fresh=False)
            assert one.asked("new-order") == (2 if state is State.ORDERING else 1), state
            row = one.tables.usages.get("le", "limit:orders")
            assert row is not None
            assert len(row.value.spent) == one.asked("new-order"), state


def test_a_finalize_whose_answer_was_lost_is_not_repeated() -> None:
    """The order is asked first: it has its certificate already."""
    with bench(SLOW) as one:
        stopped = reach(one, State.FINALIZING)
        one.step(stopped, minting.csr("", NAMES, 1))
        one.restart()
        one.run(NAMES, stopped, fresh=False)
        assert one.asked("finalize") == 1


def test_an_intent_of_this_look_is_carried_out_without_asking() -> None:
    """The negative: who wrote it knows that it was not sent."""
    with bench(SLOW) as one:
        stopped = reach(one, State.FINALIZING)
        polls = one.asked("order")
        one.step(stopped, minting.csr("", NAMES, 1), fresh=True)
        assert (one.asked("finalize"), one.asked("order")) == (1, polls)


def test_an_abandoned_order_leaves_no_txt_value() -> None:
    """Another version came: what we wrote to the DNS is removed, as often as it is asked for, and nothing else is asked."""
    with bench(SLOW) as one:
        stopped = reach(one, State.ANSWERING)
        one.dns.values["_acme-challenge.example.com"].append("another tool's")
        one.ca.books.requests.clear()
        for _ in range(2):
            one.authority.abandon(stopped, one.now)
        assert one.dns.values["_acme-challenge.example.com"] == ["another tool's"]
        assert one.ca.books.requests.total() == 0


@pytest.mark.parametrize("state", [State.CHECKING, State.ORDERING, State.AUTHORIZING, State.DOWNLOADING])
def test_an_order_with_nothing_in_the_dns_is_abandoned_without_a_call(state: State) -> None:
    """There is nothing to undo."""
    with bench(SLOW) as one:
        stopped = reach(one, state)
        one.dns.calls.clear()
        one.authority.abandon(stopped, one.now)
        assert one.dns.calls == []


def test_a_claim_of_another_process_needs_nothing_but_its_row() -> None:
    """The memory is text in the row: a copy of it goes on as well."""
    with bench(SLOW) as one:
        stopped = reach(one, State.PROPAGATING)
        copy = replace(claim(), checkpoint=stopped.checkpoint)
        one.restart()
        assert isinstance(one.run(NAMES, copy, fresh=False), Issued)
