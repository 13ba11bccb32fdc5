"""The same journeys against Pebble, Let's Encrypt's own test CA, with refused nonces, slow validation and used authorizations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from localazure.acme.signing import ari_id
from localazure.pebble import Manner, Pebble, pebble
from perennial.errors import IssuerError
from perennial.model.authority import AuthoritySetting
from perennial.model.renewal import Renewal
from tests.authorities.acme.ordered import NAMES, Orders, at, claim
from tests.memory.dns import MemoryDns

SECRET = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
WAITED = threading.Event()


@dataclass
class PebbleDns(MemoryDns):
    """The memory's DNS, whose values Pebble finds in its challenge test server."""

    server: Pebble | None = None
    hidden: bool = False  # Pebble sees nothing

    def present(self, name: str, value: str) -> None:
        """Add a value."""
        super().present(name, value)
        if self.server is not None and not self.hidden:
            self.server.set_txt(self.alias(name), value)

    def clean(self, name: str, value: str) -> None:
        """Remove our values at a name: the server takes them all away at once."""
        super().clean(name, value)
        if self.server is not None:
            self.server.clear_txt(self.alias(name))


@contextmanager
def orders(manner: Manner, monkeypatch: pytest.MonkeyPatch, **setting: Any) -> Iterator[tuple[Orders, Pebble]]:
    """Run Pebble, and an account of ours with it."""
    with pebble(manner) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca))
        chosen: dict[str, Any] = {"name": "pebble", "directory": server.directory, "agree_terms": True, **setting}
        now = datetime.now(UTC).replace(microsecond=0)
        one = Orders(AuthoritySetting(**chosen), [now], dns=PebbleDns(server=server))
        one.pause = lambda: WAITED.wait(0.2)
        yield one, server


def test_pebble_issues_apex_and_wildcard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fourth good nonce is refused, and no order fails of it."""
    with orders(Manner(nonce_refusal=25), monkeypatch) as (one, server):
        for number in range(3):
            names = tuple(name.replace("example", f"n{number}.example") for name in NAMES)
            leaf, above = (x509.load_der_x509_certificate(der) for der in one.issue(names).chain[:2])
            leaf.verify_directly_issued_by(above)
        assert server.requests()["new-order"] >= 3
        assert not any(one.dns.values.values())


def test_pebble_is_asked_no_more_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a second order with two names: 3 + 2 · 2, polls, and no nonce."""
    with orders(Manner(), monkeypatch) as (one, server):
        one.issue()
        server.clear_requests()
        one.issue(("a.example.com", "b.example.com"))
        asked = server.requests()
        polls = asked.pop("order", 0)
        assert sum(asked.values()) == 3 + 2 * 2, (asked, polls)


def test_pebbles_slow_validation_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to two seconds a challenge; looks in between poll the order."""
    with orders(Manner(validation_seconds=3), monkeypatch) as (one, server):
        one.pause = lambda: WAITED.wait(0.5)
        one.issue()
        assert server.requests()["challenge"] == 2


def test_pebbles_used_authorization_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second order for the same names finds them proved."""
    with orders(Manner(authorization_reuse=100), monkeypatch) as (one, server):
        one.issue()
        server.clear_requests()
        one.dns.calls.clear()
        one.issue()
        assert server.requests().get("challenge", 0) == 0
        assert one.dns.calls == []


def test_pebble_says_what_it_did_not_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is not there is a failed validation, told with the name; nothing stays in the DNS."""
    with orders(Manner(), monkeypatch) as (one, _):
        assert isinstance(one.dns, PebbleDns)
        one.dns.hidden = True
        with pytest.raises(IssuerError) as raised:
            one.run(("www.example.com",))
        assert raised.value.code == "validation-failed"
        assert "www.example.com" in raised.value.what
        assert not one.dns.values["_acme-challenge.www.example.com"]


def test_pebbles_window_is_read_and_its_certificate_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the front that adds what Debian's Pebble lacks: a window, and an order that says what it replaces."""
    with orders(Manner(), monkeypatch) as (one, server):
        issued = one.issue()
        replaced = ari_id(x509.load_der_x509_certificate(issued.chain[0]))
        start = one.now - timedelta(hours=1)
        server.set_window(start, one.now + timedelta(hours=1))
        found = one.authority.suggest(replaced, one.now)
        assert found is not None
        assert found.start == start
        assert one.issue(NAMES, claim(ari_id=replaced, issued_by=issued.by)).by == issued.by


def test_pebbles_account_is_bound_and_its_key_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """External account binding, then a rollover, then an order under the new key: one account."""
    manner = Manner(eab={"kid-1": SECRET})
    with orders(manner, monkeypatch, eab_key_id="kid-1", eab_secret="PEBBLE") as (one, _):
        one.secrets = {"PEBBLE": SECRET}
        one.issue()
        before = one.account()
        one.change_account(roll="a test")
        one.issue(("www.example.com",))
        assert one.account().url == before.url
        assert one.account().key_id != before.key_id


def test_a_new_pebble_does_not_know_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pebble forgets everything when it ends; what it says then is that the account is gone, not that it may be made again."""
    with orders(Manner(), monkeypatch) as (one, _):
        one.issue()
        row = one.account()
    with orders(Manner(), monkeypatch) as (two, server):
        two.keys = one.keys
        url = row.url.replace(row.directory.removesuffix("/dir"), server.directory.removesuffix("/dir"))
        two.tables.accounts.insert(row)
        two.change_account(directory=server.directory, url=url, authority="pebble")
        two.restart()
        with pytest.raises(IssuerError) as raised:
            two.run(("www.example.com",))
        assert raised.value.code == "account-gone"


def test_an_order_at_pebble_goes_on_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found before finalize, after the values were answered for."""
    with orders(Manner(), monkeypatch) as (one, server):
        stopped: Renewal = one.stop(NAMES, at("finalizing"))
        one.restart()
        one.run(NAMES, stopped, fresh=False)
        assert server.requests()["finalize"] == 1
