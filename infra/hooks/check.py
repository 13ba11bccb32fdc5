"""Before the first deployment: what only Azure knows about the vaults of a parameter file, said before anything is created.

    python3 infra/hooks/check.py [infra/main.parameters.json]

The file may also be named by PERENNIAL_PARAMETERS. It only reads: az account show, az cloud show, az keyvault show, az eventgrid system-topic list.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from azcli import Fault, ask, az

VAULT_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.KeyVault/vaults/([^/]+)", re.IGNORECASE
)
TOPIC_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.EventGrid/systemTopics/([^/]+)", re.IGNORECASE
)
VARIABLE = re.compile(r"\$\{(\w+)(?:=([^}]*))?\}")  # azd: ${NAME} and ${NAME=default}
FILE = "infra/main.parameters.json"  # which azd reads
AT_ONCE = 8  # questions to the CLI, which takes a second for each


def read(path: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Read a parameter file as azd does. Raises Fault."""
    try:
        text = path.read_text(encoding="utf-8")
        filled = VARIABLE.sub(lambda found: environ.get(found[1], found[2] or ""), text)
        given = {name: entry["value"] for name, entry in json.loads(filled)["parameters"].items() if "value" in entry}
    except OSError as missing:
        raise Fault(f"{path} cannot be read: {missing.strerror}.") from missing
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise Fault(f"{path} is not a parameter file: {broken}.") from broken
    vaults = given.setdefault("vaults", [])
    if not isinstance(vaults, list) or not all(isinstance(vault, dict) for vault in vaults):
        raise Fault(f'{path} is not a parameter file: write "vaults": {{ "value": [ {{ "id": "…" }} ] }}.')
    return given


def of_the_file(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong whatever Azure says; the template would say it too."""
    ids = [str(vault.get("id", "")) for vault in given["vaults"]]
    faults = [
        f'"{one}" is not the resource id of a vault: see az keyvault show --name NAME --query id.'
        for one in ids
        if not VAULT_ID.fullmatch(one)
    ]
    names = [one.rpartition("/")[2].lower() for one in ids]
    names += [name.lower() for name in [given.get("newVault", {}).get("name", "")] if name]
    again = dict.fromkeys(name for place, name in enumerate(names) if name in names[:place])
    faults += [f"The vault {name} is named twice: write each vault once." for name in again]
    topics = [vault["systemTopicId"] for vault in given["vaults"] if vault.get("systemTopicId")]
    faults += [
        f'"{one}" is not the resource id of a system topic: see az eventgrid system-topic list --query "[].id".'
        for one in topics
        if not TOPIC_ID.fullmatch(one)
    ]
    return faults


def of_the_cloud(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with where one is signed in. Raises Fault where one is not."""
    who = az("account", "show", "--output", "json")
    if who.returncode:
        raise Fault(f"You are not signed in to the Azure CLI: az login. ({' '.join(who.stderr.split())[:200]})")
    here = str(ask("cloud", "show", "--query", "name"))
    wanted = given.get("cloud") or here
    if wanted == here:
        return []
    return [f"The parameter file is for {wanted}, and you are signed in to {here}: az cloud set --name {wanted}."]


def of_a_vault(vault: Mapping[str, Any], topics: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a vault; topics are the system topics by their ids in small letters."""
    subscription, group, name = _parts(vault["id"])
    show = ("keyvault", "show", "--subscription", subscription, "--resource-group", group, "--name", name)
    try:
        found = ask(*show)
    except Fault as refusal:
        return [f"The vault {name} is not there, or you may not read it: az {' '.join(show)} says: {refusal}"]
    faults = []
    if not found["properties"].get("enableRbacAuthorization"):
        faults.append(
            f"The vault {name} uses access policies. Move it to roles first: "
            f"az keyvault update --name {name} --enable-rbac-authorization true"
        )
    return faults + of_its_topic(vault, name, topics)


def of_its_topic(vault: Mapping[str, Any], name: str, topics: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the system topic that a vault has, or is said to have."""
    own = f"{vault['id'].rpartition('/providers/')[0]}/providers/Microsoft.EventGrid/systemTopics/perennial-{name}".lower()
    said = vault.get("systemTopicId", "").lower()
    has = [one for one in topics.values() if one["source"].lower() == vault["id"].lower() and one["id"].lower() != own]
    if not said:
        return [
            f'The vault {name} has a system topic already, and Event Grid allows one a vault: write "systemTopicId": "{one["id"]}" beside its id.'
            for one in has
        ] + [fault for one in has for fault in _without_identity(one)]
    if said not in topics:
        return [
            f'The system topic {vault["systemTopicId"]} is not there: az eventgrid system-topic list --query "[].id"'
        ]
    topic = topics[said]
    if topic["source"].lower() != vault["id"].lower():
        look = 'az eventgrid system-topic list --query "[].{id:id, source:source}"'
        return [f"The system topic {topic['name']} belongs to another source, not to {vault['id']}. See: {look}"]
    return _without_identity(topic)


def _without_identity(topic: Mapping[str, Any]) -> list[str]:
    kind = str((topic.get("identity") or {}).get("type") or "")
    if "SystemAssigned" in kind.replace(" ", ""):
        return []
    subscription, group, name = _parts(topic["id"])
    mend = f"az eventgrid system-topic update --name {name} --resource-group {group} --subscription {subscription} --identity systemassigned"
    return [f"The system topic {name} has no system-assigned identity, with which it writes dead letters: {mend}"]


def _parts(resource_id: str) -> tuple[str, str, str]:
    """Return subscription, resource group and name."""
    parts = resource_id.split("/")
    return parts[2], parts[4], parts[8]


def topics_of(subscriptions: list[str]) -> dict[str, Any]:
    """Return the system topics of subscriptions, by their ids in small letters. Raises Fault."""
    found = {}
    for subscription in subscriptions:
        for topic in ask("eventgrid", "system-topic", "list", "--subscription", subscription):
            found[topic["id"].lower()] = topic
    return found


def faults_of(given: Mapping[str, Any]) -> list[str]:
    """Return every fault as a sentence with its fix. Raises Fault where nothing can be asked."""
    faults = of_the_file(given) + of_the_cloud(given)
    if faults:
        return faults
    vaults = given["vaults"]
    named = [vault["id"] for vault in vaults] + [
        vault["systemTopicId"] for vault in vaults if vault.get("systemTopicId")
    ]
    topics = topics_of(sorted({one.split("/")[2].lower() for one in named}))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [fault for found in threads.map(lambda vault: of_a_vault(vault, topics), vaults) for fault in found]


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Check a parameter file; return 0 where nothing is in the way."""
    try:
        given = read(Path(arguments[0] if arguments else environ.get("PERENNIAL_PARAMETERS", FILE)), environ)
        faults = faults_of(given)
    except Fault as fault:
        faults = [str(fault)]
    if faults:
        sys.stderr.write("".join(f"{fault}\n" for fault in faults) + "Nothing was created.\n")
        return 1
    sys.stdout.write(f"{len(given.get('vaults', []))} vaults were asked for: nothing is in the way.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
