"""What is written, logged and answered of a chain, and of a certificate that waits for none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from perennial.decisions import chains
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.inventory import Entry
from perennial.model.renewal import Checkpoint, Outcome, Step
from perennial.ports.tables import Query
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.requesting import CORP, CSR, ISSUING, LEAF, WHOLE, post, row, scene, slug, waits
from tests.api.stocking import DAY, NOW, WEB, stock
from tests.memory.signers import issue, pem, request
from tests.memory.world import SETTINGS, make_world

OTHER = pem(issue(ISSUING, request("web.example", "api.example"), NOW), *ISSUING.line)
CLOCK = timedelta(minutes=1)


def entry(world: World) -> Entry:
    """Return the certificate's row."""
    stored = world.tables.inventory.get("kv-orders", "web")
    assert stored is not None
    return stored.value


@pytest.mark.parametrize(
    ("before", "after"), [(NOW + DAY, NOW + CLOCK), (NOW + CLOCK / 2, NOW + CLOCK / 2), (NOW - DAY, NOW - DAY)]
)
def test_a_lost_look_is_made_up_for_in_a_minute(before: datetime, after: datetime) -> None:
    """The clock is brought forward, never back."""
    world = scene()
    world.tables.inventory.put(replace(entry(world), next_check=before))
    assert post(world, WHOLE).status == 202
    assert entry(world).next_check == after


def test_the_history_tells_who_brought_which_chain() -> None:
    """Under an id of its own leaf."""
    world = scene()
    sha256 = post(world, WHOLE).one("sha256")
    after = row(world)
    (record,) = [one.value for one in world.tables.history.select(Query()).items]
    assert record == Record(
        certificate=WEB,
        id=digest(str(WEB), after.replacing, sha256, HistoryKind.CHAIN_RECEIVED),
        at=NOW,
        kind=HistoryKind.CHAIN_RECEIVED,
        trigger="api",
        actor="api (agent)",
        version=after.replacing,
        thumbprint=sha256,
        facts={"certificates": "3"},
    )


def test_a_chain_that_is_refused_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Of what, by which word, and what was wrong."""
    refused = post(scene(), OTHER)
    (said,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "chain-refused"]
    assert said == {
        "event": "chain-refused",
        "certificate": "kv-orders/web",
        "code": "other-key",
        "what": refused.one("detail"),
    }


def test_only_a_chain_for_another_key_is_answered_with_the_csr() -> None:
    """What cannot be read, or ends too early, was for the right one, as far as one can see."""
    for raw in (b"hello", pem(LEAF, ISSUING.certificate)):
        assert "csr" not in post(scene(), raw).body
    assert post(scene(), OTHER).one("csr") == chains.pem(CSR)


def test_a_renewal_that_had_another_csr_before_is_said_so_of_another_key_alone() -> None:
    """With what to do; a chain that is wrong otherwise keeps its own word."""
    again = scene(requests=("r0", "r1"))
    replaced = post(again, OTHER)
    assert (slug(replaced), "have the CSR signed" in replaced.one("fix")) == ((409, "csr-replaced"), True)
    assert slug(post(again, pem(LEAF, ISSUING.certificate))) == (422, "incomplete-chain")


def test_a_certificate_without_a_claim_waits_for_nothing() -> None:
    """Listed, shown or posted to; the answer says what was decided, if anything was."""
    world = make_world(NOW, settings=replace(SETTINGS, authorities=(CORP,)))
    stocked = replace(stock(world), awaits_signature=True)
    world.tables.inventory.put(stocked)
    api = Api(world)
    assert api.call("list_requests").one("items") == []
    assert api.call("get_request", "kv-orders", "web").status == 404
    refused = post(world, WHOLE)
    assert stocked.reason is not None
    assert (slug(refused), refused.one("detail")) == (
        (409, "nothing-waits"),
        f"no CSR of kv-orders/web waits for a signature: {stocked.reason.sentence}",
    )
    world.tables.inventory.put(replace(stocked, reason=None))
    assert post(world, WHOLE).one("detail") == "no CSR of kv-orders/web waits for a signature"


def test_a_claim_that_was_given_up_does_not_have_the_chain_that_it_had() -> None:
    """The same chain again finds that nothing waits."""
    world = scene()
    ended = Checkpoint(Step.MERGING, {"leaf": post(world, WHOLE).one("sha256")})
    world.tables.renewals.put(replace(row(world), checkpoint=ended, outcome=Outcome.GIVEN_UP))
    assert slug(post(world, WHOLE)) == (409, "nothing-waits")


def test_after_the_merge_nothing_is_unused_and_nothing_waits() -> None:
    """The chain is the vault's now; until the new version is known there is none to show."""
    world = scene()
    found = post(world, WHOLE)
    assert (found.one("new_version"), found.one("unused")) == (None, [])
    ended = Checkpoint(Step.MERGING, {"leaf": found.one("sha256")})
    world.tables.renewals.put(replace(row(world), checkpoint=ended, outcome=Outcome.ISSUED))
    Api(world).call("put_mode", body={"mode": "observe", "reason": "incident"})
    again = post(world, WHOLE)
    assert (again.one("unused"), again.one("waits_for"), again.one("new_version")) == ([], None, None)


def test_only_marked_rows_are_read_for_the_list() -> None:
    """The mark in the inventory is a filter of the service; whose certificate it is stands beside."""
    world = scene()
    world.tables.inventory.put(replace(entry(world), owner="orders"))
    unmarked = waits(world, replace(WEB, name="unmarked"))
    world.tables.inventory.put(replace(unmarked, awaits_signature=False))
    (item,) = Api(world).call("list_requests").one("items")
    assert (item["certificate"], item["owner"]) == ("web", "orders")


def test_an_unknown_certificate_is_not_found_before_the_chain_is_read() -> None:
    """Nor before the vault is looked for in the settings."""
    world = scene()
    assert post(world, b"hello", replace(WEB, name="none")).status == 404
    bare = replace(world, settings=replace(world.settings, vaults={}))
    assert post(bare, WHOLE, replace(WEB, name="none")).status == 404
