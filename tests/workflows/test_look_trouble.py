"""Looks that meet trouble: CAs, vaults, foreign operations, backups, floods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.errors import ChannelError, Forbidden, Unclear, Unreachable
from perennial.model.certificate import CertificateRef, IssuerClass, LifetimeAction
from perennial.model.history import HistoryKind
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Asked, Step
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, SELF, WWW, place, stage
from tests.workflows.rows import rewrite


def test_a_failing_ca_climbs_the_ladder_and_recovers(spoil: Callable[[Stage], None]) -> None:
    """Each failure is a rung and a notice; the recovery is told too, and there is one new version."""
    policy = replace(SELF, issuer="DigiCert")
    on = stage(policy=policy, issuer_class=IssuerClass.PUBLIC)
    ca = on.vaults.add_issuer("DigiCert", delay=timedelta(seconds=5), failure=("Request rejected", "the CA is down"))
    spoil(on)
    on.look("www")
    on.run(timedelta(minutes=30))
    (claim,) = on.claims("www")
    assert claim.failures == 3
    assert "the CA is down" in claim.error
    assert len(on.told("renewal-failed")) == 3, "each failure is told"
    assert on.entry("www").decision == "wait-until"
    ca.failure = None
    on.run(timedelta(hours=2))
    assert len(on.told("renewal-recovered")) == 1
    assert len(on.vaults.versions(WWW)) == 2


def test_an_unclear_create_is_asked_about_not_repeated() -> None:
    """A create that took effect and answered 503: the intent is found after its lease, the operation adopted, one version made."""
    on = stage(events=False)
    on.vaults.shelf.issuers["self"].delay = HOUR
    on.vaults.fail_next("create", Unclear("kv-orders", "503"), after_effect=True)
    on.look("www")
    (claim,) = on.claims("www")
    assert claim.checkpoint.step is Step.SENDING
    on.run(timedelta(hours=3))
    assert on.vaults.calls["create"] == 1
    assert len(on.vaults.versions(WWW)) == 2
    assert HistoryKind.ADOPTED in {row.kind for row in on.history("www")}


def test_an_unclear_create_that_was_not_sent_is_sent_again() -> None:
    """A create that was lost on its way: nothing is pending, so it is sent, once."""
    on = stage(events=False)
    on.vaults.fail_next("create", Unclear("kv-orders", "time-out"))
    on.look("www")
    on.run(timedelta(hours=2))
    assert on.vaults.calls["create"] == 2
    assert len(on.vaults.versions(WWW)) == 2


def test_a_foreign_operation_is_never_touched() -> None:
    """Somebody's pending operation: a person is asked; when it is gone, the renewal goes on."""
    on = stage(policy=replace(SELF, issuer="DigiCert"), issuer_class=IssuerClass.PUBLIC, events=False)
    on.vaults.add_issuer("DigiCert", delay=365 * DAY)
    on.look("www")  # reads the certificate, claims, and meets...
    assert on.vaults.calls["create"] == 1
    on = stage(policy=replace(SELF, issuer="DigiCert"), issuer_class=IssuerClass.PUBLIC, events=False)
    on.vaults.add_issuer("DigiCert", delay=timedelta(hours=30))
    on.vaults.begin_foreign_operation(WWW)
    entry = on.look("www")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.FOREIGN_PENDING
    on.run(timedelta(minutes=10))
    assert len(on.told("action-needed", about="kv-orders:www")) == 1
    on.run(DAY)
    assert on.vaults.calls["discard"] == 0
    assert len(on.vaults.versions(WWW)) == 1
    assert len(on.told("action-needed", about="kv-orders:www")) == 1


def test_a_throttled_vault_is_left_alone_and_nothing_is_lost() -> None:
    """429 closes the vault; the look goes on from the rows; the renewal comes when the vault answers again."""
    on = stage()
    on.look("www")
    on = stage()
    on.vaults.throttle("kv-orders", NOW + timedelta(minutes=10))
    entry = on.look("www")
    assert entry.next_check > NOW
    on.run(timedelta(minutes=9))
    assert on.vaults.calls["get"] < 20
    on.run(timedelta(hours=2))
    assert len(on.vaults.versions(WWW)) == 2
    assert on.claims("www")[0].failures == 0


@pytest.mark.parametrize(
    "error", [Forbidden("kv-orders", "no role", code="ForbiddenByRbac"), Unreachable("kv-orders", "DNS")]
)
def test_a_lost_role_or_vault_is_told_once(error: Forbidden | Unreachable) -> None:
    """A vault that a person must mend is told once an occasion, and looked at again every quarter of an hour."""
    on = stage()
    on.vaults.close("kv-orders", error)
    on.look("www")
    on.run(timedelta(hours=3))
    assert len(on.told("action-needed", code="vault-trouble")) == 1
    on.vaults.open("kv-orders")
    on.run(timedelta(hours=3))
    assert len(on.vaults.versions(WWW)) == 2


def test_a_deleted_certificate_is_gone() -> None:
    """404: its looks end, and a person is told once if it was managed."""
    on = stage(left=60 * DAY)
    on.look("www")
    on.vaults.delete(WWW)
    on.look("www", version="f" * 32)
    assert on.entry("www").gone is not None
    on.run(timedelta(minutes=10))
    assert len(on.told("action-needed", about="kv-orders:www")) == 1


def test_the_last_notice_of_a_certificate_that_is_gone_is_not_forgotten() -> None:
    """Its receiver is down when it is deleted: the notice is told when the receiver is back, hours later."""
    on = stage(left=60 * DAY)
    on.look("www")
    on.run(HOUR)
    on.channel.down = ChannelError("503")
    on.vaults.delete(WWW)
    on.look("www", version="f" * 32)
    on.run(3 * HOUR)
    assert not on.told("action-needed", about="kv-orders:www")
    on.channel.down = None
    on.run(DAY)
    assert len(on.told("action-needed", about="kv-orders:www")) == 1


def test_a_supervised_certificate_is_left_until_it_is_overdue() -> None:
    """Key Vault's own rotation is given its grace; then Perennial takes over, once."""
    auto = replace(SELF, action=LifetimeAction.AUTO_RENEW, trigger_percentage=80)
    on = stage(left=25 * DAY, policy=auto)
    on.vaults.shelf.rotates = False
    entry = on.look("www")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.SUPERVISED
    on.run(8 * DAY)
    assert on.vaults.calls["create"] == 0
    on.run(3 * DAY)
    assert len(on.vaults.versions(WWW)) == 2


def test_a_version_is_not_replaced_twice_when_a_backup_comes_back() -> None:
    """A replaced version that is current again is left to a person, who may reopen it."""
    on = stage(events=False)
    first = on.vaults.versions(WWW)[0]
    on.look("www")
    on.run(timedelta(minutes=5))
    assert len(on.vaults.versions(WWW)) == 2
    on.vaults.restore(WWW, first.id)
    entry = on.look("www", version="0" * 32)
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.REPLACED_VERSION_IS_BACK
    on.run(2 * DAY)
    assert on.vaults.calls["create"] == 1
    rewrite(on, request=Asked(reason="yes", actor="ada", at=on.now, version=first.id, force=True))
    on.look("www", "requested")
    assert on.vaults.calls["create"] == 2


def test_a_death_between_close_and_the_rows_write_is_made_up_for() -> None:
    """A claim closed as issued under a row that still names the old version: the look reads the vault before it asks a person."""
    on = stage(events=False)
    on.look("www")
    before = on.tables.inventory.get("kv-orders", "www")
    on.run(timedelta(minutes=5))
    assert before is not None
    after = on.tables.inventory.get("kv-orders", "www")
    assert after is not None
    on.tables.inventory.save(replace(after, value=before.value))
    entry = on.look("www")
    assert entry.version is not None
    assert entry.version.id == on.vaults.versions(WWW)[-1].id
    assert entry.decision == "wait-until"
    assert entry.last_issued is not None, "the loop guard knows of the renewal all the same"
    assert entry.last_issued == after.value.last_issued


def test_creates_are_paced_to_one_a_second_in_a_vault() -> None:
    """Forty due at once: at most one create in any second, and all are done."""
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW})
    on.settings = replace(on.settings, max_renewals_per_day=100)
    refs = [CertificateRef("kv-orders", f"c{number}") for number in range(40)]
    for ref in refs:
        place(on, ref)
    on.sweep()
    on.run(timedelta(hours=1))
    seconds = [at.replace(microsecond=0) for at, _ in on.vaults.creates]
    assert len(seconds) == len(set(seconds)) == 40
    assert all(len(on.vaults.versions(ref)) == 2 for ref in refs)


def test_the_brake_stops_a_flood_until_midnight() -> None:
    """More than the day's number: the rest waits for the next UTC day."""
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW})
    on.settings = replace(on.settings, max_renewals_per_day=5)
    for number in range(12):
        ref = CertificateRef("kv-orders", f"c{number}")
        place(on, ref)
    on.subscribe()
    on.sweep()
    on.run(timedelta(hours=6))
    assert len(on.vaults.creates) == 5
    assert len(on.told("action-needed", code="brake")) == 1
    (told,) = [sent.delivery.body for sent in on.channel.sent if '"code":"brake"' in sent.delivery.body]
    assert '"waiting":7' in told
    assert '"last_day":"2026-11-26"' in told
    on.run(timedelta(hours=12))
    assert len(on.vaults.creates) == 10


def test_each_rung_of_the_last_sixth_is_told_once() -> None:
    """A certificate that nothing renews: four rungs and its end, each told once, however often it is looked at."""
    on = stage(left=20 * DAY, policy=replace(SELF, issuer="Unknown"), events=False)
    on.run(timedelta(minutes=1))
    on.look("www")
    for _ in range(25):
        on.run(DAY)
        on.look("www")
    assert len(on.told("expiring")) == 4
    assert len(on.told("expired")) == 1
