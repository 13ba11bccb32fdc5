"""Names fit into Azure's limits, whatever the environment is called, and are the same every time."""

from __future__ import annotations

import re

import pytest

from tests.infra.stage import NAMES, deploy, deployed, parameters

#: Azure: naming rules and restrictions for resources, as a pattern each.
LIMITS = {
    "Microsoft.Resources/resourceGroups": r"[\w.()-]{1,89}[\w()-]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "Microsoft.Web/sites": r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])",  # 32 and no more: the host's id is cut there
    "Microsoft.Web/serverfarms": r"[\w-]{1,60}",
    "Microsoft.KeyVault/vaults": r"[A-Za-z](-?[A-Za-z0-9]){2,23}",
    "Microsoft.EventGrid/topics": r"[A-Za-z0-9-]{3,50}",
    "Microsoft.EventGrid/systemTopics": r"[A-Za-z0-9-]{3,50}",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": r"[A-Za-z0-9-]{3,64}",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.Insights/components": r"[^%&\\?/]{1,260}",
    "Microsoft.Insights/actionGroups": r"[^:<>+/&%\\?|]{1,260}",
    "Microsoft.Insights/metricAlerts": r"[^*#&+:<>?@%{}\\/|]{1,260}",
    "Microsoft.Insights/scheduledQueryRules": r"[^*<>%{}&:\\?/#|]{1,260}",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][\w-]{2,127}",
    "Microsoft.Network/virtualNetworks": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/privateEndpoints": r"[A-Za-z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": r"[A-Za-z0-9][\w.-]{0,78}\w",
}
LONGEST = "e" * 64
LONGEST_VAULT = "k" + "v" * 23


@pytest.mark.parametrize("name", NAMES)
def test_every_name_fits(name: str) -> None:
    """With the longest name of an environment and of a vault."""
    given = parameters(name)
    vaults = [vault | {"id": vault["id"].rpartition("/")[0] + "/" + LONGEST_VAULT} for vault in given["vaults"][:1]]
    stage = deploy(given | {"environmentName": LONGEST, "vaults": vaults})
    wrong = [
        (one.type, one.name)
        for one in stage.azure.made
        if one.type in LIMITS and not re.fullmatch(LIMITS[one.type], one.name)
    ]
    assert wrong == []
    assert {one.type for one in stage.azure.made if one.name == LONGEST} <= set(LIMITS)


@pytest.mark.parametrize("name", NAMES)
def test_no_two_resources_have_one_id(name: str) -> None:
    """Nothing is declared twice."""
    ids = [one.id.lower() for one in deployed(name).azure.made]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_changes_nothing(name: str) -> None:
    """The same parameters make the same resources with the same content."""
    first, second = deployed(name), deploy(parameters(name))
    assert {one.id: one.body for one in first.azure.made} == {one.id: one.body for one in second.azure.made}


def test_two_environments_do_not_meet() -> None:
    """Another environment over the same vault shares nothing but the vault: not a name of a role, of a subscription, of a log setting."""
    one, other = deployed("two-subscriptions"), deploy(parameters("two-subscriptions") | {"environmentName": "other"})
    shared = {made.id for made in one.azure.made} & {made.id for made in other.azure.made}
    topics = {made.id for made in one.all("Microsoft.EventGrid/systemTopics")}
    assert (
        shared == topics
    )  # one a source in all of Azure: the second installation names the first one's as systemTopicId
    names = {stage.one("Microsoft.Authorization/roleDefinitions").get("properties.roleName") for stage in (one, other)}
    assert len(names) == 2


def test_a_name_that_is_too_long_would_be_seen() -> None:
    """The limits refuse what Azure refuses."""
    assert not re.fullmatch(LIMITS["Microsoft.Storage/storageAccounts"], "st-perennial")
    assert not re.fullmatch(LIMITS["Microsoft.EventGrid/systemTopics"], "t" * 51)
    assert not re.fullmatch(LIMITS["Microsoft.Web/sites"], "f" * 33)
