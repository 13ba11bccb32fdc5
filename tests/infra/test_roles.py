"""Who may do what: exactly what the page of roles says, and nothing with a key."""

from __future__ import annotations

import re

import pytest

from tests.infra.bicep.azure import Made
from tests.infra.stage import INFRA, NAMES, Stage, deploy, deployed, files, parameters

#: Azure: built-in roles, by the last part of their ids.
BUILT_IN = {
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "befefa01-2a29-4197-83a8-272ff33ce314": "DNS Zone Contributor",
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603": "Key Vault Crypto Officer",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
}
RENEWER = "Perennial Certificate Renewer"
SIGNER = "Perennial Account Keys"
WRITER = "Perennial TXT Records"
APP = {
    ("app", "Storage Blob Data Owner", "storageAccounts"),
    ("app", "Storage Queue Data Contributor", "storageAccounts"),
    ("app", "Storage Table Data Contributor", "storageAccounts"),
    ("app", "EventGrid Data Sender", "topics"),
    ("app", "Monitoring Metrics Publisher", "components"),
}
DEAD_LETTERS = ("system topic", "Storage Blob Data Contributor", "dead-letter")
SENDING = ("system topic", "Storage Queue Data Message Sender", "vault-events")


def assignments(stage: Stage) -> list[Made]:
    """Return the role assignments."""
    return stage.all("Microsoft.Authorization/roleAssignments")


def defined(stage: Stage) -> dict[str, str]:
    """Return the roles that are defined, by their ids, without the name of the environment."""
    made = stage.all("Microsoft.Authorization/roleDefinitions")
    return {one.name: str(one.get("properties.roleName")).partition(" (")[0] for one in made}


def definition(stage: Stage, role: str) -> Made:
    """Return the definition of a role."""
    (found,) = [one for one in stage.all("Microsoft.Authorization/roleDefinitions") if defined(stage)[one.name] == role]
    return found


def of_cas(stage: Stage) -> set[tuple[str, str, str]]:
    """Say what the CAs and zones of a parameter file are good for."""
    acme = [one for one in stage.given.get("authorities", []) if one.get("kind", "acme") == "acme"]
    zones = [one["zone"] for one in stage.given.get("zones", []) if one["provider"] == "azure"]
    own = {one.name for one in stage.all("Microsoft.KeyVault/vaults") if one.file == "keys.bicep"}
    assert len(own) == bool(acme)
    return {("app", SIGNER, vault) for vault in own} | {("app", WRITER, zone) for zone in zones}


def told(stage: Stage, assignment: Made) -> tuple[str, str, str]:
    """Say who, which role, on what."""
    identity = stage.one("Microsoft.ManagedIdentity/userAssignedIdentities")
    principal = stage.azure.look_up(identity.type, identity.name, identity.id)["properties"]["principalId"]
    who = "app" if assignment.get("properties.principalId") == principal else "system topic"
    guid = assignment.get("properties.roleDefinitionId").rpartition("/")[2]
    role = BUILT_IN.get(guid) or defined(stage).get(guid, RENEWER)
    target = assignment.id.partition("/providers/Microsoft.Authorization/")[0].split("/")
    return who, role, target[-1] if target[-2] in {"containers", "queues", "vaults", "dnsZones"} else target[-2]


@pytest.mark.parametrize("name", NAMES)
def test_the_roles_are_exactly_those_of_the_page(name: str) -> None:
    """Five for the app, one on each vault, on its own vault and on each zone; topics may leave dead letters, and events for a queue."""
    stage = deployed(name)
    vaults = {("app", RENEWER, vault["vault"]) for vault in stage.wiring["vaults"]}
    topics = {DEAD_LETTERS} | ({SENDING} if stage.wiring["byQueue"] else set())
    found = [told(stage, one) for one in assignments(stage)]
    assert set(found) == APP | vaults | topics | of_cas(stage)
    assert len(found) == len(APP) + len(vaults) + len(topics) * len(vaults) + len(of_cas(stage))


def test_roles_are_given_on_one_page() -> None:
    """No other file declares a role assignment, but those that go to the scope of a vault or zone for the page."""
    givers = {path.name for path in files() if "Microsoft.Authorization/roleAssignments@" in path.read_text("utf-8")}
    callers = {path.name for path in files() if re.search(r"(vault|zone)-role\.bicep", path.read_text("utf-8"))}
    assert givers == {"roles.bicep", "vault-role.bicep", "zone-role.bicep"}
    assert callers == {"roles.bicep"}


@pytest.mark.parametrize("name", NAMES)
def test_the_role_on_vaults_has_three_data_actions(name: str) -> None:
    """Reading, creating and updating certificates: no secret, no key, no delete, no purge."""
    stage = deployed(name)
    role = definition(stage, RENEWER)
    (permission,) = role.get("properties.permissions")
    family = "Microsoft.KeyVault/vaults/certificates"
    assert set(permission["dataActions"]) == {f"{family}/read", f"{family}/create/action", f"{family}/update/action"}
    assert permission["actions"] == []
    assert stage.given["environmentName"] in role.get("properties.roleName")
    groups = {"/".join(vault["systemTopicId"].split("/")[:5]) for vault in stage.wiring["vaults"]}
    given = {one.id.partition("/providers/")[0] for one in assignments(stage) if told(stage, one)[1] == RENEWER}
    assert set(role.get("properties.assignableScopes")) == given
    assert name == "two-subscriptions" or given == groups


@pytest.mark.parametrize("name", ["public", "private"])
def test_the_role_on_accounts_keys_makes_reads_and_signs(name: str) -> None:
    """In the group of the deployment alone, on the one vault: nothing is exported, deleted or purged, and no secret is read."""
    stage = deployed(name)
    role = definition(stage, SIGNER)
    (permission,) = role.get("properties.permissions")
    family = "Microsoft.KeyVault/vaults/keys"
    assert set(permission["dataActions"]) == {f"{family}/read", f"{family}/create/action", f"{family}/sign/action"}
    assert permission["actions"] == []
    (vault,) = [one for one in stage.all("Microsoft.KeyVault/vaults") if one.file == "keys.bicep"]
    assert role.get("properties.assignableScopes") == [vault.id.partition("/providers/")[0]]


def test_the_role_on_zones_writes_txt_records_alone() -> None:
    """In the groups of the zones: no other record, no zone, nothing of the data plane."""
    role = definition(deployed("public"), WRITER)
    (permission,) = role.get("properties.permissions")
    family = "Microsoft.Network/dnsZones/TXT"
    assert set(permission["actions"]) == {f"{family}/read", f"{family}/write", f"{family}/delete"}
    assert permission["dataActions"] == []
    groups = {scope.rpartition("/")[2] for scope in role.get("properties.assignableScopes")}
    assert groups == {"rg-dns", "rg-shop"}


@pytest.mark.parametrize("authorities", [[], [{"name": "corp", "kind": "external"}]])
def test_without_accounts_there_is_no_vault_for_keys(authorities: list[dict[str, str]]) -> None:
    """Nor a role, nor its setting; a CA that a person asks needs none."""
    stage = deploy(parameters("public") | {"authorities": authorities, "zones": []})
    assert not {SIGNER, WRITER} & {told(stage, one)[1] for one in assignments(stage)}
    assert [one.file for one in stage.all("Microsoft.KeyVault/vaults")] == ["new-vault.bicep"]
    assert "PERENNIAL_KEYS" not in stage.settings
    assert ("PERENNIAL_AUTHORITIES" in stage.settings) == bool(authorities)


def test_a_given_role_is_not_defined_but_given() -> None:
    """Who may not define roles names one; keys and zones then get built-in ones."""
    role = "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/99999999-0000-4000-8000-000000000009"
    stage = deploy(parameters("public") | {"roleDefinitionId": role})
    on_vaults = [one for one in assignments(stage) if told(stage, one)[1] == RENEWER]
    assert stage.all("Microsoft.Authorization/roleDefinitions") == []
    assert {one.get("properties.roleDefinitionId").rpartition("/")[2] for one in on_vaults} == {role.rpartition("/")[2]}
    found = {told(stage, one)[1] for one in assignments(stage)}
    assert {"Key Vault Crypto Officer", "DNS Zone Contributor"} <= found


@pytest.mark.parametrize("name", NAMES)
def test_an_assignment_is_named_by_scope_principal_and_role(name: str) -> None:
    """The same three give the same name, and no two assignments share one: a new principal of an old name gets assignments of its own."""
    first, second = deployed(name), deploy(parameters(name))
    assert {one.id for one in assignments(first)} == {one.id for one in assignments(second)}
    assert len({one.name for one in assignments(first)}) == len(assignments(first))
    seeds = [re.findall(r"name: guid\((.*)\)$", path.read_text("utf-8"), re.MULTILINE) for path in files()]
    named = [seed for found in seeds for seed in found if "workbook" not in seed]
    assert len(named) == 8
    assert all(re.match(r"[\w:]+\.id, (appPrincipalId|principalId|\w+\[0\]), ", seed) for seed in named)


@pytest.mark.parametrize("name", NAMES)
def test_every_assignment_says_that_its_principal_is_a_service(name: str) -> None:
    """Otherwise Entra ID, which learns of new identities late, refuses it."""
    assert {one.get("properties.principalType") for one in assignments(deployed(name))} == {"ServicePrincipal"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_done_with_a_key(name: str) -> None:
    """No key or connection string is asked for, written or handed on."""
    texts = " ".join(path.read_text("utf-8") for path in files())
    assert not re.findall(r"list(Account)?(Keys|Sas|Secrets)\b|sharedKey\b|AccountKey|SharedAccess", texts)
    written = repr([one.body for one in deployed(name).azure.made])
    assert not re.findall(r"AccountKey=|SharedAccessKey|sig=|[?&]code=", written)


def test_the_page_is_the_first_thing_that_a_reader_finds() -> None:
    """Each built-in role of the page has the id that Azure gives it."""
    page = (INFRA / "roles.bicep").read_text(encoding="utf-8")
    assert {(guid, role) for role, guid in re.findall(r"^  '([\w ]+)': '([0-9a-f-]{36})'$", page, re.MULTILINE)} == set(
        BUILT_IN.items()
    )
