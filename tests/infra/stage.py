"""The two deployments, worked out for a parameter file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import azure.functions as func

from function_app import app
from tests.infra.bicep.azure import Azure, Made, Scope
from tests.infra.bicep.deployment import Deployment

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
PARAMETERS = Path(__file__).parent / "parameters"
NAMES = ("public", "private", "two-subscriptions", "government")


def files() -> list[Path]:
    """Return every Bicep file."""
    return sorted(INFRA.rglob("*.bicep"))


def parameters(name: str) -> dict[str, Any]:
    """Read a parameter file."""
    text = (PARAMETERS / f"{name}.json").read_text(encoding="utf-8")
    return {key: entry["value"] for key, entry in json.loads(text)["parameters"].items()}


@dataclass(frozen=True, slots=True)
class Stage:
    """What both deployments made."""

    azure: Azure
    main: Deployment
    given: Mapping[str, Any]

    def all(self, kind: str) -> list[Made]:
        """Return what was made of a type."""
        return self.azure.of_type(kind)

    def one(self, kind: str) -> Made:
        """Return the only one of a type."""
        (found,) = self.all(kind)
        return found

    @property
    def wiring(self) -> dict[str, Any]:
        """What the first deployment tells the second."""
        return dict(self.main.output("PERENNIAL_WIRING"))

    @property
    def settings(self) -> dict[str, str]:
        """The app settings."""
        return {
            one["name"]: one["value"]
            for one in self.one("Microsoft.Web/sites").get("properties.siteConfig.appSettings")
        }


def there(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the vaults and system topics that a parameter file names, as they should be."""
    found: dict[str, dict[str, Any]] = {}
    for vault in given.get("vaults", []):
        found[vault["id"].lower()] = {"location": "francecentral", "properties": {"enableRbacAuthorization": True}}
        if "systemTopicId" in vault:
            topic = {"identity": {"type": "SystemAssigned"}, "properties": {"source": vault["id"].upper()}}
            found[vault["systemTopicId"].lower()] = topic
    for zone in given.get("zones", []):
        place = zone.get("options", {})
        if "resource_group" in place:
            group = f"/subscriptions/{place['subscription']}/resourceGroups/{place['resource_group']}"
            found[f"{group}/providers/Microsoft.Network/dnsZones/{zone['zone']}".lower()] = {"location": "global"}
    return found


def deploy(given: Mapping[str, Any], change: Callable[[Azure], None] = lambda _: None) -> Stage:
    """Run both deployments."""
    azure = Azure(cloud=given.get("cloud", "AzureCloud"), there=there(given))
    change(azure)
    main = Deployment(azure, INFRA / "main.bicep", given, Scope()).run()
    stage = Stage(azure, main, given)
    Deployment(azure, INFRA / "events.bicep", {"wiring": stage.wiring}, Scope()).run()
    return stage


@cache
def deployed(name: str) -> Stage:
    """Run both deployments with a parameter file."""
    return deploy(parameters(name))


@dataclass(frozen=True, slots=True)
class Indexed:
    """A function as the worker library indexes it."""

    name: str
    trigger: str
    bindings: tuple[dict[str, Any], ...]


@cache
def indexed() -> dict[str, Indexed]:
    """Return every function that the worker library finds in the app."""
    found = {}
    for one in app.get_functions():
        if not isinstance(one, func.Function):
            raise TypeError(one)
        bindings = tuple(binding.get_dict_repr() for binding in one.get_bindings())
        trigger = next(b["type"] for b in bindings if str(b["type"]).lower().endswith("trigger"))
        name = one.get_function_name()
        found[str(name)] = Indexed(str(name), str(trigger), bindings)
    return found
