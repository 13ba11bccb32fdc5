"""The webhook receiver, over real TLS: what is signed rightly is kept as verified, everything else is refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from standardwebhooks import Webhook

from localazure.receiver import Receiver
from localazure.tls import CertificateAuthority

SECRET, OTHER = (f"whsec_{base64.b64encode(bytes([number]) * 24).decode()}" for number in (1, 2))
BODY = '{"type": "Perennial.Certificate.NewVersion", "subject": "kv-orders/www", "data": {}}'


class House:
    """A receiver, and a client that trusts it."""

    def __init__(self, receiver: Receiver, http: urllib3.PoolManager) -> None:
        self.receiver = receiver
        self._http = http

    def post(
        self,
        *,
        secret: str = SECRET,
        signed: str = BODY,
        sent: str = BODY,
        path: str = "/orders",
        age: timedelta = timedelta(),
    ) -> int:
        """Post a notice; return the status."""
        at = datetime.now(UTC) - age
        headers = {
            "webhook-id": "n1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign("n1", at, signed),
        }
        return self._http.request("POST", self.receiver.url(path), body=sent, headers=headers).status


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Serve on loopback, with a certificate of a throw-away CA."""
    authority = CertificateAuthority()
    authority.write_ca(tmp_path / "ca.pem")
    authority.write_leaf(tmp_path / "leaf.pem", tmp_path / "leaf.key")
    receiver = Receiver({"/orders": SECRET})
    with (
        receiver.serving(str(tmp_path / "leaf.pem"), str(tmp_path / "leaf.key")),
        urllib3.PoolManager(ca_certs=str(tmp_path / "ca.pem"), retries=False) as http,
    ):
        yield House(receiver, http)


def test_signed(house: House) -> None:
    """A notice that verifies is answered 2xx and kept with its id, kind and subject."""
    assert house.post() == 204
    (one,) = house.receiver.received("/orders", "NewVersion", "kv-orders/www")
    assert (one.id, one.verified, one.kind, one.subject) == ("n1", True, "NewVersion", "kv-orders/www")


@pytest.mark.parametrize(
    "fault",
    [{"secret": OTHER}, {"sent": BODY.replace("www", "evil")}, {"age": timedelta(minutes=10)}],
    ids=["another secret", "another body", "too old"],
)
def test_not_signed(house: House, fault: dict[str, Any]) -> None:
    """What does not verify is answered 401 and kept without its content."""
    assert house.post(**fault) == 401
    (one,) = house.receiver.received("/orders")
    assert (one.verified, dict(one.event)) == (False, {})


def test_unknown_path(house: House) -> None:
    """A path without a secret takes nothing."""
    assert house.post(path="/elsewhere") == 404
    assert house.receiver.received("/elsewhere") == []


def test_confined(house: House) -> None:
    """What came can be asked for by kind and by subject."""
    house.post()
    assert house.receiver.received("/orders", "Expired") == []
    assert house.receiver.received("/orders", subject="kv-orders/other") == []
