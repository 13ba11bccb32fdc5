"""Azure's security baseline for what is deployed, by name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.bicep.azure import Made
from tests.infra.stage import NAMES, Stage, deployed

ALWAYS: tuple[tuple[str, str, Any], ...] = (
    ("Microsoft.Storage/storageAccounts", "properties.allowBlobPublicAccess", False),
    ("Microsoft.Storage/storageAccounts", "properties.allowSharedKeyAccess", False),
    ("Microsoft.Storage/storageAccounts", "properties.allowCrossTenantReplication", False),
    ("Microsoft.Storage/storageAccounts", "properties.defaultToOAuthAuthentication", True),
    ("Microsoft.Storage/storageAccounts", "properties.minimumTlsVersion", "TLS1_2"),
    ("Microsoft.Storage/storageAccounts", "properties.supportsHttpsTrafficOnly", True),
    ("Microsoft.Storage/storageAccounts/blobServices/containers", "properties.publicAccess", "None"),
    ("Microsoft.EventGrid/topics", "properties.disableLocalAuth", True),
    ("Microsoft.EventGrid/topics", "properties.minimumTlsVersionAllowed", "1.2"),
    ("Microsoft.EventGrid/topics", "properties.inputSchema", "CloudEventSchemaV1_0"),
    ("Microsoft.Web/sites", "properties.httpsOnly", True),
    ("Microsoft.Web/sites", "properties.siteConfig.minTlsVersion", "1.2"),
    ("Microsoft.Web/sites", "properties.siteConfig.scmMinTlsVersion", "1.2"),
    ("Microsoft.Web/sites", "properties.siteConfig.ftpsState", "Disabled"),
    ("Microsoft.Web/sites", "identity.type", "UserAssigned"),
    ("Microsoft.Web/sites/basicPublishingCredentialsPolicies", "properties.allow", False),
    ("Microsoft.Insights/components", "properties.DisableLocalAuth", True),
    ("Microsoft.Insights/components", "properties.IngestionMode", "LogAnalytics"),
)
OF_A_NEW_VAULT = {
    "enableRbacAuthorization": True,
    "enablePurgeProtection": True,
    "enableSoftDelete": True,
    "softDeleteRetentionInDays": 90,
}
ENDPOINTS = {"blob", "queue", "table", "topic", "sites", "vault"}


def endpoints(stage: Stage) -> dict[str, list[Made]]:
    """Return the private endpoints by what they reach."""
    found: dict[str, list[Made]] = {}
    for one in stage.all("Microsoft.Network/privateEndpoints"):
        (link,) = one.get("properties.privateLinkServiceConnections")
        found.setdefault(link["properties"]["groupIds"][0], []).append(one)
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("kind", "path", "wanted"), ALWAYS, ids=lambda value: str(value).rpartition("/")[2])
def test_the_baseline_holds_for_every_resource(name: str, kind: str, path: str, wanted: object) -> None:
    """Each resource of the type says what the baseline wants, whatever the parameter file."""
    made = deployed(name).all(kind)
    assert made
    assert [one.get(path) for one in made] == [wanted] * len(made)


@pytest.mark.parametrize("name", NAMES)
def test_neither_ftp_nor_scm_takes_a_password(name: str) -> None:
    """Basic publishing credentials are off for both."""
    made = deployed(name).all("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {one.name for one in made} == {"ftp", "scm"}


def test_a_new_vault_is_protected() -> None:
    """Roles instead of access policies, and nothing can be purged for 90 days."""
    made = deployed("public").all("Microsoft.KeyVault/vaults")
    assert {one.file for one in made} == {"new-vault.bicep", "keys.bicep"}
    for vault in made:
        assert {key: vault.get(f"properties.{key}") for key in OF_A_NEW_VAULT} == OF_A_NEW_VAULT


def test_the_vault_of_accounts_keys_is_closed_where_the_app_is() -> None:
    """Isolated: no public network, no trusted service; its audit log is kept either way."""
    for name, access, action in (("public", "Enabled", "Allow"), ("private", "Disabled", "Deny")):
        stage = deployed(name)
        (vault,) = [one for one in stage.all("Microsoft.KeyVault/vaults") if one.file == "keys.bicep"]
        assert vault.get("properties.publicNetworkAccess") == access
        assert vault.get("properties.networkAcls.defaultAction") == action
        (log,) = [one for one in stage.all("Microsoft.Insights/diagnosticSettings") if one.file == "keys.bicep"]
        assert [entry["category"] for entry in log.get("properties.logs")] == ["AuditEvent"]


def test_sign_in_is_required_of_everyone() -> None:
    """With a client id every path but the heartbeat's needs a token of this tenant for this app; tokens are not kept."""
    for name in ("private", "two-subscriptions"):
        stage = deployed(name)
        (config,) = stage.all("Microsoft.Web/sites/config")
        client = stage.given["signIn"]["clientId"]
        directory = config.get("properties.identityProviders.azureActiveDirectory")
        assert config.name == "authsettingsV2"
        assert config.get("properties.platform.enabled")
        assert config.get("properties.globalValidation") == {
            "requireAuthentication": True,
            "unauthenticatedClientAction": "Return401",
            "excludedPaths": ["/api/health"],
        }
        assert directory["registration"]["clientId"] == client
        assert directory["registration"]["openIdIssuer"].startswith("https://login.microsoftonline.com/")
        assert directory["validation"]["allowedAudiences"] == [client, f"api://{client}"]
        assert not config.get("properties.login.tokenStore.enabled")


def test_without_a_client_id_nobody_is_asked_to_sign_in() -> None:
    """Then function keys guard the routes, and Event Grid's webhook works."""
    assert deployed("public").all("Microsoft.Web/sites/config") == []


def test_isolated_means_that_no_public_address_leads_in() -> None:
    """App and topic are closed; storage denies every address and lets in trusted services alone, by which events and dead letters come."""
    stage = deployed("private")
    storage = stage.one("Microsoft.Storage/storageAccounts")
    assert stage.one("Microsoft.Web/sites").get("properties.publicNetworkAccess") == "Disabled"
    assert stage.one("Microsoft.EventGrid/topics").get("properties.publicNetworkAccess") == "Disabled"
    assert storage.get("properties.networkAcls") == {"bypass": "AzureServices", "defaultAction": "Deny"}
    assert stage.one("Microsoft.Web/sites").get("properties.virtualNetworkSubnetId").endswith("/subnets/app")


def test_isolated_things_are_reached_by_private_endpoints() -> None:
    """One for each thing, in the subnet for them; a vault of the fleet only where that was asked for, the app's own always."""
    found = endpoints(deployed("private"))
    assert {group: len(made) for group, made in found.items()} == dict.fromkeys(ENDPOINTS, 1) | {"vault": 2}
    links = [one.get("properties.privateLinkServiceConnections")[0]["properties"] for one in found["vault"]]
    own = [one.id for one in deployed("private").all("Microsoft.KeyVault/vaults")]
    assert [link["privateLinkServiceId"].rpartition("/")[2] for link in links] == [
        "kv-orders",
        own[0].rpartition("/")[2],
    ]
    subnets = {one.get("properties.subnet.id").rpartition("/")[2] for made in found.values() for one in made}
    assert subnets == {"endpoints"}


def test_each_private_endpoint_has_its_record() -> None:
    """A zone that is given is used and not made; the others are made and seen by the network."""
    stage = deployed("private")
    given = stage.given["network"]["privateDnsZoneIds"]["blob"]
    zones = {one.id for one in stage.all("Microsoft.Network/privateDnsZones")}
    groups = stage.all("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    used = {one.get("properties.privateDnsZoneConfigs")[0]["properties"]["privateDnsZoneId"] for one in groups}
    links = {
        one.id.partition("/virtualNetworkLinks/")[0]
        for one in stage.all("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    }
    assert len(groups) == len(ENDPOINTS) + 1
    assert used == zones | {given}
    assert links == zones
    assert not [zone for zone in zones if ".blob." in zone]


def test_the_public_installation_has_no_network() -> None:
    """Nothing of a network is made where it is not asked for."""
    assert [one.type for one in deployed("public").azure.made if one.type.startswith("Microsoft.Network/")] == []
