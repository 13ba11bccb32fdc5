"""What hub teams own is used, and then none is made."""

from __future__ import annotations

from typing import Any

from tests.infra.stage import Stage, deploy, parameters

HUB = "/subscriptions/cccccccc-0000-4000-8000-000000000003/resourceGroups/rg-hub/providers/Microsoft.Network"
SUBNETS = {
    "integrationSubnetId": f"{HUB}/virtualNetworks/spoke/subnets/functions",
    "endpointSubnetId": f"{HUB}/virtualNetworks/spoke/subnets/links",
}


def isolated(**network: Any) -> Stage:
    """Deploy with these parts of the network."""
    return deploy(parameters("private") | {"network": network})


def test_given_subnets_are_used() -> None:
    """No network is made; zones are seen by the network of the subnets."""
    stage = isolated(**SUBNETS)
    links = stage.all("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    assert stage.all("Microsoft.Network/virtualNetworks") == []
    assert stage.one("Microsoft.Web/sites").get("properties.virtualNetworkSubnetId") == SUBNETS["integrationSubnetId"]
    assert {one.get("properties.virtualNetwork.id") for one in links} == {f"{HUB}/virtualNetworks/spoke"}
    assert {one.get("properties.subnet.id") for one in stage.all("Microsoft.Network/privateEndpoints")} == {
        SUBNETS["endpointSubnetId"]
    }


def test_zones_can_be_left_to_a_policy() -> None:
    """Then endpoints are made without records."""
    stage = isolated(**SUBNETS, createDnsZones=False)
    assert stage.all("Microsoft.Network/privateEndpoints")
    assert stage.all("Microsoft.Network/privateDnsZones") == []
    assert stage.all("Microsoft.Network/privateEndpoints/privateDnsZoneGroups") == []


def test_endpoints_can_be_left_to_others() -> None:
    """Then the app is still closed and still goes through its subnet."""
    stage = isolated(**SUBNETS, createEndpoints=False)
    made = {one.type for one in stage.azure.made if one.type.startswith("Microsoft.Network/")}
    assert made == set()
    assert stage.one("Microsoft.Web/sites").get("properties.publicNetworkAccess") == "Disabled"


def test_premium_is_delegated_elsewhere() -> None:
    """Each plan has its own service that the subnet is delegated to."""
    plans = {"flex": "Microsoft.App/environments", "premium": "Microsoft.Web/serverFarms"}
    for hosting, service in plans.items():
        stage = deploy(parameters("private") | {"plan": {"hosting": hosting}})
        subnet = stage.one("Microsoft.Network/virtualNetworks").get("properties.subnets")[0]
        assert subnet["properties"]["delegations"][0]["properties"]["serviceName"] == service
