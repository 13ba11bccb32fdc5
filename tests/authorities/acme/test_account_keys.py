"""The key of an account: changed at the CA, and a vault that does not sign."""

from __future__ import annotations

import json
import logging

import pytest

from localazure.acme.conduct import Trouble
from perennial.errors import Forbidden, IssuerError, Throttled
from perennial.model.authority import Account
from tests.authorities.acme.ordered import NAMES, NOW, at, bench, next_attempt
from tests.authorities.acme.test_accounts import WWW, accounts, failure


def test_a_key_rollover_keeps_the_account() -> None:
    """Same account, another key; orders go on, and the wish is spent (RFC 8555 §7.3.5)."""
    with bench() as one:
        one.issue()
        before = one.account()
        one.change_account(roll="the yearly change", actor="ada", asked_at=NOW)
        one.issue(WWW)
        after = one.account()
        assert after.url == before.url
        assert after.key_id != before.key_id
        assert (after.next_key_id, after.roll, after.actor, after.asked_at) == ("", "", "", None)
        assert accounts(one) == 1


@pytest.mark.parametrize("told", [False, True])
def test_a_rollover_that_was_cut_short_goes_on(told: bool) -> None:
    """Death between the new key's address and the CA's answer: the CA is asked which key it knows, and both cases end alike."""
    with bench() as one:
        one.issue()
        one.change_account(roll="the yearly change")
        one.ca.troubles.append(Trouble(on="key-change", type="serverInternal", status=500, after_effect=told))
        assert failure(one, WWW).code == "ca-down"
        assert one.account().next_key_id
        one.restart()
        one.issue(WWW)
        assert (one.account().next_key_id, accounts(one)) == ("", 1)
        assert one.asked("key-change") == (1 if told else 2)


def test_a_rollover_that_is_refused_leaves_the_old_key(caplog: pytest.LogCaptureFixture) -> None:
    """Certificates do not wait for it; a person reads of it."""
    with bench() as one, caplog.at_level(logging.WARNING, "perennial"):
        one.issue()
        before = one.account()
        one.change_account(roll="the yearly change")
        one.ca.troubles.append(Trouble(on="key-change", type="malformed", status=400))
        one.issue(WWW)
        assert (one.account().key_id, one.account().next_key_id, one.account().roll) == (before.key_id, "", "")
    (said,) = map(json.loads, caplog.messages)
    assert (said["event"], said["authority"], said["account"]) == ("account-key-refused", "le", before.url)


def test_a_limit_on_the_way_to_a_new_key_is_waited_for() -> None:
    """429 is no refusal of the key: wish and new key stay, and are told to the CA later."""
    with bench() as one:
        one.issue()
        one.change_account(roll="the yearly change")
        one.ca.troubles.append(Trouble(on="key-change", type="rateLimited", status=429, retry_after=60))
        assert failure(one, WWW).code == "rate-limited"
        assert one.account().roll
        assert one.account().next_key_id
        one.issue(WWW)
        assert not one.account().roll


def test_each_step_towards_an_account_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """By its name, with the CA's: a key, an account, another contact, another key."""
    with bench(contact=("mailto:a@example.com",)) as one, caplog.at_level(logging.INFO, "perennial"):
        one.issue()
        one.tables.accounts.delete("le", "account")
        one.restart(contact=("mailto:b@example.com",))
        one.issue(WWW)
        one.change_account(roll="the yearly change")
        one.issue(("a.example.com",))
    said = [json.loads(line) for line in caplog.messages]
    assert {line["authority"] for line in said} == {"le"}
    assert [line["step"] for line in said if line["event"] == "account-step"] == [
        "key",
        "made",
        "key",
        "found",
        "contact",
        "next-key",
        "rolled",
    ]


@pytest.mark.parametrize("state", ["authorizing", "answering"])
def test_a_rollover_under_an_order_begins_it_again(state: str) -> None:
    """TXT values are made with the account's key: those of the old one are removed, and another order is placed."""
    with bench() as one:
        stopped = one.stop(NAMES, at(state))
        one.change_account(roll="now")
        with pytest.raises(IssuerError) as raised:
            one.run(NAMES, stopped)
        assert (raised.value.code, raised.value.permanent) == ("order-expired", False)
        assert not one.dns.values["_acme-challenge.example.com"]
        assert one.run(NAMES, next_attempt(stopped, raised.value.back_to))


def test_a_key_vault_that_does_not_sign_is_not_the_certificates_vault() -> None:
    """A lost role on the keys' vault is a failure of its own kind, and the order goes on where it was."""
    with bench() as one:
        stopped = one.stop(NAMES, at("finalizing"))
        one.keys.refuses = Forbidden("kv-keys", "403", code="ForbiddenByRbac")
        with pytest.raises(IssuerError) as raised:
            one.run(NAMES, stopped)
        assert raised.value.code == "account-key"
        assert raised.value.back_to == stopped.checkpoint


def test_a_busy_key_vault_is_waited_for() -> None:
    """429 from the keys' vault is no failure of a renewal."""
    with bench() as one:
        stopped = one.stop(NAMES, at("finalizing"))
        one.keys.refuses = Throttled("kv-keys", "429")
        with pytest.raises(AssertionError):  # it waits for ever
            one.run(NAMES, stopped)
        one.keys.refuses = None
        assert one.run(NAMES, stopped)


def test_a_key_that_is_no_more_is_told() -> None:
    """Somebody deleted it: the account can be used no more before it is recovered, or another is asked for."""
    with bench() as one:
        one.tables.accounts.insert(
            Account(authority="le", directory=one.directory, key_id="https://kv/keys/acme-le/none")
        )
        assert failure(one).code == "account-key"
