"""What stands in the rows after a story: each column that somebody reads later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.errors import Forbidden, Throttled, Unreachable, VaultError
from perennial.model.certificate import CertificateRef, Operation
from perennial.model.history import HistoryKind, Record
from perennial.model.inventory import VaultRow
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Asked, Outcome
from perennial.workflows import vault_state
from perennial.workflows.sight import fleet_row
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, SELF, WWW, stage
from tests.workflows.rows import rewrite, rewrite_fleet, rewrite_vault

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def records(on: Stage, kind: HistoryKind) -> list[Record]:
    """Return the records of a kind, newest first."""
    return [row for row in on.history("www") if row.kind is kind]


def only(on: Stage, kind: HistoryKind) -> Record:
    """Return the one record of a kind."""
    (row,) = records(on, kind)
    return row


def vault_row(on: Stage) -> VaultRow:
    """Return the vault's row."""
    return vault_state.row_of(on.world(), "kv-orders").value


def test_the_history_of_a_renewal() -> None:
    """First seen, claimed, sent, new, issued: each with its versions, its actor and its reason."""
    on = stage()
    (old,) = on.vaults.versions(WWW)
    on.look("www")
    on.run(5 * MINUTE)
    new = on.vaults.versions(WWW)[-1]
    assert old.leaf is not None
    assert new.leaf is not None
    first, claimed, fresh = (
        only(on, kind) for kind in (HistoryKind.FIRST_SEEN, HistoryKind.CLAIMED, HistoryKind.NEW_VERSION)
    )
    assert (first.version, first.new_version, first.thumbprint) == ("", old.id, old.leaf.sha256)
    assert (claimed.version, claimed.trigger, claimed.actor) == (old.id, ReasonCode.DUE, "perennial")
    assert "due since" in claimed.reason
    assert (fresh.version, fresh.new_version, fresh.thumbprint) == (old.id, new.id, new.leaf.sha256)
    assert fresh.actor == "perennial"
    issued = only(on, HistoryKind.ISSUED)
    assert (issued.version, issued.new_version, issued.trigger) == (old.id, new.id, ReasonCode.DUE)
    assert (issued.actor, issued.thumbprint) == ("perennial", new.leaf.sha256)
    closed = on.claims("www")[0].closed
    assert closed is not None
    assert issued.seconds == (closed - NOW).total_seconds()


def test_the_claim_and_the_certificate_after_a_renewal() -> None:
    """Who, why and for which life; the row remembers the version before, and when the loop guard began."""
    on = stage()
    (old,) = on.vaults.versions(WWW)
    on.look("www")
    on.run(5 * MINUTE)
    (claim,) = on.claims("www")
    assert (claim.outcome, claim.held_until, claim.waiting, claim.untidy) == (Outcome.ISSUED, None, None, False)
    assert (claim.automatic, claim.actor, claim.lifetime_seconds) == (True, "perennial", 90 * 86400)
    entry = on.entry("www")
    assert (entry.previous, entry.last_issued) == (old.id, claim.closed)
    assert entry.foreign_versions == ()


def test_a_persons_renewal_is_in_a_persons_name() -> None:
    """Claimed by who asked, not counted for the brake, no start of the loop guard; the request is spent."""
    on = stage(left=80 * DAY)
    entry = on.look("www")
    assert entry.version is not None
    request = Asked(reason="key", actor="ada", at=NOW, version=entry.version.id, force=True)
    rewrite(on, request=request)
    on.look("www")
    on.run(5 * MINUTE)
    (claim,) = on.claims("www")
    assert (claim.automatic, claim.actor, claim.outcome) == (False, "ada", Outcome.ISSUED)
    assert fleet_row(on.world()).value.renewals_today == 0
    assert (on.entry("www").request, on.entry("www").last_issued) == (None, None)


def test_an_automatic_renewal_is_counted_and_a_new_day_begins_at_one() -> None:
    """For the brake, by day."""
    on = stage()
    rewrite_fleet(on, day=NOW.date() - DAY, renewals_today=7)
    on.look("www")
    fleet = fleet_row(on.world()).value
    assert (fleet.day, fleet.renewals_today) == (NOW.date(), 1)


def test_a_strangers_version_is_remembered_as_foreign() -> None:
    """The last two of them, by when they were made; nobody is named as their author."""
    on = stage(left=80 * DAY)
    on.look("www")
    made = []
    for number in (1, 2, 3):
        on.now = NOW + number * HOUR
        made.append(on.vaults.import_certificate(WWW, on.now - DAY, on.now + 89 * DAY, policy=SELF))
        on.run(2 * MINUTE)
    assert on.entry("www").foreign_versions == tuple(one.created for one in made[-2:])
    assert {row.actor for row in records(on, HistoryKind.NEW_VERSION)} == {""}


@pytest.mark.parametrize(
    ("error", "why", "wait", "fix"),
    [
        (Throttled("kv-orders", "slow down"), "throttled: ", 10 * SECOND, "nothing: it is tried again"),
        (Forbidden("kv-orders", "no", code="ForbiddenByFirewall"), "forbidden: ", 15 * MINUTE, "firewall"),
        (Forbidden("kv-orders", "no", code="ForbiddenByRbac"), "forbidden: ", 15 * MINUTE, "assign Perennial's role"),
        (Unreachable("kv-orders", "DNS"), "unreachable: ", 15 * MINUTE, "check that the vault exists"),
    ],
)
def test_a_refusal_closes_the_vaults_row_and_a_success_opens_it(
    error: VaultError, why: str, wait: timedelta, fix: str
) -> None:
    """Why, since when, until when, and looked at again then; afterwards only the instant of the closure stays."""
    on = stage()
    world = on.world()
    far = rewrite_vault(on, next_check=NOW + DAY)
    closed = vault_state.refused(world, far, error, NOW)
    row = vault_row(on)
    assert closed.value == row
    assert (row.closed_until, row.closed_at, row.closures) == (NOW + wait, NOW, 1)
    assert row.closed_why == f"{why}{error.what}"
    assert row.next_check == NOW + wait
    assert fix in vault_state.fix_of(error)
    vault_state.succeeded(world, closed)
    row = vault_row(on)
    assert (row.closed_until, row.closed_at, row.closures, row.closed_why) == (None, NOW, 0, "")


def test_a_success_where_nothing_was_closed_writes_nothing() -> None:
    """An open vault's row costs no write."""
    on = stage()
    stored = vault_state.row_of(on.world(), "kv-orders")
    assert vault_state.succeeded(on.world(), stored) is stored
    assert vault_state.row_of(on.world(), "kv-orders").etag == stored.etag


def test_trouble_is_told_once_an_occasion() -> None:
    """A second refusal in a row is not told again; after a success the next one is another occasion."""
    on = stage()
    refusal = Forbidden("kv-orders", "no role", code="ForbiddenByRbac")
    stored = vault_state.row_of(on.world(), "kv-orders")
    for number in range(2):
        on.now = NOW + number * HOUR
        stored = vault_state.refused(on.world(), stored, refusal, on.now)
    stored = vault_state.succeeded(on.world(), stored)
    on.now = NOW + 3 * HOUR
    vault_state.refused(on.world(), stored, refusal, on.now)
    on.run(MINUTE)
    assert len(set(on.told("action-needed", code="vault-trouble"))) == 2


def test_creates_of_a_vault_take_turns_a_second_apart() -> None:
    """The first is let through, the second is told its instant, and at that instant it is let through."""
    on = stage()
    assert vault_state.take_turn(on.world(), "kv-orders") is None
    assert vault_state.take_turn(on.world(), "kv-orders") == NOW + SECOND
    on.now = NOW + SECOND
    assert vault_state.take_turn(on.world(), "kv-orders") is None


def test_a_create_that_must_wait_says_so_in_its_claim() -> None:
    """Paced: no failure, let go until its own place within the minute, and a look is queued for the second after."""
    on = stage(events=False)
    on.look("other")  # makes the vault's row
    vault_state.take_turn(on.world(), "kv-orders")
    entry = on.look("www")
    (claim,) = on.claims("www")
    assert claim.waiting is not None
    assert claim.waiting.code is ReasonCode.PACED
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.PACED
    assert (claim.held_until, claim.failures) == (None, 0)
    assert NOW + SECOND <= claim.next_step == claim.earliest <= NOW + SECOND + MINUTE
    assert [delay for message, delay in on.queues.sent if delay] == [claim.next_step - NOW + SECOND] * (
        claim.next_step - NOW < MINUTE
    )


def test_a_vault_that_refuses_a_create_is_no_failure_of_the_renewal() -> None:
    """The claim says that the vault is closed and why, keeps no intent, and goes on when the vault opens."""
    on = stage(events=False)
    on.vaults.fail_next("create", Throttled("kv-orders", "slow down", retry_after=timedelta(seconds=90)))
    on.look("www")
    (claim,) = on.claims("www")
    assert claim.waiting is not None
    assert claim.waiting.code is ReasonCode.VAULT_CLOSED
    assert "slow down" in claim.waiting.facts["why"]
    assert (claim.failures, claim.held_until, claim.next_step) == (0, None, NOW + 90 * SECOND)
    on.run(HOUR)
    assert len(on.vaults.versions(WWW)) == 2


@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.SUPERSEDED])
def test_an_answer_that_comes_after_the_row_has_moved_is_added_to_it(outcome: Outcome) -> None:
    """The accepted request's id goes into the row as it is by then; one that was closed has its operation discarded."""
    on = stage(events=False)
    on.vaults.shelf.issuers["self"].delay = HOUR
    accepted = on.vaults.create

    def slow(certificate: CertificateRef, tags: Mapping[str, str]) -> Operation:
        """Create, and find that somebody else has written the row meanwhile."""
        operation = accepted(certificate, tags)
        (row,) = on.claims("www")
        closed = NOW if outcome is Outcome.SUPERSEDED else None
        on.tables.renewals.put(replace(row, fix="theirs", outcome=outcome, closed=closed))
        return operation

    vars(on.vaults)["create"] = slow
    on.look("www")
    (claim,) = on.claims("www")
    assert (len(claim.requests), claim.fix, claim.untidy) == (1, "theirs", False)
    assert on.vaults.calls["discard"] == (outcome is Outcome.SUPERSEDED)
    assert on.vaults.calls["create"] == 1
