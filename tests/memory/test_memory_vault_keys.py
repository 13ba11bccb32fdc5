"""Each operation of a name has a key of its own, so that a chain fits only the operation that it was made for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from perennial.errors import Refused
from perennial.model.certificate import CertificateRef, IssuancePolicy, OperationState
from tests.memory import minting
from tests.memory.vault import MemoryVaults

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WWW = CertificateRef("kv-orders", "www")


def vaults() -> MemoryVaults:
    """Return vaults with one certificate that a CSR renews."""
    made = MemoryVaults(lambda: NOW)
    policy = IssuancePolicy(issuer="Unknown", subject="CN=www.example", names=("www.example",))
    made.import_certificate(WWW, NOW - DAY, NOW + DAY, policy=policy)
    return made


def test_a_chain_for_an_operation_that_was_replaced_is_refused() -> None:
    """Ours was discarded and somebody else's took its place: the vault refuses our chain, as the real one does, and theirs goes on."""
    on = vaults()
    ours = on.create(WWW, {})
    on.discard(WWW)
    theirs = on.begin_foreign_operation(WWW)
    with pytest.raises(Refused, match="Unable to parse X5c certificate chain"):
        on.merge(WWW, (minting.signed(ours.csr, NOW, DAY),), {})
    found = on.pending(WWW)
    assert found is not None
    assert (found.request_id, found.state) == (theirs.request_id, OperationState.IN_PROGRESS)


def test_a_chain_for_the_operation_that_waits_is_taken() -> None:
    """The negative: what was refused was the other key."""
    on = vaults()
    ours = on.create(WWW, {})
    merged = on.merge(WWW, (minting.signed(ours.csr, NOW, DAY),), {})
    assert on.current(WWW) == merged.version


def test_many_operations_of_one_name_have_as_many_keys() -> None:
    """Successive ones never share a key."""
    on = vaults()
    requests = []
    for _ in range(minting.KEYS):
        requests.append(on.create(WWW, {}).csr)
        on.discard(WWW)
    assert len(set(requests)) == minting.KEYS
