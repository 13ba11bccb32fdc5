"""Bad parameters are refused with a sentence, before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.bicep.azure import Azure, Scope
from tests.infra.bicep.deployment import Deployment
from tests.infra.bicep.evaluator import Faulty
from tests.infra.bicep.functions import Refused
from tests.infra.stage import INFRA, deploy, parameters, there

VAULT = "/subscriptions/bbbbbbbb-0000-4000-8000-000000000002/resourceGroups/rg-shop/providers/Microsoft.KeyVault/vaults/kv-orders"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a name": ({"vaults": [{"id": "kv-orders"}]}, '"kv-orders" is not the resource id of a vault'),
    "an address": ({"vaults": [{"id": "https://kv-orders.vault.azure.net/"}]}, "is not the resource id of a vault"),
    "another thing": (
        {"vaults": [{"id": VAULT.replace("KeyVault/vaults", "Storage/storageAccounts")}]},
        "is not the resource id of a vault",
    ),
    "a secret of a vault": ({"vaults": [{"id": f"{VAULT}/secrets/x"}]}, "is not the resource id of a vault"),
    "twice": ({"vaults": [{"id": VAULT}, {"id": VAULT.upper()}]}, "The vault kv-orders is named twice"),
    "none": ({"vaults": [], "newVault": {}}, "No vault is given"),
    "no system topic": (
        {"vaults": [{"id": VAULT, "systemTopicId": VAULT}]},
        "is not the resource id of a system topic",
    ),
    "one subnet": (
        {"networkIsolation": True, "network": {"endpointSubnetId": "/x"}},
        "Of the two subnets one is given",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_parameter_is_refused_before_anything_is_made(case: str) -> None:
    """The sentence says what is wrong and what to do; not even the resource group is there."""
    changed, sentence = BAD[case]
    azure = Azure(there=there(parameters("public")))
    with pytest.raises(Refused) as refused:
        Deployment(azure, INFRA / "main.bicep", parameters("public") | {"newVault": {}} | changed, Scope()).run()
    assert sentence in str(refused.value)
    assert azure.made == []


def test_all_faults_are_told_at_once() -> None:
    """Nobody mends one to be told of the next."""
    with pytest.raises(Refused) as refused:
        deploy(parameters("public") | {"vaults": [{"id": "a"}, {"id": VAULT}, {"id": VAULT}]})
    assert '"a" is not' in str(refused.value)
    assert "kv-orders is named twice" in str(refused.value)


def test_a_file_for_another_cloud_is_refused() -> None:
    """Signed in to the public cloud with a file for Azure Government."""

    def signed_in(azure: Azure) -> None:
        """Sign in to the public cloud."""
        azure.cloud = "AzureCloud"

    with pytest.raises(Refused, match=r"is for AzureUSGovernment, and you are signed in to AzureCloud: az cloud set"):
        deploy(parameters("government"), signed_in)


def test_an_unknown_cloud_is_refused() -> None:
    """One that Perennial does not know."""
    with pytest.raises(Refused, match=r"The cloud AzureMoon is not known: write AzureCloud"):
        deploy(parameters("public") | {"cloud": "AzureMoon"}, lambda azure: setattr(azure, "cloud", "AzureCloud"))


@pytest.mark.parametrize("options", [None, {}, {"subscription": "s"}, {"subscription": "s", "resource_group": ""}])
def test_a_zone_of_azure_dns_without_its_place_is_refused(options: dict[str, str] | None) -> None:
    """The app would get no role on it; other providers need no place in Azure."""
    zone = {"zone": "example.com", "provider": "azure"} | ({} if options is None else {"options": options})
    with pytest.raises(
        Refused, match=r"The zone example.com is kept by Azure DNS: give subscription and resource_group"
    ):
        deploy(parameters("public") | {"zones": [zone]})
    assert deploy(parameters("public") | {"zones": [zone | {"provider": "rfc2136"}]})


def test_flex_is_refused_where_it_does_not_exist() -> None:
    """Azure Government has no Flex Consumption."""
    with pytest.raises(Refused, match=r"Flex Consumption is not in AzureUSGovernment: set the member hosting"):
        deploy(parameters("government") | {"plan": {}})


def test_a_vault_that_is_not_there_is_refused() -> None:
    """Resource Manager says which one."""
    with pytest.raises(Faulty, match=r"ResourceNotFound: .*/kv-orders"):
        deploy(parameters("public"), lambda azure: azure.there.clear())


def test_a_vault_with_access_policies_is_refused() -> None:
    """A role would have no effect there; the sentence has the command."""

    def with_policies(azure: Azure) -> None:
        """Take roles away."""
        azure.there[VAULT.lower()]["properties"]["enableRbacAuthorization"] = False

    with pytest.raises(Refused, match=r"kv-orders uses access policies.*az keyvault update --name kv-orders"):
        deploy(parameters("public"), with_policies)


def test_a_system_topic_without_an_identity_is_refused() -> None:
    """It could not leave dead letters; the sentence has the command."""

    def without(azure: Azure) -> None:
        """Take the identity away."""
        for found in azure.there.values():
            found.pop("identity", None)

    with pytest.raises(
        Refused, match=r"az eventgrid system-topic update --name bank-events .* --identity systemassigned"
    ):
        deploy(parameters("two-subscriptions"), without)


def test_a_system_topic_of_another_source_is_refused() -> None:
    """Its events would be about something else."""

    def of_another(azure: Azure) -> None:
        """Change the sources."""
        for found in azure.there.values():
            if "source" in found["properties"]:
                found["properties"]["source"] = "/another"

    with pytest.raises(Refused, match=r"bank-events belongs to another source"):
        deploy(parameters("two-subscriptions"), of_another)


def test_good_parameters_are_not_refused() -> None:
    """A vault's id is taken in any case of its letters."""
    upper = VAULT.replace("Microsoft.KeyVault/vaults", "microsoft.keyvault/VAULTS")
    stage = deploy(parameters("public") | {"vaults": [{"id": upper}]})
    assert stage.settings["PERENNIAL_VAULTS"] == "kv-orders=observe kv-perennial-new=observe"
