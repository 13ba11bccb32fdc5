"""The contract of Vaults, clause by clause, while the service is well."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from perennial.errors import Busy, Refused
from perennial.model.certificate import RENEWAL_TAG, CertificateRef, IssuerClass, Listed, OperationState
from tests.contract.stages import Stage
from tests.memory import minting

VERSION = re.compile(r"[0-9a-f]{32}")
START = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = timedelta(days=90)


def listed(stage: Stage) -> list[Listed]:
    """Walk the whole list."""
    page = stage.vaults.page(stage.vault)
    items = list(page.items)
    while page.more is not None:
        page = stage.vaults.page(stage.vault, page.more)
        items += page.items
    return items


def test_get_returns_the_latest_version_with_its_facts(stage: Stage) -> None:
    """Name, dates, leaf, policy and tags are those of the certificate."""
    ref = stage.seed("Self")
    found = stage.vaults.get(ref)
    assert found is not None
    version, leaf = found.version, found.version.leaf
    assert leaf is not None
    assert found.ref == ref
    assert VERSION.fullmatch(version.id)
    assert (version.enabled, version.lifetime) == (True, QUARTER)
    assert leaf.names == (f"{ref.name}.example",)
    assert leaf.issuer_class is IssuerClass.SELF_SIGNED
    assert found.tags == {"owner": "ada"}
    assert (found.policy.issuer, found.policy.by_vault) == ("Self", True)


def test_get_of_a_name_that_does_not_exist_is_none(stage: Stage) -> None:
    """Neither a name that never was nor a deleted one."""
    assert stage.vaults.get(CertificateRef(stage.vault, "never-was")) is None
    ref = stage.seed()
    stage.delete(ref)
    assert stage.vaults.get(ref) is None


def test_get_of_an_unfinished_certificate_has_no_leaf(stage: Stage) -> None:
    """It exists from the moment of the create, disabled."""
    found = stage.vaults.get(stage.begin())
    assert found is not None
    assert (found.version.leaf, found.version.enabled) == (None, False)


def test_pending_is_none_where_there_is_none(stage: Stage) -> None:
    """An imported certificate has no operation, nor has a name that does not exist."""
    assert stage.vaults.pending(stage.seed()) is None
    assert stage.vaults.pending(CertificateRef(stage.vault, "never-was")) is None


def test_pending_shows_the_operation_and_its_csr(stage: Stage) -> None:
    """While it is in progress."""
    ref = stage.begin()
    found = stage.vaults.pending(ref)
    assert found is not None
    assert (found.state, found.issuer) == (OperationState.IN_PROGRESS, "Unknown")
    assert found.csr
    assert found.retry_after == timedelta(seconds=10)


def test_pending_by_request_id_shows_that_operation_only(stage: Stage) -> None:
    """Another's operation is none."""
    ref = stage.begin()
    found = stage.vaults.pending(ref)
    assert found is not None
    assert stage.vaults.pending(ref, found.request_id) == found
    assert stage.vaults.pending(ref, "0" * 32) is None


def test_pending_shows_finished_operations(stage: Stage) -> None:
    """A finished one stays, with its request id."""
    ref = stage.seed("Self")
    begun = stage.vaults.create(ref, {})
    stage.wait(ref)
    found = stage.vaults.pending(ref, begun.request_id)
    assert found is not None
    assert (found.state, found.retry_after) == (OperationState.COMPLETED, None)


def test_pages_list_every_finished_certificate(stage: Stage) -> None:
    """More than a page of them, each once, with thumbprint, dates and tags; unfinished ones are not listed."""
    refs = [stage.seed() for _ in range(27)]
    unfinished = stage.begin()
    found = {item.ref: item for item in listed(stage)}
    assert set(refs) <= set(found)
    assert unfinished not in found
    whole = stage.vaults.get(refs[3])
    assert whole is not None
    assert whole.version.leaf is not None
    item = found[refs[3]]
    assert (item.sha1, item.enabled, item.tags) == (whole.version.leaf.sha1, True, {"owner": "ada"})
    assert (item.created, item.not_before, item.not_after) == (
        whole.version.created,
        whole.version.not_before,
        whole.version.not_after,
    )


def test_page_refuses_a_continuation_that_is_none(stage: Stage) -> None:
    """One that no page gave; a host in it is not followed."""
    stage.seed()
    with pytest.raises(Refused):
        stage.vaults.page(stage.vault, "https://elsewhere.example/certificates?$skiptoken=x")


def test_create_begins_a_version_under_the_stored_policy(stage: Stage) -> None:
    """The operation is in progress; when it is done the version is another one, with our tags and the same policy."""
    ref = stage.seed("Self")
    before = stage.vaults.get(ref)
    assert before is not None
    begun = stage.vaults.create(ref, {"owner": "ada", RENEWAL_TAG: before.version.id})
    assert begun.state is OperationState.IN_PROGRESS
    assert VERSION.fullmatch(begun.request_id)
    stage.wait(ref)
    after = stage.vaults.get(ref)
    assert after is not None
    assert after.version.leaf is not None
    assert after.version.id != before.version.id
    assert after.version.created >= before.version.created
    assert after.version.made_for == before.version.id
    assert after.tags == {"owner": "ada", RENEWAL_TAG: before.version.id}
    assert after.policy == before.policy


def test_create_while_an_operation_is_pending_is_busy(stage: Stage) -> None:
    """The pending one stays as it is."""
    ref = stage.seed("Unknown")
    stage.interfere(ref)
    theirs = stage.vaults.pending(ref)
    with pytest.raises(Busy):
        stage.vaults.create(ref, {})
    assert stage.vaults.pending(ref) == theirs


def test_create_of_a_name_that_does_not_exist_is_refused(stage: Stage) -> None:
    """Without a stored policy there is nothing to create by, and nothing is."""
    ref = CertificateRef(stage.vault, "never-was")
    with pytest.raises(Refused):
        stage.vaults.create(ref, {})
    assert stage.vaults.get(ref) is None


def test_create_on_a_deleted_name_is_refused_and_not_busy(stage: Stage) -> None:
    """No waiting for an operation would help."""
    ref = stage.seed()
    stage.delete(ref)
    with pytest.raises(Refused, match="deleted"):
        stage.vaults.create(ref, {})


def test_merge_returns_the_new_version(stage: Stage) -> None:
    """The answer is the read-back: our leaf, our tags, the version that a GET shows."""
    ref = stage.seed("Unknown")
    begun = stage.vaults.create(ref, {"owner": "ada"})
    leaf = minting.signed(begun.csr, START, QUARTER)
    merged = stage.vaults.merge(ref, (leaf,), {"owner": "ada", "step": "merged"})
    assert merged.version.leaf is not None
    assert (merged.version.not_before, merged.version.lifetime) == (START, QUARTER)
    assert merged.version.leaf.names == (f"{ref.name}.example",)
    assert merged.version.leaf.issuer_class is IssuerClass.PRIVATE
    assert (merged.tags, merged.version.enabled) == ({"owner": "ada", "step": "merged"}, True)
    assert stage.vaults.get(ref) == merged


def test_merge_of_a_certificate_over_another_key_is_refused(stage: Stage) -> None:
    """The operation stays usable."""
    ref = stage.begin()
    foreign = minting.certificate(f"{ref.name}.example", (), START, START + QUARTER, number=7)
    with pytest.raises(Refused):
        stage.vaults.merge(ref, (foreign,), {})
    found = stage.vaults.pending(ref)
    assert found is not None
    assert found.state is OperationState.IN_PROGRESS


def test_merge_without_a_pending_operation_is_refused(stage: Stage) -> None:
    """There is no key to merge to."""
    ref = stage.seed("Unknown")
    leaf = minting.certificate("www.example", (), START, START + QUARTER)
    with pytest.raises(Refused):
        stage.vaults.merge(ref, (leaf,), {})


def test_discard_deletes_the_operation_whosever_it_is(stage: Stage) -> None:
    """Afterwards there is none, the certificate stays, and a new create is taken."""
    ref = stage.seed("Unknown")
    stage.interfere(ref)
    assert stage.vaults.discard(ref) is True
    assert stage.vaults.pending(ref) is None
    assert stage.vaults.get(ref) is not None
    stage.vaults.create(ref, {})


def test_discard_of_none_is_false(stage: Stage) -> None:
    """Repeating it is fine."""
    ref = stage.begin()
    assert stage.vaults.discard(ref) is True
    assert stage.vaults.discard(ref) is False
