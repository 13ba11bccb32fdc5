"""CSRs that wait for a signature, over the API: listed, shown, answered once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from perennial.errors import Changed
from perennial.model import signing
from perennial.model.certificate import CertificateRef
from perennial.model.history import HistoryKind
from perennial.model.renewal import Checkpoint, Outcome, Renewal, Step
from perennial.ports.tables import Query, Stored, Table
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.requesting import (
    CSR,
    ISSUING,
    LEAF,
    WHOLE,
    memory,
    post,
    row,
    scene,
    slug,
    waits,
)
from tests.api.stocking import NOW, WATCHED, WEB, stock
from tests.memory.queue import MemoryQueues
from tests.memory.signers import issue, p7b, pem, signer


def test_what_waits_is_listed_with_all_that_signing_takes() -> None:
    """The CSR as PEM, what it asks for, what to order, where the chain goes, since when and until when."""
    (item,) = Api(scene()).call("list_requests").one("items")
    assert x509.load_pem_x509_csr(item.pop("csr").encode()).public_bytes(Encoding.DER) == CSR
    assert item == {
        "vault": "kv-orders",
        "certificate": "web",
        "owner": None,
        "id": "r1",
        "issuer": "corp",
        "names": ["api.example", "web.example"],
        "subject": "CN=web.example",
        "key": "EC P-256",
        "instructions": "template WebServer",
        "post_to": "/api/requests/kv-orders/web",
        "since": "2026-11-23T08:00:00Z",
        "needed_by": "2027-01-13T08:00:00Z",
        "received": None,
    }


def test_the_list_is_filtered_and_paged() -> None:
    """By vault and by CA; page by page nothing is lost and nothing comes twice."""
    world = scene()
    for number in range(5):
        waits(world, CertificateRef("kv-orders", f"x{number}"), issuer="other")
    waits(world, WATCHED)
    stock(world, CertificateRef("kv-orders", "idle"))
    api = Api(world)
    names = [item["certificate"] for item in api.call("list_requests", issuer="Other").one("items")]
    assert names == [f"x{number}" for number in range(5)]
    assert [item["vault"] for item in api.call("list_requests", vault="kv-watched").one("items")] == ["kv-watched"]
    found, more = list[str](), {"limit": "2"}
    for _ in range(9):
        page = api.call("list_requests", query=more)
        found += [item["certificate"] for item in page.one("items")]
        if page.one("next") is None:
            break
        more = {"limit": "2", "cursor": page.one("next")}
    assert sorted(found) == sorted(["web", "intranet", *(f"x{number}" for number in range(5))])


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.GIVEN_UP},
        {"checkpoint": Checkpoint(Step.CLAIMED)},
        {"checkpoint": Checkpoint(Step.SIGNING, {"csr": "", "request_id": "r1"})},
        {"checkpoint": Checkpoint(Step.MERGING, memory())},
    ],
)
def test_what_no_longer_waits_is_neither_listed_nor_shown_nor_taken(changes: dict[str, Any]) -> None:
    """The claim decides, not the mark in the inventory: closed, begun anew, at another CA, being merged."""
    world = scene(**changes)
    api = Api(world)
    assert api.call("list_requests").one("items") == []
    assert api.call("get_request", "kv-orders", "web").status == 404
    assert slug(post(world, WHOLE)) == (409, "nothing-waits")


def test_a_gone_certificate_asks_for_nothing() -> None:
    """What its vault no longer has is not listed."""
    world = scene()
    (stored,) = world.tables.inventory.select(Query()).items
    world.tables.inventory.put(replace(stored.value, gone=NOW))
    assert Api(world).call("list_requests").one("items") == []


def test_a_chain_is_kept_and_a_look_is_queued() -> None:
    """202: in the claim, its step due now, its holder's save void; the history tells who brought it; one look."""
    world = scene(held_until=NOW + timedelta(minutes=5))
    found = post(world, pem(*reversed(ISSUING.line), LEAF, signer("Stranger", NOW).certificate))
    assert (found.status, found.one("state"), found.one("waits_for")) == (202, "received", None)
    assert found.one("chain") == ["CN=web.example", "CN=Corp Issuing CA", "CN=Corp Root"]
    assert found.one("unused") == ["CN=Stranger"]
    after = row(world)
    assert (after.next_step, after.earliest, after.held_until) == (NOW, NOW, None)
    kept = signing.request_of(after)
    assert kept
    assert [x509.load_der_x509_certificate(der) for der in kept.chain] == [LEAF, *ISSUING.line]
    (record,) = [one.value for one in world.tables.history.select(Query()).items]
    assert (record.kind, record.actor, record.version) == (HistoryKind.CHAIN_RECEIVED, "api (agent)", after.replacing)
    assert isinstance(world.queues, MemoryQueues)
    assert [look.cause for look in world.queues.looks] == ["chain-received"]
    api = Api(world)
    assert api.call("list_requests").one("items") == []
    assert api.call("get_request", "kv-orders", "web").one("received") == "2026-11-24T08:00:00Z"


def test_the_same_chain_again_is_the_same_answer() -> None:
    """200, in another form too; nothing is written."""
    world = scene()
    post(world, WHOLE)
    before = row(world)
    found = post(world, p7b(*ISSUING.line, LEAF))
    assert (found.status, found.one("state")) == (200, "received")
    assert row(world) == before
    assert isinstance(world.queues, MemoryQueues)
    assert len(world.queues.looks) == 1


def test_after_the_merge_it_is_still_the_same_answer() -> None:
    """Whoever missed the answer hears that it is merged, and as which version."""
    world = scene()
    found = post(world, WHOLE)
    ended = Checkpoint(Step.MERGING, {"leaf": found.one("sha256")})
    world.tables.renewals.put(replace(row(world), checkpoint=ended, outcome=Outcome.ISSUED, new_version="v2"))
    again = post(world, WHOLE)
    assert (again.status, again.one("state"), again.one("new_version")) == (200, "merged", "v2")
    assert again.one("sha256") == found.one("sha256")


def test_another_chain_for_the_same_csr_is_refused() -> None:
    """409, with the leaf that is there."""
    world = scene()
    sha256 = post(world, WHOLE).one("sha256")
    refused = post(world, pem(issue(ISSUING, CSR, NOW), *ISSUING.line))
    assert slug(refused) == (409, "already-answered")
    assert sha256 in refused.one("detail")


def test_what_keeps_it_from_being_merged_is_said() -> None:
    """Under the switch it is taken, and the answer says that it waits."""
    world = scene()
    Api(world).call("put_mode", body={"mode": "observe", "reason": "incident"})
    found = post(world, WHOLE)
    assert (found.status, found.one("waits_for", "code")) == (202, "kill-switch")


def test_a_vault_that_the_settings_no_longer_name_takes_no_chain() -> None:
    """409: nobody would merge it."""
    world = scene()
    assert slug(post(replace(world, settings=replace(world.settings, vaults={})), WHOLE)) == (409, "not-ours")


def test_an_unknown_certificate_is_not_found() -> None:
    """404, shown or posted to."""
    world = scene()
    assert post(world, WHOLE, replace(WEB, name="none")).status == 404
    assert Api(world).call("get_request", "kv-orders", "none").status == 404


class Interrupted:
    """The table of claims, in which somebody else is quicker at the first saves."""

    def __init__(self, table: Table[Renewal], theirs: Renewal, times: int) -> None:
        self._table, self._theirs, self._times = table, theirs, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def save(self, stored: Stored[Renewal]) -> Stored[Renewal]:
        """Let the other one in first."""
        if self._times:
            self._times -= 1
            self._table.put(self._theirs)
            raise Changed
        return self._table.save(stored)


def interrupted(world: World, theirs: Renewal, times: int = 1) -> World:
    """Return the world with an interrupted table of claims."""
    table: Any = Interrupted(world.tables.renewals, theirs, times)
    return replace(world, tables=replace(world.tables, renewals=table))


def test_a_lost_race_is_judged_again() -> None:
    """A look saved the claim in between: the chain is put into the row as it is by then."""
    world = scene()
    theirs = replace(row(world), failures=3)
    assert post(interrupted(world, theirs), WHOLE).status == 202
    assert row(world).failures == 3
    closed = replace(theirs, outcome=Outcome.GIVEN_UP)
    world = scene()
    assert slug(post(interrupted(world, closed), WHOLE)) == (409, "nothing-waits")


def test_two_who_post_the_same_at_once_both_succeed() -> None:
    """The slower one finds its own chain there."""
    world = scene()
    theirs = signing.answered(row(world), (LEAF.public_bytes(Encoding.DER),), NOW)
    assert post(interrupted(world, theirs), WHOLE).status == 200


def test_a_race_that_is_always_lost_is_said_so() -> None:
    """409 after five tries."""
    world = scene()
    assert slug(post(interrupted(world, row(world), 99), WHOLE)) == (409, "changed")
