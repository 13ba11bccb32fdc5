"""A list of CAs for one certificate: the next takes over in the save that records the failure, and it goes back to the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from perennial.errors import IssuerError
from perennial.model.history import HistoryKind
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Asked, Checkpoint, Issued, Outcome, Renewal, Step, Waiting
from perennial.ports.tables import Query
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, UNKNOWN, WWW
from tests.workflows.rows import rewrite
from tests.workflows.signed_stage import signed_stage

DOWN = IssuerError("ca-down", "503", fix="wait")
REFUSED = IssuerError("account-gone", "no such account", fix="ask for another account", permanent=True)
DUE = 29 * DAY  # of ninety: due, with twenty days until the floor


class Forever(SlowAuthority):
    """A CA that takes an order and never says anything else, asked again every two hours or as it says."""

    def __init__(self, again: timedelta = 2 * HOUR) -> None:
        super().__init__()
        self.again = again

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Wait."""
        reason = Reason(ReasonCode.IN_PROGRESS, {"issuer": "a CA", "what": "processing"})
        self.looked.append((now, ()))
        return Waiting(now + self.again, Checkpoint(Step.SIGNING, {"order": "7"}), reason)


def answering(refuses: IssuerError | None = None) -> SlowAuthority:
    """Return a CA that answers at once: with a certificate, or a refusal."""
    return SlowAuthority(prompt=True, refuses=refuses)


def the_claim(on: Stage) -> Renewal:
    """Return the newest claim."""
    return on.claims("www")[-1]


def bodies(on: Stage, kind: str) -> list[dict[str, object]]:
    """Return the data of the notices of a kind that were delivered."""
    return [msgspec.json.decode(one.delivery.body) for one in on.channel.sent if one.delivery.kind == kind]


def test_a_refusal_for_good_hands_over_at_once() -> None:
    """Within seconds, with the same CSR; told with who takes over, and written into the history."""
    on = signed_stage(left=DUE, first=answering(REFUSED))
    on.look("www")
    claim = the_claim(on)
    assert (claim.issuer, claim.refused, claim.outcome) == ("second", ("first",), Outcome.OPEN)
    assert (claim.checkpoint.step, set(claim.checkpoint.memory)) == (Step.SIGNING, {"csr", "request_id"})
    on.run(timedelta(minutes=1))
    assert the_claim(on).outcome is Outcome.ISSUED
    assert (on.vaults.calls["create"], on.vaults.calls["merge"]) == (1, 1)
    assert on.entry("www").issued_through == "second"
    (told,) = bodies(on, "renewal-failed")
    assert (told["issuer"], told["taken_over_by"], told["given_up"]) == ("first", "second", False)
    (row,) = [row for row in on.history("www") if row.kind is HistoryKind.FAILED_OVER]
    assert row.reason == "second takes over from first"
    assert "account-gone" in row.error


def test_the_next_renewal_begins_with_the_first_again() -> None:
    """A takeover lasts for one renewal."""
    first = answering(REFUSED)
    on = signed_stage(left=DUE, first=first)
    on.look("www")
    on.run(DAY)
    first.refuses = None
    on.run(70 * DAY)
    assert [claim.issuer for claim in on.claims("www")] == ["second", "first"]
    assert on.entry("www").issued_through == "first"


def test_it_is_given_up_only_when_all_have_refused(spoil: Callable[[Stage], None]) -> None:
    """The last refusal is a person's, and says what to do; a request begins anew with the first."""
    on = signed_stage(left=DUE, first=answering(REFUSED), second=answering(REFUSED))
    spoil(on)
    on.look("www")
    on.run(timedelta(minutes=5))
    claim = the_claim(on)
    assert (claim.outcome, claim.refused) == (Outcome.GIVEN_UP, ("first", "second")), "all have refused"
    entry = on.entry("www")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.GIVEN_UP
    on.run(3 * DAY)
    assert the_claim(on) == claim, "nothing begins it again by itself"
    on.vaults.set_tags(WWW, {"perennial-issuer": "second, first"})
    on.run(2 * DAY)
    assert the_claim(on).opened > claim.opened


def test_a_failure_that_may_pass_keeps_the_first_for_half_of_the_time() -> None:
    """The ladder goes on with it; then the second takes over, and the first is not asked any more."""
    first = answering(DOWN)
    on = signed_stage(left=DUE, first=first)
    on.look("www")
    on.run(9 * DAY)
    claim = the_claim(on)
    assert (claim.issuer, claim.outcome) == ("first", Outcome.OPEN)
    assert claim.failures > 8
    on.run(2 * DAY)
    assert (the_claim(on).issuer, the_claim(on).outcome) == ("second", Outcome.ISSUED)
    assert on.vaults.calls["create"] == 1


def test_a_retry_after_beyond_its_time_hands_over_at_once() -> None:
    """A CA that asks for two weeks cannot deliver in time."""
    on = signed_stage(left=DUE, first=answering(IssuerError("rate-limited", "429", retry_after=14 * DAY)))
    on.look("www")
    claim = the_claim(on)
    assert (claim.issuer, claim.resting) == ("second", {"first": NOW + 14 * DAY})
    on.run(timedelta(minutes=1))
    assert the_claim(on).outcome is Outcome.ISSUED


def test_two_that_are_down_are_asked_in_turn_and_not_without_end() -> None:
    """Under the floor each failure hands over, forward at once and round by the ladder: an hour at the most."""
    first, second = answering(DOWN), answering(DOWN)
    on = signed_stage(left=8 * DAY, first=first, second=second)
    on.look("www")
    on.run(2 * DAY)
    failures = the_claim(on).failures
    assert 90 < failures < 130, "two an hour, once the ladder has been climbed"
    second.refuses = None
    on.run(2 * HOUR)
    assert (the_claim(on).issuer, the_claim(on).outcome) == ("second", Outcome.ISSUED)


def test_a_retry_after_stands_when_its_turn_comes_round() -> None:
    """The second fails too; the first said when it may be asked again, and is not asked before."""
    first = answering(IssuerError("rate-limited", "429", retry_after=12 * DAY))
    second = answering(DOWN)
    on = signed_stage(left=DUE, first=first, second=second)
    on.look("www")
    first.refuses = None
    second.refuses = IssuerError("name-refused", "no", permanent=True)
    on.run(11 * DAY)
    assert not first.orders
    on.run(2 * DAY)
    assert (the_claim(on).issuer, the_claim(on).outcome) == ("first", Outcome.ISSUED)
    assert min(first.orders.values()) >= NOW + 12 * DAY


def test_an_issuer_that_only_lets_us_wait_is_left() -> None:
    """Never an error, never a certificate: after half of its time the next takes over, and the order is undone; our CSR stays."""
    first = Forever()
    on = signed_stage(left=DUE, first=first)
    on.look("www")
    on.run(9 * DAY)
    assert the_claim(on).issuer == "first"
    on.run(2 * DAY)
    assert (the_claim(on).issuer, the_claim(on).outcome) == ("second", Outcome.ISSUED)
    assert first.abandoned == 1
    assert (on.vaults.calls["create"], on.vaults.calls["discard"]) == (1, 0)
    (told,) = bodies(on, "renewal-failed")
    assert (told["taken_over_by"], str(told["error"]).split(":")[0]) == ("second", "too-slow")


def test_a_long_wait_is_cut_short_and_not_asked_before_its_time() -> None:
    """It wanted to be asked in a month: at half of its time the next takes over, without a question to the first."""
    first = Forever(again=30 * DAY)
    on = signed_stage(left=DUE, first=first)
    on.look("www")
    assert the_claim(on).next_step < NOW + 11 * DAY
    on.run(11 * DAY)
    assert [names for _, names in first.looked].count(()) == 1
    assert (the_claim(on).issuer, the_claim(on).outcome) == ("second", Outcome.ISSUED)


def test_a_person_may_have_a_cut_wait_asked_before() -> None:
    """A request takes the step at once; the wait is cut again at the same instant."""
    first = Forever(again=30 * DAY)
    on = signed_stage(left=DUE, first=first)
    on.look("www")
    cut = the_claim(on).next_step
    on.run(DAY)
    version = on.entry("www").version
    assert version is not None
    rewrite(on, request=Asked(reason="now", actor="ada", at=on.now, version=version.id, force=True))
    on.run(timedelta(seconds=1))
    on.look("www", "requested")
    assert [names for _, names in first.looked].count(()) == 2
    assert (the_claim(on).issuer, the_claim(on).next_step) == ("first", cut)


def test_a_long_wait_of_the_only_one_stays_as_it_is() -> None:
    """Nobody else is left."""
    on = signed_stage(left=DUE, issuers=("first",), first=Forever())
    on.look("www")
    assert the_claim(on).next_step == NOW + 2 * HOUR
    on.run(25 * DAY)
    assert the_claim(on).issuer == "first"
    assert the_claim(on).failures == 0


def test_what_the_vault_refuses_is_no_cas_refusal() -> None:
    """A create that the vault refuses for good it would refuse for every CA: given up at once, after one try."""
    on = signed_stage(left=DUE, policy=replace(UNKNOWN, issuer="Nobody"), tags={"perennial-issuer": "first second"})
    on.look("www")
    claim = the_claim(on)
    assert (claim.outcome, claim.refused, claim.issuer) == (Outcome.GIVEN_UP, (), "first")


def test_an_issuer_that_is_no_longer_set_up_is_left_at_the_next_step() -> None:
    """Its name means nothing any more: the list's first goes on."""
    on = signed_stage(left=DUE, first=answering(DOWN))
    on.look("www")
    on.authorities = {"second": answering()}
    on.run(HOUR)
    assert (the_claim(on).issuer, the_claim(on).outcome) == ("second", Outcome.ISSUED)


def test_a_claim_of_the_vault_goes_to_a_ca_when_its_policy_does() -> None:
    """Its own issuer fails and a person lets a CA sign instead: nothing was sent, so the next step is the CA's."""
    on = signed_stage(left=DUE, policy=replace(UNKNOWN, issuer="DigiCert"))
    on.vaults.add_issuer("DigiCert", failure=("Request rejected", "no funds"))
    on.look("www")
    on.run(HOUR)
    assert (the_claim(on).issuer, the_claim(on).checkpoint.step) == ("vault", Step.CLAIMED)
    on.vaults.set_policy(WWW, replace(UNKNOWN, fingerprint="by a CA"))
    on.look("www", sha1="another")
    on.run(HOUR)
    assert (the_claim(on).issuer, the_claim(on).outcome) == ("first", Outcome.ISSUED)


def test_a_vault_that_may_ask_no_ca_is_not_sent_a_create() -> None:
    """Its policy says Unknown by now and nobody signs: no CSR is begun that nobody would take."""
    on = signed_stage(left=DUE, issuers=(), policy=replace(UNKNOWN, issuer="DigiCert"))
    on.vaults.add_issuer("DigiCert", failure=("Request rejected", "no funds"))
    on.look("www")
    on.run(HOUR)
    creates = on.vaults.calls["create"]
    on.vaults.set_policy(WWW, replace(UNKNOWN, fingerprint="by nobody"))
    on.run(DAY)
    assert on.vaults.calls["create"] == creates
    assert "issuer-unknown" in the_claim(on).error


@pytest.mark.parametrize(("tag", "used"), [("other first", "first"), ("other", "")])
def test_an_issuer_that_nobody_knows_is_a_finding_long_before(tag: str, used: str) -> None:
    """Others of the list are used; alone it says so while the certificate is young."""
    on = signed_stage(tags={"perennial-issuer": tag})
    on.look("www")
    (found,) = [
        stored.value
        for stored in on.tables.findings.select(Query(partition="kv-orders")).items
        if stored.value.rule == "unknown-issuer"
    ]
    assert found.evidence == {"unknown": "other", "used": used or "none"}
    on.run(60 * DAY)
    assert [claim.issuer for claim in on.claims("www")] == ([used] if used else [])
