"""Azure as a template sees it: the cloud, what is there already, and what resources say of themselves once they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.infra.bicep.functions import guid, union

TENANT = "11111111-0000-4000-8000-000000000001"
SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"

CLOUDS: Mapping[str, dict[str, Any]] = {
    "AzureCloud": {
        "name": "AzureCloud",
        "suffixes": {"storage": "core.windows.net", "keyvaultDns": ".vault.azure.net"},
        "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
    },
    "AzureUSGovernment": {
        "name": "AzureUSGovernment",
        "suffixes": {"storage": "core.usgovcloudapi.net", "keyvaultDns": ".vault.usgovcloudapi.net"},
        "authentication": {"loginEndpoint": "https://login.microsoftonline.us/"},
    },
    "AzureChinaCloud": {
        "name": "AzureChinaCloud",
        "suffixes": {"storage": "core.chinacloudapi.cn", "keyvaultDns": ".vault.azure.cn"},
        "authentication": {"loginEndpoint": "https://login.chinacloudapi.cn/"},
    },
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something is deployed."""

    subscription: str = SUBSCRIPTION
    group: str = ""

    @property
    def id(self) -> str:
        """Its resource id."""
        group = f"/resourceGroups/{self.group}" if self.group else ""
        return f"/subscriptions/{self.subscription}{group}"


@dataclass(slots=True)
class Made:
    """A resource of a deployment."""

    type: str
    version: str
    name: str
    id: str
    body: dict[str, Any]
    file: str

    def get(self, path: str) -> Any:
        """Return a member by its path with points; None where there is none."""
        value: Any = self.body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


@dataclass(slots=True)
class Azure:
    """One tenant in one cloud."""

    cloud: str = "AzureCloud"
    there: dict[str, dict[str, Any]] = field(default_factory=dict)  # resource id in small letters → what it is
    made: list[Made] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, Any]:
        """What `environment()` returns."""
        return CLOUDS[self.cloud]

    def of_type(self, kind: str) -> list[Made]:
        """Return what was made of a type."""
        return [one for one in self.made if one.type.lower() == kind.lower()]

    def look_up(self, kind: str, name: str, resource_id: str) -> dict[str, Any]:
        """Return a resource as a GET would. Raises KeyError where there is none."""
        mine = [one.body for one in self.made if one.id.lower() == resource_id.lower()]
        body = mine[0] if mine else self.there[resource_id.lower()]
        return dict(union(body, self._says(kind, name, resource_id, body)))

    def _says(self, kind: str, name: str, resource_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the service adds to what was declared."""
        storage = self.environment["suffixes"]["storage"]
        match kind:
            case "Microsoft.Storage/storageAccounts":
                ends = {end: f"https://{name}.{end}.{storage}/" for end in ("blob", "queue", "table")}
                return {"properties": {"primaryEndpoints": ends}}
            case "Microsoft.ManagedIdentity/userAssignedIdentities":
                ids = {"principalId": guid(resource_id, "principal"), "clientId": guid(resource_id, "client")}
                return {"properties": ids}
            case "Microsoft.EventGrid/systemTopics" if "identity" in body:
                return {"identity": {"principalId": guid(resource_id, "principal")}}
            case "Microsoft.EventGrid/topics":
                return {"properties": {"endpoint": f"https://{name}.test-1.eventgrid.example/api/events"}}
            case "Microsoft.KeyVault/vaults":
                return {"properties": {"vaultUri": f"https://{name}{self.environment['suffixes']['keyvaultDns']}/"}}
            case "Microsoft.Web/sites":
                return {"properties": {"defaultHostName": f"{name}.sites.example"}}
            case "Microsoft.Insights/components":
                return {"properties": {"ConnectionString": f"InstrumentationKey={guid(resource_id)}"}}
        return {}
