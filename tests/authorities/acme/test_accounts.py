"""Our account with a CA: found, made once, changed, lost, made again on request."""

from __future__ import annotations

import base64
import json
import logging
from datetime import timedelta

import pytest

from localazure.acme.conduct import Conduct, Trouble
from perennial.errors import IssuerError
from tests.authorities.acme.ordered import NAMES, NOW, Bench, Orders, at, bench

SECRET = base64.urlsafe_b64encode(b"a secret of thirty-two bytes ....").rstrip(b"=").decode()
WWW = ("www.example.com",)


def accounts(one: Bench) -> int:
    """Count the CA's accounts."""
    return len(one.ca.books.accounts)


def failure(one: Bench, names: tuple[str, ...] = NAMES) -> IssuerError:
    """Let an order fail."""
    with pytest.raises(IssuerError) as raised:
        one.run(names)
    return raised.value


def test_a_first_account_is_made_under_a_key_of_the_vault() -> None:
    """Row and CA agree: address, contact, and a key named after the CA."""
    with bench(contact=("mailto:ops@example.com",)) as one:
        one.issue()
        (known,) = one.ca.books.accounts.values()
        row = one.account()
        assert row.url.endswith(known.id)
        assert (row.contact, list(known.contact)) == (("mailto:ops@example.com",), ["mailto:ops@example.com"])
        assert row.key_id.startswith("https://kv-keys.vault.azure.net/keys/acme-le/")
        assert row.made == NOW


def test_no_account_is_made_without_agreement() -> None:
    """Nobody agrees to terms in a person's name; the failure says where they are, and nothing was made."""
    with bench(agree_terms=False) as one:
        found = failure(one)
        assert (found.code, found.permanent) == ("terms-not-agreed", False)
        assert accounts(one) == 0
        one.restart(agree_terms=True)
        one.issue()
        assert accounts(one) == 1


def test_an_account_is_looked_for_before_it_is_made() -> None:
    """A lost row, as after a restored backup: the key still has its account, and no other is made."""
    with bench() as one:
        one.issue()
        url = one.account().url
        one.tables.accounts.delete("le", "account")
        one.restart(agree_terms=False)  # to find is not to make
        one.issue(WWW)
        assert (accounts(one), one.account().url) == (1, url)


def test_a_key_that_is_there_is_used() -> None:
    """A person may make the key; only where there is none is one made."""
    with bench(key="my-key") as one:
        made = one.keys.create("my-key")
        one.issue()
        assert one.account().key_id == made.id
        assert one.keys.calls["create"] == 1


def test_two_first_orders_at_once_make_one_account() -> None:
    """The row decides: who comes second takes its key, whatever step the other is at."""
    with bench() as one:
        other = Orders(one.setting, one.clock, tables=one.tables, dns=one.dns, keys=one.keys)
        first, second = one.stop(NAMES, at("ordering")), other.run(WWW, until=at("ordering"))
        assert first
        assert second
        assert (accounts(one), one.keys.calls["create"]) == (1, 1)


def test_death_after_newaccount_finds_the_account() -> None:
    """The answer was lost before the row had it: the key's account is found, not made again."""
    with bench() as one:
        one.ca.troubles.append(Trouble(on="new-account", type="serverInternal", status=500, after_effect=True, times=2))
        assert failure(one).code == "ca-down"
        one.ca.troubles.clear()
        one.restart()
        one.issue()
        assert accounts(one) == 1


def test_an_account_that_the_ca_forgot_is_never_made_again_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    """Its loss is kept, told and obeyed: no further request, until a person asks for another."""
    with bench() as one:
        one.issue()
        lost = one.account().url
        one.ca.books.accounts.clear()
        with caplog.at_level(logging.WARNING, "perennial"):
            found = failure(one, WWW)
        assert (found.code, found.permanent) == ("account-gone", False)
        assert one.account().gone
        assert json.loads(caplog.messages[0]) | {"said": ""} == {
            "event": "account-gone",
            "authority": "le",
            "account": lost,
            "said": "",
        }
        one.ca.books.requests.clear()
        assert failure(one, WWW).code == "account-gone"
        assert failure(one, ("a.example.com",)).code == "account-gone"
        assert one.ca.books.requests.total() == 0
        assert accounts(one) == 0


def test_a_person_has_a_lost_account_made_again() -> None:
    """Under another key, since a CA remembers the key of an account that was deactivated; the wish is spent."""
    with bench() as one:
        one.issue()
        before = one.account()
        one.ca.books.accounts.clear()
        failure(one, WWW)
        one.change_account(remake="we deactivated it by mistake", actor="ada", asked_at=NOW)
        one.issue(WWW)
        after = one.account()
        assert accounts(one) == 1
        assert after.key_id != before.key_id
        assert (after.gone, after.remake, after.actor, after.asked_at) == ("", "", "", None)


def test_a_deactivated_account_is_gone() -> None:
    """A CA says unauthorized, in words; that is no refusal of the names."""
    with bench() as one:
        one.issue()
        for known in one.ca.books.accounts.values():
            known.status = "deactivated"
        assert failure(one, WWW).code == "account-gone"


def test_an_account_lost_under_way_leaves_no_txt_value() -> None:
    """The values are removed before the failure is told."""
    with bench() as one:
        stopped = one.stop(NAMES, at("answering"))
        one.ca.books.accounts.clear()
        assert one.dns.values["_acme-challenge.example.com"]
        with pytest.raises(IssuerError) as raised:
            one.run(NAMES, stopped)
        assert raised.value.code == "account-gone"
        assert not one.dns.values["_acme-challenge.example.com"]


def test_a_changed_contact_is_told_once() -> None:
    """The CA knows the new address, and later orders say nothing more of it."""
    with bench(contact=("mailto:a@example.com",)) as one:
        one.issue()
        one.restart(contact=("mailto:b@example.com",))
        one.issue(WWW)
        (known,) = one.ca.books.accounts.values()
        assert list(known.contact) == ["mailto:b@example.com"]
        one.ca.books.requests.clear()
        one.issue(("a.example.com",))
        assert one.asked("account") == 0


def test_a_contact_that_is_refused_keeps_no_certificate_waiting() -> None:
    """It is an obstacle that a person sees, and the order goes on under the old contact."""
    with bench(contact=("mailto:a@example.com",)) as one:
        one.issue()
        one.restart(contact=("mailto:b@example.com",))
        one.ca.troubles.append(Trouble(on="account", type="invalidContact", status=400, times=None))
        one.issue(WWW)
        assert one.account().contact == ("mailto:a@example.com",)
        one.ca.troubles.clear()
        assert [found.code for found in one.authority.obstacles(WWW, one.now)] == ["account-refused"]


def test_a_limit_on_the_way_to_a_new_contact_is_waited_for() -> None:
    """429 is no refusal of the contact: it is told to the CA by the next attempt."""
    with bench(contact=("mailto:a@example.com",)) as one:
        one.issue()
        one.restart(contact=("mailto:b@example.com",))
        one.ca.troubles.append(Trouble(on="account", type="rateLimited", status=429))
        assert failure(one, WWW).code == "rate-limited"
        one.issue(WWW)
        assert one.account().contact == ("mailto:b@example.com",)


def test_services_that_moved_are_found_after_a_day() -> None:
    """The account goes on, at the addresses of the newer directory."""
    with bench() as one:
        one.issue()
        one.clock[0] += timedelta(days=2)
        one.issue(WWW)
        assert one.asked("directory") == 2
        assert one.asked("new-nonce") == 3  # a new session has none yet


def test_another_directory_under_the_same_name_has_its_own_account() -> None:
    """Staging becomes production: what was known of the first is no longer said of the second."""
    with bench() as one, bench() as two:
        one.issue()
        first = one.account().url
        one.restart(directory=two.directory)
        one.issue(WWW)
        row = one.account()
        assert (row.directory, row.url == first) == (two.directory, False)
        assert accounts(two) == 1


def test_a_binding_is_signed_with_the_named_secret() -> None:
    """An account with a CA that wants it bound (RFC 8555 §7.3.4)."""
    with bench(Conduct(eab={"kid-1": SECRET}), eab_key_id="kid-1", eab_secret="CA") as one:
        one.secrets = {"CA": SECRET}
        one.issue()
        (known,) = one.ca.books.accounts.values()
        assert known.bound_to == "kid-1"


@pytest.mark.parametrize(
    ("setting", "secret"),
    [
        ({}, ""),
        ({"eab_key_id": "kid-1", "eab_secret": "CA"}, ""),
        ({"eab_key_id": "kid-1", "eab_secret": "CA"}, "!"),
        ({"eab_key_id": "kid-1", "eab_secret": "CA"}, "A" * 17),  # no bytes have 17 signs of base64
        ({"eab_key_id": "kid-1", "eab_secret": "CA"}, "A" * 17 + "="),
    ],
)
def test_a_missing_binding_says_what_is_missing(setting: dict[str, object], secret: str) -> None:
    """Not set, its secret not set, its secret no base64url: nothing is made, and the secret is not quoted."""
    with bench(Conduct(eab={"kid-1": SECRET}), **setting) as one:
        one.secrets = {"CA": secret} if secret else {}
        assert failure(one).code == "eab-missing"
        assert accounts(one) == 0


def test_a_contact_that_is_refused_is_no_fault_of_the_binding() -> None:
    """The CA names the contact, and so does the failure."""
    with bench(Conduct(eab={"kid-1": SECRET}), eab_key_id="kid-1", eab_secret="CA") as one:
        one.secrets = {"CA": SECRET}
        one.stop(NAMES, lambda _: one.tables.accounts.get("le", "account") is not None and bool(one.account().key_id))
        one.ca.troubles += [Trouble(on="new-account", type="accountDoesNotExist", status=400)]
        one.ca.troubles += [Trouble(on="new-account", type="invalidContact", status=400)]
        assert failure(one).code == "account-refused"


def test_a_wrong_binding_is_told_as_such() -> None:
    """The CA refuses a signature by another secret: nobody's names are at fault."""
    with bench(Conduct(eab={"kid-1": SECRET}), eab_key_id="kid-1", eab_secret="CA") as one:
        one.secrets = {"CA": SECRET[:-4] + "AAAA"}
        assert failure(one).code == "eab-refused"
