"""What would make an order fail, seen before it is placed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from localazure.acme.conduct import Conduct
from perennial.authorities.acme.preflight import allows
from perennial.errors import DnsError, IssuerError
from perennial.ports.dns import Caa
from tests.authorities.acme.ordered import NAMES, Bench, bench

WWW = ("www.example.com",)
ACCOUNT = "https://ca.example/acct/1"
OURS = ("ca.example",)


def codes(one: Bench, names: tuple[str, ...] = WWW) -> list[str]:
    """Return the codes of what stands in the way."""
    return [found.code for found in one.authority.obstacles(names, one.now)]


def issue(value: str, tag: str = "issue", *, critical: bool = False) -> Caa:
    """Return a CAA record."""
    return Caa(critical, tag, value)


def test_nothing_stands_in_the_way_of_an_order_that_will_succeed() -> None:
    """Before the first order, and after it; and what is looked at changes nothing."""
    with bench() as one:
        assert codes(one) == []
        assert one.tables.accounts.get("le", "account") is None
        assert not one.keys.calls
        one.issue(WWW)
        assert codes(one) == []
        assert one.dns.calls == [
            ("present", "_acme-challenge.www.example.com"),
            ("clean", "_acme-challenge.www.example.com"),
        ]


def test_a_zone_that_is_not_ours_is_told() -> None:
    """Neither is it in the settings, nor is there a CNAME into one that is."""
    with bench() as one:
        one.dns.ours = {"validation.net"}
        assert codes(one) == ["dns-not-ours"]
        one.dns.aliases["_acme-challenge.www.example.com"] = "www.validation.net"
        assert codes(one) == []
        one.dns.aliases["_acme-challenge.www.example.com"] = "www.elsewhere.net"
        assert codes(one) == ["dns-not-ours"]


def test_a_zone_that_the_dns_does_not_ask_is_told() -> None:
    """Its parent names other servers, or none."""
    with bench() as one:
        one.dns.undelegated = {"example.com"}
        assert codes(one) == ["not-delegated"]


def test_broken_dnssec_is_told() -> None:
    """A validating resolver, as a CA's is, gets no answer."""
    with bench() as one:
        one.dns.faults["example.com"] = "its DS record matches no key"
        assert codes(one) == ["dnssec-broken"]


def test_a_caa_record_for_another_ca_is_told_with_the_record_to_add() -> None:
    """The fix is a record that can be copied."""
    with bench() as one:
        one.dns.caas["example.com"] = (issue("other-ca.example"),)
        (found,) = one.authority.obstacles(WWW, one.now)
        assert found.code == "caa-forbids"
        assert f'www.example.com CAA 0 issue "{one.ca.host}"' in found.fix
        one.dns.caas["example.com"] = (issue("other-ca.example"), issue(one.ca.host))
        assert codes(one) == []


def test_a_fault_of_apex_and_wildcard_is_told_once() -> None:
    """It is one zone."""
    with bench() as one:
        one.dns.faults["example.com"] = "its DS record matches no key"
        assert codes(one, NAMES) == ["dnssec-broken"]


@pytest.mark.parametrize(
    ("records", "wildcard", "allowed"),
    [
        ((), False, True),
        ((issue("ca.example"),), False, True),
        ((issue("CA.Example"),), False, True),
        ((issue("ca.example"),), True, True),
        ((issue("other.example"),), False, False),
        ((issue(";"),), False, False),
        ((issue("other.example"), issue("ca.example; account=7")), False, True),
        ((issue("other.example", "issuewild"),), False, True),
        ((issue("other.example", "issuewild"),), True, False),
        ((issue("ca.example"), issue(";", "issuewild")), True, False),
        ((issue(";"), issue("ca.example", "issuewild")), True, True),
        ((issue(";"), issue("ca.example", "issuewild")), False, False),
        ((issue("mailto:ops@example.com", "iodef"),), False, True),
        ((issue("x", "tbs", critical=True), issue("ca.example")), False, False),
        ((issue("x", "tbs"), issue("ca.example")), False, True),
        ((issue(f"ca.example; accounturi={ACCOUNT}"),), False, True),
        ((issue("ca.example; accounturi=https://ca.example/acct/2"),), False, False),
        ((issue("ca.example; validationmethods=http-01"),), False, False),
        ((issue("ca.example; validationmethods=http-01,dns-01"),), False, True),
        ((issue(f"ca.example; accounturi={ACCOUNT}; validationmethods=dns-01"),), False, True),
        ((issue(f"ca.example; accounturi=https://ca.example/acct/2; accounturi={ACCOUNT}"),), False, False),
        ((issue(f"ca.example; accounturi={ACCOUNT}; AccountURI=https://ca.example/acct/2"),), False, False),
        ((issue(f"ca.example; accounturi={ACCOUNT}; accounturi={ACCOUNT}"),), False, False),
        (
            (issue("ca.example; accounturi=https://ca.example/acct/2"), issue(f"ca.example; accounturi={ACCOUNT}")),
            False,
            True,
        ),
        ((issue("ca.example; validationmethods=dns-01; validationmethods=dns-01"),), False, False),
    ],
)
def test_caa_is_read_as_the_rfcs_say(records: tuple[Caa, ...], wildcard: bool, allowed: bool) -> None:
    """RFC 8659 §4 and RFC 8657: issuers, wildcards, critical tags, accounts, methods."""
    assert allows(records, OURS, ACCOUNT, wildcard=wildcard) is allowed


def test_an_account_that_is_yet_to_be_made_is_not_asked_for_by_caa() -> None:
    """Nobody can know its address before. Several in one property suit no account (RFC 8657 §3)."""
    assert allows((issue("ca.example; accounturi=https://ca.example/acct/9"),), OURS, "", wildcard=False)
    two = issue("ca.example; accounturi=https://ca.example/acct/9; accounturi=https://ca.example/acct/8")
    assert not allows((two,), OURS, "", wildcard=False)


def test_a_lost_account_is_told() -> None:
    """As the row says, and as the CA says when it is asked, which is twice a day; the look itself keeps nothing."""
    with bench() as one:
        one.issue(WWW)
        one.restart()
        one.ca.books.accounts.clear()
        assert codes(one) == ["account-gone"]
        assert one.account().gone == ""
        one.change_account(gone="no such account")
        one.ca.books.requests.clear()
        assert codes(one) == ["account-gone"]
        assert one.asked("account") == 0


def test_a_valid_account_is_asked_about_twice_a_day() -> None:
    """Not for each certificate."""
    with bench() as one:
        one.issue(WWW)
        for name in ("a", "b", "c"):
            assert codes(one, (f"{name}.example.com",)) == []
        assert one.asked("account") == 1
        one.clock[0] += timedelta(hours=13)
        assert codes(one) == []
        assert one.asked("account") == 2


def test_terms_and_bindings_are_told_before_the_first_order() -> None:
    """Long before something is due."""
    with bench(Conduct(eab={"kid": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}), agree_terms=False) as one:
        assert codes(one) == ["terms-not-agreed"]
        one.restart(agree_terms=True)
        assert codes(one) == ["eab-missing"]
        one.secrets = {"CA": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}
        one.restart(eab_key_id="kid", eab_secret="CA")
        assert codes(one) == []


def test_a_full_limit_is_told() -> None:
    """With the instant when there is room."""
    with bench(limits={"orders": "2/3h"}) as one:
        one.issue(WWW)
        assert codes(one) == []
        one.issue(("a.example.com",))
        found = {obstacle.code: obstacle.what for obstacle in one.authority.obstacles(WWW, one.now)}
        assert list(found) == ["rate-limited"]
        assert "2026-11-24T15:00" in found["rate-limited"]


@pytest.mark.parametrize("code", ["dns-down", "dns-throttled"])
def test_a_dns_that_does_not_answer_is_no_obstacle(code: str) -> None:
    """Nobody knows; the order will tell."""
    with bench() as one:
        one.dns.down = DnsError(code, "no answer")
        assert codes(one) == []


def test_a_ca_that_does_not_answer_is_told_as_an_error() -> None:
    """Not as an obstacle: nothing was seen."""
    with bench() as one:
        one.ca.conduct = Conduct(down="503")
        with pytest.raises(IssuerError) as raised:
            codes(one)
        assert raised.value.code == "ca-down"


def test_an_obstacle_keeps_an_order_from_being_placed() -> None:
    """It costs the CA nothing, and counts in no limit; what is mended goes on."""
    with bench() as one:
        one.dns.faults["example.com"] = "its DS record matches no key"
        with pytest.raises(IssuerError) as raised:
            one.run(WWW)
        (found,) = one.authority.obstacles(WWW, one.now)
        assert (raised.value.code, raised.value.permanent) == ("dnssec-broken", False)
        assert (raised.value.what, raised.value.fix) == (found.what, found.fix)
        assert one.asked("new-order") == 0
        assert one.tables.usages.get("le", "limit:orders") is None


def test_a_full_limit_is_waited_for_not_run_into() -> None:
    """The order waits by itself: the CA refuses nothing, and is not asked."""
    with bench(limits={"orders": "1/3h"}) as one:
        one.issue(WWW)
        one.waits.clear()
        one.issue(("a.example.com",))
        assert max(one.waits) >= timedelta(hours=3)
        assert one.asked("new-order") == 2


def test_addresses_are_not_looked_up() -> None:
    """An IP address has no zone."""
    with bench() as one:
        assert codes(one, ("192.0.2.1", "2001:db8::1")) == []
