"""The work queues when the service falters."""

from __future__ import annotations

import time

import pytest

from localazure.client import LocalAzure
from perennial.errors import Unavailable
from perennial.model.messages import Nudge
from tests.contract import local

SHORT = 8.0  # seconds; the SDK's own waits between its tries would be 84
TRIES = 4


@pytest.mark.parametrize("away", [TRIES - 1, TRIES])
def test_a_busy_service_is_tried_again_for_seconds(
    azure: LocalAzure, account: str, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    """A send is tried four times within seconds, since whoever sends holds leases; then the message behind it comes again by itself."""
    variables = local.point_at(azure, monkeypatch, account)
    queues = local.queues(variables["PERENNIAL_QUEUES"], local.app_identity(variables))
    azure.clear_faults()
    azure.fault("storage-queue", path=f"/{account}/*", status=503, times=away)
    began = time.monotonic()
    if away == TRIES:
        with pytest.raises(Unavailable, match="queue notices"):
            queues.send(Nudge(subject="kv-orders:www", delivery="n1:orders"))
    else:
        queues.send(Nudge(subject="kv-orders:www", delivery="n1:orders"))
    assert time.monotonic() - began < SHORT
