"""The app as it is deployed: settings, connections, what it reads and writes."""

from __future__ import annotations

from typing import Any

import pytest

from perennial import dns
from perennial.model.clouds import CLOUDS
from perennial.model.messages import Queue
from perennial.model.roles import BROAD
from perennial.ports import tables
from perennial.ports.tables import TableSpec
from perennial.settings import from_environment
from perennial.settings.agreement import SECRETS
from perennial.settings.catalog import CATALOG
from tests.infra.stage import NAMES, Stage, deploy, deployed, indexed, parameters

#: Azure Functions: ignored on Flex Consumption, or in the way of a deployment.
NOT_ON_FLEX = {
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "TZ",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_DNS_SERVER",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "WEBSITE_MOUNT_ENABLED",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
}


def bindings() -> list[dict[str, Any]]:
    """Return every binding of every function."""
    return [binding for one in indexed().values() for binding in one.bindings]


def names(stage: Stage, kind: str) -> set[str]:
    """Return the names of what was declared of a type in the storage account."""
    return {one.name for one in stage.all(f"Microsoft.Storage/storageAccounts/{kind}")}


@pytest.mark.parametrize("name", NAMES)
def test_the_app_understands_its_settings(name: str) -> None:
    """Read as the app reads them, the settings have no fault, and say what the parameter file says."""
    stage = deployed(name)
    settings = from_environment(stage.settings, dns.check)
    modes = {vault["id"].rpartition("/")[2]: vault.get("mode", "observe") for vault in stage.given["vaults"]}
    new = stage.given.get("newVault", {}).get("name")
    assert settings.vaults == modes | ({new: "observe"} if new else {})
    assert settings.cloud == CLOUDS["us-government" if name == "government" else "public"]
    assert settings.sign_in == ("signIn" in stage.given)
    assert [one.name for one in settings.authorities] == [one["name"] for one in stage.given.get("authorities", [])]
    assert [one.zone for one in settings.zones] == [one["zone"] for one in stage.given.get("zones", [])]


@pytest.mark.parametrize("name", ["public", "private"])
def test_the_app_finds_its_accounts_keys(name: str) -> None:
    """In the vault that is made for them, whose name is none of the fleet's; what else a CA is told arrives as it was written."""
    stage = deployed(name)
    settings = from_environment(stage.settings)
    (own,) = [one.name for one in stage.all("Microsoft.KeyVault/vaults") if one.file == "keys.bicep"]
    assert settings.keys == f"https://{own}.vault.azure.net"
    assert settings.authorities[0].contact == ("mailto:platform@example.com",)
    assert settings.authorities[0].agree_terms


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_set_or_has_a_default(name: str) -> None:
    """What is required is set, nothing that the app does not know is, and what triggers name is there."""
    settings = deployed(name).settings
    required = {one.variable for one in CATALOG if one.required}
    named = {b["schedule"].strip("%") for b in bindings() if b["type"] == "timerTrigger"}
    ours = {key for key in settings if key.startswith("PERENNIAL_") and not key.startswith(SECRETS)}
    assert required | named <= set(settings)
    assert ours <= {one.variable for one in CATALOG}


def test_the_app_knows_which_role_it_was_given() -> None:
    """A given role is named to it, so that it can warn; the role that is defined here needs no word."""
    guid = "a4417e6f-fecd-4de8-b567-7b0420556985"
    for role in (guid, f"/providers/Microsoft.Authorization/roleDefinitions/{guid}"):
        stage = deploy(parameters("public") | {"roleDefinitionId": role})
        assert from_environment(stage.settings).role == guid
        assert from_environment(stage.settings).role in BROAD
    assert from_environment(deployed("public").settings).role == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_connection_of_a_function_is_set(name: str) -> None:
    """A connection is by identity: an endpoint for queues, how to sign in, and as whom."""
    stage = deployed(name)
    settings = stage.settings
    for connection in {b["connection"] for b in bindings() if b.get("connection")} | {"AzureWebJobsStorage"}:
        assert settings[f"{connection}__queueServiceUri"].startswith("https://")
        assert settings[f"{connection}__credential"] == "managedidentity"
        assert settings[f"{connection}__clientId"] == settings["PERENNIAL_CLIENT_ID"]
        assert connection not in settings
    assert settings["AzureWebJobsStorage__queueServiceUri"] == settings["PERENNIAL_QUEUES"]
    suffix = stage.azure.environment["suffixes"]["storage"]
    assert settings["PERENNIAL_TABLES"].endswith(f".table.{suffix}/")


@pytest.mark.parametrize("name", ["public", "private", "two-subscriptions"])
def test_nothing_is_set_that_flex_does_not_want(name: str) -> None:
    """None of the settings that break a deployment to Flex Consumption or are ignored there."""
    assert not set(deployed(name).settings) & NOT_ON_FLEX


def test_premium_says_what_flex_knows() -> None:
    """On Elastic Premium runtime and package are settings, and the package is fetched by identity: no file share, whose key would be needed."""
    stage = deployed("government")
    assert set(stage.settings) & NOT_ON_FLEX == {
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_RUNTIME",
        "WEBSITE_RUN_FROM_PACKAGE",
    }
    assert "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID" in stage.settings
    assert stage.one("Microsoft.Web/sites").get("properties.siteConfig.linuxFxVersion") == "PYTHON|3.13"


@pytest.mark.parametrize("name", NAMES)
def test_every_queue_and_table_of_the_code_is_declared(name: str) -> None:
    """And no other: each queue with its poison queue, each table of a row type."""
    stage = deployed(name)
    queues = {b["queueName"] for b in bindings() if b.get("queueName")} | {queue.value for queue in Queue}
    specs = {spec.name for spec in vars(tables).values() if isinstance(spec, TableSpec)}
    bare = {queue.removesuffix("-poison") for queue in queues}
    assert names(stage, "queueServices/queues") == queues | {f"{queue}-poison" for queue in bare}
    assert names(stage, "tableServices/tables") == specs


@pytest.mark.parametrize("name", ["public", "private", "two-subscriptions"])
def test_the_package_has_a_container_and_an_identity(name: str) -> None:
    """Flex Consumption keeps the package in a container that is declared, and fetches it with the app's identity."""
    stage = deployed(name)
    site = stage.one("Microsoft.Web/sites")
    storage = site.get("properties.functionAppConfig.deployment.storage")
    identity = stage.one("Microsoft.ManagedIdentity/userAssignedIdentities").id
    assert storage["value"].rpartition("/")[2] in names(stage, "blobServices/containers")
    assert storage["authentication"] == {"type": "UserAssignedIdentity", "userAssignedIdentityResourceId": identity}
    assert site.get("properties.functionAppConfig.runtime") == {"name": "python", "version": "3.13"}
    assert list(site.get("identity.userAssignedIdentities")) == [identity]


@pytest.mark.parametrize("name", NAMES)
def test_roles_come_before_the_app_and_storage_before_roles(name: str) -> None:
    """An app that starts before it may read its storage fails its first start."""
    needs = deployed(name).main.needs
    assert "roles" in needs["app"]
    assert {"storage", "topic", "identity", "vaultEvents"} <= needs["roles"]
    assert "app" in needs["alerts"]


def test_azd_finds_one_resource_to_deploy_to() -> None:
    """The tag stands on the app alone: azd refuses two."""
    stage = deployed("public")
    tagged = [one.type for one in stage.azure.made if "azd-service-name" in (one.get("tags") or {})]
    assert tagged == ["Microsoft.Web/sites"]


@pytest.mark.parametrize("name", NAMES)
def test_the_health_of_the_fleet_does_not_recycle_the_app(name: str) -> None:
    """`health` is not the platform's health check: a stale heartbeat is no reason to kill an instance."""
    assert deployed(name).one("Microsoft.Web/sites").get("properties.siteConfig.healthCheckPath") is None


def test_a_secret_is_a_reference() -> None:
    """A webhook's signing secret is resolved by the platform, with the app's identity."""
    stage = deployed("public")
    site = stage.one("Microsoft.Web/sites")
    assert (
        stage.settings["PERENNIAL_SECRET_SHOP"] == "@Microsoft.KeyVault(SecretUri=https://kv-ops.example/secrets/shop)"
    )
    assert site.get("properties.keyVaultReferenceIdentity") in site.get("identity.userAssignedIdentities")


def test_a_setting_that_the_deployment_owns_cannot_be_overwritten() -> None:
    """Further settings add and change defaults, not what follows from what was made."""
    stage = deploy(
        parameters("public")
        | {"settings": {"PERENNIAL_TABLES": "https://x.example", "PERENNIAL_SWEEP_SCHEDULE": "0 0 4 * * *"}}
    )
    assert stage.settings["PERENNIAL_TABLES"] == deployed("public").settings["PERENNIAL_TABLES"]
    assert stage.settings["PERENNIAL_SWEEP_SCHEDULE"] == "0 0 4 * * *"
