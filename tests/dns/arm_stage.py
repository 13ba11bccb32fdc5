"""An Azure DNS zone of the local Azure's own for a test, and the provider over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from localazure.client import LocalAzure
from perennial.dns.arm import Arm
from perennial.dns.azure import AzureZone
from perennial.dns.needs import Tools
from perennial.errors import DnsError
from tests.dns.places import GROUP, SUBSCRIPTION, setting

A, B, THEIRS = "a" * 43, "b" * 43, "t" * 43


@dataclass(frozen=True, slots=True)
class Stage:
    """A zone of its own, and the provider over it."""

    azure: LocalAzure
    tools: Tools
    name: str

    def over(self, **options: str) -> AzureZone:
        """Return the provider, with other options where some are given."""
        told = {"subscription": SUBSCRIPTION, "resource_group": GROUP} | options
        return AzureZone(setting(self.name, "azure", **told), Arm(self.tools.credential, self.tools.cloud, 0.5))

    def at(self, label: str) -> str:
        """Return a name in the zone."""
        return f"{label}.{self.name}"

    def put(self, label: str, *values: str, **properties: object) -> None:
        """Let another tool put a set, as one that knows nothing of ours."""
        body = {"properties": {"TTL": 300, "TXTRecords": [{"value": [value]} for value in values]} | properties}
        arm = Arm(self.tools.credential, self.tools.cloud)
        assert arm.send("PUT", self.path(label), body, {}).status in (200, 201)

    def path(self, label: str) -> str:
        """Return a set's path at Resource Manager."""
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        return f"{group}/providers/Microsoft.Network/dnsZones/{self.name}/TXT/{label}?api-version=2018-05-01"

    def asked(self) -> list[tuple[str, int]]:
        """Return method and status of what was asked of Resource Manager about this zone."""
        seen = self.azure.requests("arm")
        return [(one["method"], one["status"]) for one in seen if f"/{self.name}/" in one["path"]]

    def values(self, label: str) -> list[str]:
        """Return the values at a name."""
        return self.azure.dns.values(self.name, label)


def refusal(write: Callable[[], None]) -> DnsError:
    """Return what a write is refused with."""
    with pytest.raises(DnsError) as error:
        write()
    assert error.value.fix
    return error.value
