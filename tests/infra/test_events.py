"""How events of vaults reach the app."""

from __future__ import annotations

import pytest

from tests.infra.bicep.azure import Made
from tests.infra.stage import NAMES, Stage, deploy, deployed, indexed, parameters

PUSHED = {
    "certificate_near_expiry": ["Microsoft.KeyVault.CertificateNearExpiry"],
    "certificate_new_version": ["Microsoft.KeyVault.CertificateNewVersionCreated"],
    "certificate_expired": ["Microsoft.KeyVault.CertificateExpired"],
}


def subscriptions(stage: Stage) -> list[Made]:
    """Return the event subscriptions."""
    return stage.all("Microsoft.EventGrid/systemTopics/eventSubscriptions")


def functions_of(stage: Stage) -> dict[str, list[str]]:
    """Return the event types by the function that each subscription points at, or whose queue it fills."""
    by_queue = {
        b["queueName"]: one.name for one in indexed().values() for b in one.bindings if b["type"] == "queueTrigger"
    }
    found = {}
    for one in subscriptions(stage):
        destination = one.get("properties.destination") or one.get(
            "properties.deliveryWithResourceIdentity.destination"
        )
        target = destination["properties"]
        name = (
            by_queue[target["queueName"]]
            if "queueName" in target
            else target["resourceId"].rpartition("/functions/")[2]
        )
        found[name] = one.get("properties.filter.includedEventTypes")
    return found


@pytest.mark.parametrize("name", ["public", "government"])
def test_each_kind_of_event_is_pushed_to_its_function(name: str) -> None:
    """Three event types to three functions, for each vault; a function's id ends with its name, or Event Grid refuses it."""
    stage = deployed(name)
    assert functions_of(stage) == PUSHED
    assert len(subscriptions(stage)) == 3 * len(stage.wiring["vaults"])
    assert all(indexed()[function].trigger == "eventGridTrigger" for function in PUSHED)
    sites = {
        one.get("properties.destination.properties.resourceId").partition("/functions/")[0]
        for one in subscriptions(stage)
    }
    assert sites == {stage.one("Microsoft.Web/sites").id}


@pytest.mark.parametrize("name", ["private", "two-subscriptions"])
def test_behind_private_endpoints_or_a_sign_in_events_come_by_the_queue(name: str) -> None:
    """All three event types in one subscription for each vault, to the queue that `vault_event` reads."""
    stage = deployed(name)
    assert functions_of(stage) == {"vault_event": [types[0] for types in PUSHED.values()]}
    assert len(subscriptions(stage)) == len(stage.wiring["vaults"])
    assert {one.get("properties.deliveryWithResourceIdentity.identity.type") for one in subscriptions(stage)} == {
        "SystemAssigned"
    }


def test_isolation_alone_takes_the_queue() -> None:
    """Event Grid cannot push to a private endpoint, whether people sign in or not."""
    stage = deploy({key: value for key, value in parameters("private").items() if key != "signIn"})
    assert set(functions_of(stage)) == {"vault_event"}


def test_an_exempt_webhook_is_pushed_to_in_spite_of_sign_in() -> None:
    """Where the webhook's path is exempt, events need no queue."""
    given = parameters("public") | {
        "signIn": {"clientId": "22222222-0000-4000-8000-000000000002", "excludeEventWebhook": True}
    }
    stage = deploy(given)
    sign_in = next(one for one in stage.all("Microsoft.Web/sites/config") if one.name == "authsettingsV2")
    assert functions_of(stage) == PUSHED
    assert "/runtime/webhooks/eventgrid" in sign_in.get("properties.globalValidation.excludedPaths")


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_delivered_is_kept(name: str) -> None:
    """Each subscription tries for a day and leaves what fails, by the topic's own identity, in a container that is declared."""
    stage = deployed(name)
    containers = {one.name for one in stage.all("Microsoft.Storage/storageAccounts/blobServices/containers")}
    for one in subscriptions(stage):
        letter = one.get("properties.deadLetterWithResourceIdentity")
        assert letter["identity"] == {"type": "SystemAssigned"}
        assert letter["deadLetterDestination"]["properties"]["blobContainerName"] in containers
        assert (
            letter["deadLetterDestination"]["properties"]["resourceId"]
            == stage.one("Microsoft.Storage/storageAccounts").id
        )
        assert one.get("properties.retryPolicy") == {"eventTimeToLiveInMinutes": 1440, "maxDeliveryAttempts": 30}
        assert one.get("properties.eventDeliverySchema") == "CloudEventSchemaV1_0"


@pytest.mark.parametrize("name", NAMES)
def test_a_system_topic_stands_with_its_vault(name: str) -> None:
    """In the vault's subscription, group and region; one that is there already is used and not declared again."""
    stage = deployed(name)
    given = {vault.get("systemTopicId") for vault in stage.given["vaults"]} - {None}
    made = {one.id: one for one in stage.all("Microsoft.EventGrid/systemTopics")}
    told = {vault["systemTopicId"] for vault in stage.wiring["vaults"]}
    assert set(made) == told - given
    assert {one.id.rpartition("/eventSubscriptions/")[0] for one in subscriptions(stage)} == told
    for one in made.values():
        source = one.get("properties.source")
        assert one.id.partition("/providers/")[0] == source.partition("/providers/")[0]
        assert one.get("location") == stage.azure.look_up("", "", source)["location"]
        assert one.get("identity.type") == "SystemAssigned"


def test_the_first_deployment_makes_no_event_subscription() -> None:
    """Event Grid accepts a function only once the app has loaded it."""
    stage = deployed("public")
    assert {one.file for one in subscriptions(stage)} == {"event-subscriptions.bicep"}
    assert "subscribed" not in stage.main.needs
    assert all("event-subscriptions" not in module.path for module in stage.main.file.modules.values())
