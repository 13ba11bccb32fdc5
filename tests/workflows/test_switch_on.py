"""From observe to renew: what a person was not asked while nobody had chosen, they are asked when the vault is switched on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.model.certificate import CertificateRef, IssuerClass
from perennial.model.mode import Mode
from tests.memory.stage import Stage
from tests.workflows.looks import NOW, WWW, place


def observed() -> Stage:
    """Return a stage with an observed vault: one certificate that is due, one whose policy would make it something else."""
    on = Stage(NOW, vaults={"kv-orders": Mode.OBSERVE})
    on.jumps = False
    on.subscribe()
    for ref, issuer_class in (
        (WWW, IssuerClass.SELF_SIGNED),
        (CertificateRef("kv-orders", "shop"), IssuerClass.PUBLIC),
    ):
        place(on, ref, issuer_class=issuer_class)
    on.sweep()
    on.run(timedelta(minutes=30))
    return on


def test_nothing_is_written_or_asked_while_a_vault_is_observed() -> None:
    """Observed: a decision, no write, no question."""
    on = observed()
    assert on.entry("shop").decision == "ask-human"
    assert on.vaults.calls["create"] == 0
    assert not on.told("action-needed", about="kv-orders:shop")


def test_switching_a_vault_on_renews_what_is_due_and_asks_what_only_a_person_can_tell() -> None:
    """The changed mode walks the vault at once: the due one is renewed, the other's person is asked, within minutes."""
    on = observed()
    on.settings = replace(on.settings, vaults={"kv-orders": Mode.RENEW})
    on.run(timedelta(minutes=30))
    assert len(on.vaults.versions(WWW)) == 2
    assert len(on.told("action-needed", about="kv-orders:shop")) == 1
