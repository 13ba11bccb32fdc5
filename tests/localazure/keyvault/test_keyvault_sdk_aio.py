"""The asynchronous client of the SDK, for a few of the same scenarios."""

from __future__ import annotations

import asyncio
from pathlib import Path

from azure.keyvault.certificates import CertificateOperation, CertificatePolicy, KeyVaultCertificate
from azure.keyvault.certificates.aio import CertificateClient

from localazure.keyvault import Pace
from tests.localazure.keyvault.house import House
from tests.localazure.keyvault.sdk import AsyncCredential, Entrance


async def go_through(entrance: Entrance) -> tuple[list[str], object, object]:
    """Create one certificate to the end and one that waits for a merge; list them."""
    room = entrance.house.room()
    credential = AsyncCredential(entrance.house, "operator")
    async with CertificateClient(room.root, credential, **entrance.options()) as client:
        ready = CertificatePolicy("Self", subject="CN=a", key_type="EC", key_curve_name="P-256")
        waiting = CertificatePolicy("Unknown", subject="CN=b", key_type="EC", key_curve_name="P-256")
        made = await client.create_certificate("a", ready, _polling_interval=0.02)
        operation = await client.create_certificate("b", waiting, _polling_interval=0.02)
        names = [str(one.name) async for one in client.list_properties_of_certificates(include_pending=True)]
    return names, made, operation


def test_the_asynchronous_client(tmp_path: Path) -> None:
    """Creates end as they do with the synchronous client."""
    house = House(Pace(self_issuance=0.05))
    entrance = Entrance(house, tmp_path)
    try:
        names, made, operation = asyncio.run(go_through(entrance))
    finally:
        entrance.close()
        house.close()
    assert names == ["a", "b"]
    assert isinstance(made, KeyVaultCertificate)
    assert isinstance(operation, CertificateOperation)
