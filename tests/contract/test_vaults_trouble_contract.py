"""The contract of Vaults, clause by clause, while the service is not well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from perennial.errors import Forbidden, Throttled, Unclear, Unreachable
from perennial.model.certificate import CertificateRef
from perennial.ports.vault import Vaults
from tests.contract.stages import Breakable
from tests.memory import minting

START = datetime(2026, 1, 1, tzinfo=UTC)
LEAF = minting.certificate("www.example", (), START, START + timedelta(days=90))

type Call = Callable[[Vaults, CertificateRef], object]

LOOKS: dict[str, Call] = {
    "get": lambda vaults, ref: vaults.get(ref),
    "pending": lambda vaults, ref: vaults.pending(ref),
    "page": lambda vaults, ref: vaults.page(ref.vault),
}
WRITES: dict[str, Call] = {
    "create": lambda vaults, ref: vaults.create(ref, {}),
    "merge": lambda vaults, ref: vaults.merge(ref, (LEAF,), {}),
    "discard": lambda vaults, ref: vaults.discard(ref),
}
ALL = LOOKS | WRITES
looks = pytest.mark.parametrize("method", LOOKS)
writes = pytest.mark.parametrize("method", WRITES)
every = pytest.mark.parametrize("method", ALL)


@every
@pytest.mark.parametrize("retry_after", [None, timedelta(seconds=37)])
def test_throttled_says_how_long_and_is_not_retried(
    breakable: Breakable, method: str, retry_after: timedelta | None
) -> None:
    """One call, one answer: the wait is the caller's."""
    ref = breakable.seed()
    breakable.throttle(retry_after)
    before = breakable.calls()
    with pytest.raises(Throttled) as error:
        ALL[method](breakable.vaults, ref)
    assert (error.value.vault, error.value.retry_after) == (breakable.vault, retry_after)
    assert breakable.calls() == before + 1


@every
def test_a_lost_role_is_forbidden(breakable: Breakable, method: str) -> None:
    """With the code that says what is missing."""
    ref = breakable.seed()
    breakable.forbid()
    with pytest.raises(Forbidden) as error:
        ALL[method](breakable.vaults, ref)
    assert error.value.code.startswith("ForbiddenBy")


@every
def test_a_vault_that_is_not_there_is_unreachable(breakable: Breakable, method: str) -> None:
    """Also for a write: it is certain that nothing was sent."""
    with pytest.raises(Unreachable):
        ALL[method](breakable.vaults, CertificateRef("kv-nowhere", "www"))


@looks
def test_a_look_at_a_broken_service_is_unreachable(breakable: Breakable, method: str) -> None:
    """A 500 is no answer; it is not asked again."""
    ref = breakable.seed()
    LOOKS[method](breakable.vaults, ref)
    before = breakable.calls()
    breakable.fail(method, after_effect=False)
    with pytest.raises(Unreachable):
        LOOKS[method](breakable.vaults, ref)
    assert breakable.calls() == before + 1
    LOOKS[method](breakable.vaults, ref)


@writes
def test_a_write_to_a_broken_service_is_unclear_and_sent_once(breakable: Breakable, method: str) -> None:
    """The caller asks before it repeats."""
    ref = breakable.seed()
    before = breakable.calls()
    breakable.fail(method, after_effect=False)
    with pytest.raises(Unclear):
        WRITES[method](breakable.vaults, ref)
    assert breakable.calls() == before + 1


def test_a_create_that_took_effect_and_failed_is_found_by_asking(breakable: Breakable) -> None:
    """The operation is there, exactly one."""
    ref = breakable.seed("Unknown")
    breakable.fail("create", after_effect=True)
    with pytest.raises(Unclear):
        breakable.vaults.create(ref, {})
    assert breakable.vaults.pending(ref) is not None


def test_a_discard_that_took_effect_and_failed_is_found_by_asking(breakable: Breakable) -> None:
    """The operation is gone."""
    ref = breakable.begin()
    breakable.fail("discard", after_effect=True)
    with pytest.raises(Unclear):
        breakable.vaults.discard(ref)
    assert breakable.vaults.pending(ref) is None
