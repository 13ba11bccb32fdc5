"""A person's request to renew is stored first, then looked at; what would wait for ever is declined."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.model.certificate import CertificateRef, IssuancePolicy
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.model.renewal import Checkpoint, Outcome, Step
from perennial.ports.tables import Query
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, WATCHED, WEB, claim, stock
from tests.memory.queue import MemoryQueues
from tests.memory.world import make_world
from tests.workflows.racing import raced

ASK: dict[str, Any] = {"reason": "key may have leaked"}


def row(world: World, ref: CertificateRef = WEB) -> Entry:
    """Return a certificate's row."""
    stored = world.tables.inventory.get(ref.vault, ref.name)
    assert stored
    return stored.value


def sent(world: World) -> list[Look]:
    """Return the looks that were queued."""
    assert isinstance(world.queues, MemoryQueues)
    return world.queues.looks


def test_a_request_is_stored_and_a_look_queued() -> None:
    """202 with Location; the row holds reason, actor, time and version, and is due soon and to be read."""
    world = make_world(NOW)
    entry = stock(world, left=50 * DAY)
    found = Api(world).call("renew_certificate", "KV-Orders", "web", body=ASK, actor="ada")
    assert (found.status, found.headers["Location"]) == (202, "/api/certificates/kv-orders/web")
    after = row(world)
    assert after.request
    assert entry.version
    assert (after.request.reason, after.request.actor, after.request.at, after.request.version) == (
        "key may have leaked",
        "api (ada)",
        NOW,
        entry.version.id,
    )
    assert (after.next_check, after.read_at) == (NOW + timedelta(minutes=1), NOW)
    assert sent(world) == [Look(certificate=WEB, cause="requested")]
    assert found.one("expected", "reason", "code") == "requested"


def test_a_request_is_written_into_the_history() -> None:
    """Who asked, when and why can be read later."""
    world = make_world(NOW)
    stocked = stock(world, left=50 * DAY)
    assert stocked.version is not None
    version = stocked.version.id
    Api(world).call("renew_certificate", "kv-orders", "web", body=ASK)
    records = [stored.value for stored in world.tables.history.select(Query()).items]
    assert records == [
        Record(
            certificate=WEB,
            id=digest(str(WEB), version, NOW.isoformat(), HistoryKind.REQUESTED),
            at=NOW,
            kind=HistoryKind.REQUESTED,
            trigger="api",
            actor="api",
            version=version,
            reason="key may have leaked",
        )
    ]


@pytest.mark.parametrize(("force", "decision"), [(True, "renew"), (False, "wait-until")])
def test_force_passes_the_due_date(*, force: bool, decision: str) -> None:
    """Not yet due: with force it would be renewed now, without it waits; both are stored."""
    world = make_world(NOW)
    stock(world, left=290 * DAY)
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK | {"force": force})
    assert (found.status, found.one("expected", "decision")) == (202, decision)
    assert row(world).request


@pytest.mark.parametrize(("accept", "decision"), [(True, "renew"), (False, "ask-human")])
def test_accept_policy_passes_a_mismatch(*, accept: bool, decision: str) -> None:
    """A policy that does not match needs to be accepted; else the answer says what a look would say."""
    world = make_world(NOW)
    stock(world, left=50 * DAY, policy=IssuancePolicy(issuer="Self", subject="CN=b", names=("b",), fingerprint="f"))
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK | {"accept_policy": accept})
    assert (found.status, found.one("expected", "decision")) == (202, decision)


def test_a_request_reopens_what_was_given_up() -> None:
    """After a permanent refusal a person's request is expected to begin again; without one it is not."""
    world = make_world(NOW)
    entry = stock(world, left=50 * DAY)
    claim(world, entry, outcome=Outcome.GIVEN_UP, closed=NOW - DAY, error="no")
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK)
    assert found.one("expected", "reason", "code") == "requested"


def test_the_switch_only_delays_a_request() -> None:
    """While the switch stands on observe a request is stored and waits for it."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    Api(world).call("put_mode", body={"mode": "observe", "reason": "incident"})
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK)
    assert (found.status, found.one("expected", "reason", "code")) == (202, "kill-switch")


@pytest.mark.parametrize(
    ("ref", "changes", "slug"),
    [
        (WATCHED, {}, "observed"),
        (replace(WEB, vault="kv-former"), {}, "observed"),
        (WEB, {"tags": {"perennial-renew": "never"}}, "never"),
        (WEB, {"enabled": False}, "disabled"),
        (WEB, {"tags": {"Acmebot": "x"}}, "foreign-manager"),
        (WEB, {"gone": NOW - DAY}, "gone"),
    ],
)
def test_what_would_wait_for_ever_is_declined(ref: CertificateRef, changes: dict[str, Any], slug: str) -> None:
    """409 with what to do; nothing is stored, but the vault is read again, since the person may just have mended it."""
    world = make_world(NOW)
    stock(world, ref, left=50 * DAY, **changes)
    found = Api(world).call("renew_certificate", ref.vault, ref.name, body=ASK | {"force": True})
    assert (found.status, found.one("type")) == (409, f"urn:perennial:problem:{slug}")
    assert "send the request again" in found.one("fix")
    assert row(world, ref).request is None
    assert row(world, ref).read_at == NOW
    assert [look.cause for look in sent(world)] == ["asked-in-vain"]


def test_a_certificates_own_tag_lets_it_pass_in_an_observed_vault() -> None:
    """perennial-renew: always makes a request possible where the vault is only observed."""
    world = make_world(NOW)
    stock(world, WATCHED, left=50 * DAY, tags={"perennial-renew": "always"})
    assert Api(world).call("renew_certificate", "kv-watched", "intranet", body=ASK).status == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": " \t "}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": 1}, "reason"),
        ({"reason": "why", "force": "yes"}, "force"),
        ({"reason": "why", "when": "now"}, "when"),
        ([], ""),
        (None, "reason"),
    ],
)
def test_a_wrong_body_is_refused_by_the_members_name(body: object, field: str) -> None:
    """400 with the member that is wrong; nothing is stored and nothing queued."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=body)
    assert (found.status, found.body.get("field", "")) == (400, field)
    assert (row(world).request, sent(world)) == (None, [])


@pytest.mark.parametrize("actor", ["x" * 81, "a\nb"])
def test_an_actor_that_is_no_name_is_refused(actor: str) -> None:
    """400 naming the header."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK, actor=actor)
    assert (found.status, found.one("field")) == (400, "X-Perennial-Actor")


def test_an_unknown_certificate_is_not_found() -> None:
    """404, and no look is queued for a name that nobody has seen."""
    world = make_world(NOW)
    assert Api(world).call("renew_certificate", "kv-orders", "none", body=ASK).status == 404
    assert sent(world) == []


def test_what_is_under_way_is_expected_to_go_on() -> None:
    """The answer knows the open claim: a request begins no second renewal."""
    world = make_world(NOW)
    entry = stock(world, left=50 * DAY)
    claim(world, entry, checkpoint=Checkpoint(Step.WAITING))
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK)
    assert (found.status, found.one("expected", "reason", "code")) == (202, "going-on")


def test_what_has_no_version_yet_cannot_be_renewed() -> None:
    """409: nothing is there to be replaced."""
    world = make_world(NOW)
    world.tables.inventory.put(replace(stock(world), version=None))
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK)
    assert (found.status, found.one("type")) == (409, "urn:perennial:problem:gone")


@pytest.mark.parametrize(("times", "status"), [(4, 202), (5, 409)])
def test_a_row_that_others_write_is_tried_five_times(times: int, status: int) -> None:
    """Then whoever asks hears that somebody else was at work."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    busy = raced(world, "inventory", times=times)
    assert Api(busy).call("renew_certificate", "kv-orders", "web", body=ASK).status == status


def test_a_version_that_is_not_finished_cannot_be_renewed() -> None:
    """409: whoever makes it is still at work."""
    world = make_world(NOW)
    entry = stock(world, left=50 * DAY)
    assert entry.version is not None
    world.tables.inventory.put(replace(entry, version=replace(entry.version, leaf=None)))
    found = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK | {"force": True})
    assert (found.status, found.one("type")) == (409, "urn:perennial:problem:unfinished")


def test_nothing_is_forced_or_accepted_unless_somebody_says_so() -> None:
    """Both are left out."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    shown = Api(world).call("renew_certificate", "kv-orders", "web", body=ASK).one("request")
    assert (shown["force"], shown["accept_policy"]) == (False, False)
