"""The ACME CA in memory refuses what a CA must refuse: whoever rests on it is asked for the real thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from perennial.errors import IssuerError
from perennial.model.authority import AuthoritySetting
from perennial.model.renewal import Issued
from tests.authorities.acme.ordered import claim
from tests.memory import minting
from tests.memory.acme_books import Problem, Trouble
from tests.memory.acme_ca import MemoryCa
from tests.memory.acme_site import Site
from tests.memory.dns import MemoryDns
from tests.memory.keys import MemoryKeys
from tests.memory.tables import memory_tables

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = ("*.www.example", "www.example")
STEPS = 100


class Blind(MemoryDns):
    """A DNS that every server is said to serve at once, and none does."""

    def lacking(self, name: str, value: str) -> tuple[str, ...]:
        """Say that all serve it."""
        del name, value
        return ()


class Forger(MemoryKeys):
    """A vault that signs with another key."""

    def sign(self, key_id: str, digest: bytes) -> bytes:
        """Sign with another key."""
        del key_id
        return MemoryKeys.sign(self, self.create("another").id, digest)


class Scene:
    """One CA, and orders there."""

    def __init__(self, dns: MemoryDns | None = None, keys: MemoryKeys | None = None) -> None:
        self.now = NOW
        self.dns = dns or MemoryDns(ours={"www.example"})
        blind = isinstance(self.dns, Blind)
        self.ca = MemoryCa("le.test", lambda: self.now, lambda place: [] if blind else self.dns.values[place])
        setting = AuthoritySetting(name="le", directory=self.ca.directory, agree_terms=True)
        tables = memory_tables()
        self.site = Site(setting, self.ca, self.dns, lambda: tables, lambda name, *, effect, act: act())
        if keys is not None:
            self.site.keys = self.site.ports["keys"] = keys

    def order(self, csr: bytes, **columns: str) -> Issued:
        """Bring an order to its end."""
        row = claim(**columns)
        for _ in range(STEPS):
            answer = self.site.authority.sign(csr, row, fresh=True, now=self.now)
            if isinstance(answer, Issued):
                return answer
            self.now = max(self.now, answer.until)
            row = replace(row, checkpoint=answer.checkpoint)
        raise AssertionError("no end")


CSR = minting.csr("www.example", NAMES, 1)


def test_an_order_ends_with_a_certificate_over_its_csr() -> None:
    """Both names are proved, and the zone is clean after."""
    on = Scene()
    leaf, above = on.order(CSR).chain
    assert above == minting.signer()
    assert minting.same_key(CSR, leaf)
    assert on.dns.values["_acme-challenge.www.example"] == []
    assert on.ca.asked["challenge"] == 2


def test_a_value_that_is_not_there_proves_nothing() -> None:
    """The CA looks by itself."""
    on = Scene(dns=Blind(ours={"www.example"}))
    with pytest.raises(IssuerError, match="No TXT record of this value found"):
        on.order(CSR)
    assert (on.ca.struck["value not there"], len(on.ca.books.leaves)) == (2, 0)


def test_another_keys_signature_is_refused() -> None:
    """Who has not the account's key has not the account."""
    on = Scene(keys=Forger())
    with pytest.raises(IssuerError, match="JWS verification error"):
        on.order(CSR)
    assert on.ca.books.accounts == {}


def test_a_nonce_is_good_once() -> None:
    """Refusing every second one costs a repeat, no more; refusing all is a CA that is down."""
    on = Scene()
    on.ca.conduct.nonce_refusal = 2
    assert on.order(CSR)
    assert on.ca.struck["badNonce"]
    on.ca.conduct.nonce_refusal = 1
    with pytest.raises(IssuerError, match="nonce"):
        on.order(CSR)


def test_a_certificate_is_replaced_once() -> None:
    """A second order that says so is refused, and ours then says nothing of it."""
    on = Scene()
    first = on.order(CSR)
    leaf = next(iter(on.ca.books.leaves.values()))
    for number in (2, 3):
        assert on.order(minting.csr("www.example", NAMES, number), ari_id=leaf.ari_id, issued_by=first.by)
    orders = list(on.ca.books.orders.values())
    assert (len(orders), leaf.replaced_by) == (3, orders[1].id)


def test_a_trouble_strikes_its_own_requests_until_its_end() -> None:
    """Of one name, and no other; and then no more."""
    on = Scene()
    refusal = Problem("rejectedIdentifier", "forbidden by policy")
    on.ca.troubles = [
        Trouble(on="order", problem=refusal, until=NOW + timedelta(hours=1), host=name)
        for name in ("www.example", "other")
    ]
    with pytest.raises(IssuerError) as raised:
        on.order(CSR)
    assert (raised.value.code, raised.value.permanent) == ("name-refused", True)
    on.now += timedelta(hours=1)
    assert on.order(CSR)
