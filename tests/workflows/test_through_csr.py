"""Renewing through a CSR: three calls to the vault, checks before the merge, and the seam that an authority needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.errors import Forbidden, IssuerError
from perennial.model.certificate import IssuancePolicy, IssuerClass
from perennial.model.history import HistoryKind
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Asked, Outcome, Step
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW, SELF, UNKNOWN, WWW, place
from tests.workflows.rows import rewrite


def stage(authority: SlowAuthority, policy: IssuancePolicy = UNKNOWN) -> Stage:
    """Return a stage whose certificate names the slow CA by its tag."""
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW}, authorities={"slow": authority}, events=False)
    on.subscribe()
    place(on, policy=policy, tags={"perennial-issuer": "slow"}, issuer_class=IssuerClass.PRIVATE)
    return on


def test_three_calls_however_many_looks() -> None:
    """GET, create, merge, whose answer is the read-back: the looks in between read tables only."""
    on = stage(SlowAuthority())
    on.ticking = False
    on.look("www")
    for _ in range(40):
        on.run(timedelta(hours=2))
        on.look("www")
    assert dict(on.vaults.calls) == {"get": 1, "create": 1, "merge": 1}
    assert len(on.vaults.versions(WWW)) == 2
    assert on.claims("www")[0].outcome is Outcome.ISSUED


@pytest.mark.parametrize("spoil", ["key", "names", "expired", "chain"])
def test_a_bad_chain_is_never_merged(spoil: str) -> None:
    """Another key, a lost name, a dead certificate, a stranger's chain: refused before the merge, told, and tried again with the same CSR."""
    authority = SlowAuthority(spoil=spoil)
    on = stage(authority)
    on.look("www")
    on.run(3 * DAY)
    assert on.vaults.calls["merge"] == 0
    (claim,) = on.claims("www")
    assert claim.failures >= 1
    assert "bad-chain" in claim.error
    assert on.told("renewal-failed")
    assert len(authority.orders) == 1
    authority.spoil = ""
    on.run(4 * DAY)
    assert len(on.vaults.versions(WWW)) == 2
    assert on.vaults.calls["create"] == 1


def test_a_policy_that_asks_another_ca_gives_no_csr() -> None:
    """A policy whose issuer is not Unknown is a person's to mend; the mended policy reopens the claim."""
    on = stage(SlowAuthority(), replace(SELF, issuer="DigiCert"))
    on.vaults.add_issuer("DigiCert")
    entry = on.look("www")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.GIVEN_UP
    assert "set the issuer" in entry.reason.sentence
    assert on.vaults.calls["create"] == 0
    on.vaults.set_policy(WWW, replace(UNKNOWN, fingerprint="mended"))
    on.run(5 * DAY)
    assert len(on.vaults.versions(WWW)) == 2
    assert HistoryKind.REOPENED in {row.kind for row in on.history("www")}


def test_a_refusing_authority_climbs_the_ladder_and_keeps_its_csr() -> None:
    """Its failure is a rung; the CSR is used again when it recovers."""
    authority = SlowAuthority(refuses=IssuerError("rateLimited", "too many", retry_after=timedelta(hours=3)))
    on = stage(authority)
    on.look("www")
    (claim,) = on.claims("www")
    assert claim.next_step == NOW + timedelta(hours=3)
    assert claim.checkpoint.step is Step.SIGNING
    authority.refuses = None
    on.run(4 * DAY)
    assert on.vaults.calls["create"] == 1
    assert len(on.vaults.versions(WWW)) == 2


def test_a_foreign_csr_is_never_touched() -> None:
    """Somebody's CSR may be at a CA: it is neither adopted nor merged nor deleted, and a person is asked."""
    on = stage(SlowAuthority())
    foreign = on.vaults.begin_foreign_operation(WWW)
    entry = on.look("www")
    on.run(2 * DAY)
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.FOREIGN_PENDING
    assert (on.vaults.calls["discard"], on.vaults.calls["merge"]) == (0, 0)
    pending = on.vaults.pending(WWW)
    assert pending is not None
    assert pending.request_id == foreign.request_id


def test_two_looks_at_once_resume_one_operation() -> None:
    """A second worker finds the claim held, or its step not due: one order, one merge."""
    authority = SlowAuthority()
    on = stage(authority)
    for _ in range(30):
        on.look("www")
        on.look("www")
        on.run(timedelta(hours=2))
    assert len(authority.orders) == 1
    assert on.vaults.calls["merge"] == 1


def test_our_csr_is_discarded_when_somebody_else_renewed() -> None:
    """A person discards our operation and imports: the claim ends as superseded, and the authority may undo its order."""
    authority = SlowAuthority()
    on = stage(authority)
    on.look("www")
    on.vaults.shelf.names[WWW].pending = None
    version = on.vaults.import_certificate(
        WWW, on.now, on.now + 90 * DAY, policy=UNKNOWN, issuer_class=IssuerClass.PRIVATE
    )
    on.look("www", version=version.id)
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.SUPERSEDED
    assert authority.abandoned == 1


def test_our_csr_stays_where_its_vault_is_only_observed_by_then_and_goes_when_it_may() -> None:
    """Superseded while nothing may be written: the claim remembers, and a look discards it once the vault is ours again."""
    on = stage(SlowAuthority())
    on.look("www")
    pending = on.vaults.shelf.names[WWW].pending
    on.vaults.shelf.names[WWW].pending = None
    version = on.vaults.import_certificate(
        WWW, on.now, on.now + 90 * DAY, policy=UNKNOWN, issuer_class=IssuerClass.PRIVATE
    )
    on.vaults.shelf.names[WWW].pending = pending
    on.settings = replace(on.settings, vaults={"kv-orders": Mode.OBSERVE})
    on.look("www", version=version.id)
    (claim,) = on.claims("www")
    assert (claim.outcome, claim.untidy) == (Outcome.SUPERSEDED, True)
    on.look("www")
    assert on.vaults.calls["discard"] == 0
    on.settings = replace(on.settings, vaults={"kv-orders": Mode.RENEW})
    on.look("www")
    assert on.vaults.calls["discard"] == 1
    assert on.claims("www")[0].untidy is False


def refused_for_good() -> tuple[Stage, SlowAuthority]:
    """Return a stage whose claim was given up while our CSR waits in the vault."""
    authority = SlowAuthority(refuses=IssuerError("unauthorized", "no such account", fix="mend it", permanent=True))
    on = stage(authority)
    entry = on.look("www")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.GIVEN_UP
    authority.refuses = None
    return on, authority


def test_a_reopened_claim_goes_on_with_the_csr_that_it_left() -> None:
    """Its operation is still ours, not somebody else's that would be in the way for ever."""
    on, authority = refused_for_good()
    ask(on)
    on.run(5 * DAY)
    assert len(on.vaults.versions(WWW)) == 2
    assert (len(on.vaults.creates), on.vaults.calls["discard"], len(authority.orders)) == (1, 0, 1)


def test_a_reopened_claim_replaces_a_csr_that_nobody_will_sign() -> None:
    """The policy now asks a CA of the vault's own: our CSR makes way, and the vault renews."""
    on, _ = refused_for_good()
    on.vaults.set_policy(WWW, replace(SELF, fingerprint="by the vault"))
    on.vaults.set_tags(WWW, {"perennial-renew": "always"})
    ask(on, accept_policy=True)
    on.run(DAY)
    assert len(on.vaults.versions(WWW)) == 2
    assert on.vaults.calls["discard"] == 1


def test_a_merge_that_a_firewall_refused_is_made_again() -> None:
    """The chain is as good as before: no second order, no operation that seems to be somebody else's."""
    authority = SlowAuthority()
    on = stage(authority)
    on.vaults.fail_next("merge", Forbidden("kv-orders", "the firewall refused", code="ForbiddenByFirewall"))
    on.look("www")
    on.run(4 * DAY)
    assert len(on.vaults.versions(WWW)) == 2
    assert (len(on.vaults.creates), len(authority.orders), on.vaults.calls["merge"]) == (1, 1, 2)


def ask(on: Stage, **changes: bool) -> None:
    """Let a person ask for a renewal now."""
    on.run(timedelta(seconds=1))
    version = on.vaults.versions(WWW)[-1].id
    asked = Asked(reason="mended", actor="ada", at=on.now, version=version, **changes)
    rewrite(on, request=asked, read_at=on.now)
    on.look("www", "requested")
