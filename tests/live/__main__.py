"""`make live-check VAULT=name`: the contracts against a real vault, and a topic, tables and queues where their endpoints are given.

Certificates named `cert-…` are imported, made and deleted; keys, messages and rows are left: give it vaults and an account for trials.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

import pytest
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.queue import QueueClient

from perennial.adapters import clients
from perennial.model.clouds import CLOUDS
from perennial.settings import readers

USAGE = "make live-check VAULT=name [TOPIC=https://…] [KEYS=https://…] [TABLES=https://…] [QUEUES=https://…]"
ENDPOINTS = ("TOPIC", "KEYS", "TABLES", "QUEUES")
SCOPES = {
    "VAULT": "https://vault.azure.net/.default",
    "TOPIC": "https://eventgrid.azure.net/.default",
    "KEYS": "https://vault.azure.net/.default",
    "TABLES": "https://storage.azure.com/.default",
    "QUEUES": "https://storage.azure.com/.default",
}


class Refused(Exception):
    """Nothing can be checked; the text is one line for a person."""


class OnlyLive:
    """Leaves those tests that go to live Azure."""

    def __init__(self) -> None:
        self.chosen = 0

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Take the others out."""
        live = [item for item in items if isinstance(item, pytest.Function) and _is_live(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in live])
        items[:] = live
        self.chosen = len(live)


def _is_live(item: pytest.Function) -> bool:
    call = getattr(item, "callspec", None)  # only tests with parameters have one
    return call is not None and "live" in call.params.values()


def wanted(environ: Mapping[str, str]) -> dict[str, str]:
    """Read what is to be checked. Raises Refused."""
    given = {name: environ.get(name, "").strip() for name in SCOPES}
    if not given["VAULT"]:
        raise Refused(f"no vault is named; {USAGE}")
    if not readers.VAULT_NAME.fullmatch(given["VAULT"].lower()):
        raise Refused(f"VAULT={given['VAULT']} is not the name of a vault (not its address either); {USAGE}")
    for name in ENDPOINTS:
        try:
            given[name] = readers.https_url(given[name]) if given[name] else ""
        except readers.Wrong as wrong:
            raise Refused(f"{name} {wrong}; {USAGE}") from wrong
    return {name: text for name, text in given.items() if text}


def sign_in(names: Mapping[str, str]) -> TokenCredential:
    """Return a login that gets a token for each service. Raises Refused."""
    identity = DefaultAzureCredential()
    for scope in dict.fromkeys(SCOPES[name] for name in names):
        try:
            identity.get_token(scope)
        except ClientAuthenticationError as nobody:
            raise Refused(
                "no Azure credentials were found: az login, or see DefaultAzureCredential of azure-identity"
            ) from nobody
    return identity


def knock(vault: str, identity: TokenCredential) -> None:
    """Look whether a vault is there and lets us in. Raises Refused."""
    client = clients.certificate_client(CLOUDS["public"], identity, vault)
    try:
        next(iter(client.list_properties_of_certificates()), None)
    except HttpResponseError as refusal:
        words = " ".join(str(refusal.message).split())[:200]
        raise Refused(
            f"{vault} refuses: {words} (it needs the role Key Vault Certificates Officer and a way through its firewall)"
        ) from refusal
    except AzureError as silence:
        raise Refused(
            f"{vault} was not reached: is there such a vault? {CLOUDS['public'].vault_url(vault)}"
        ) from silence


def look_for_an_installation(names: Mapping[str, str], identity: TokenCredential) -> None:
    """Look whether an account is that of an installation, whose messages and rows the suites would spoil. Raises Refused."""
    for name in ("TABLES", "QUEUES"):
        endpoint = names.get(name, "").replace(".table.", ".queue.")
        if not endpoint or (name == "TABLES" and endpoint == names[name]):
            continue
        try:
            QueueClient(endpoint, "vault-events", credential=identity).get_queue_properties()
        except ResourceNotFoundError:
            continue
        except AzureError as trouble:
            raise Refused(f"{endpoint} does not answer: {' '.join(str(trouble.message).split())[:200]}") from trouble
        raise Refused(
            f"{names[name]} belongs to an installation (it has the queue vault-events); give an account for trials"
        )


def main(environ: Mapping[str, str]) -> int:
    """Run the suites; return 0 where all hold, 1 where one does not, 2 where nothing could be checked."""
    logging.getLogger("azure").setLevel(logging.CRITICAL)  # the refusal says it in one line
    try:
        names = wanted(environ)
        identity = sign_in(names)
        knock(names["VAULT"], identity)
        look_for_an_installation(names, identity)
    except Refused as refused:
        sys.stderr.write(f"live-check: {refused}\n")
        return 2
    os.environ.update({f"PERENNIAL_LIVE_{name}": text for name, text in names.items()})
    only = OnlyLive()
    ended = pytest.main(["tests/contract", "-n0", "-p", "no:cacheprovider"], plugins=[only])
    told = ", ".join(f"{name}={text}" for name, text in names.items())
    sys.stdout.write(
        f"live-check: {only.chosen} clauses were tried on {told}: {'all hold' if ended == 0 else 'see above'}\n"
    )
    return int(ended != 0)


if __name__ == "__main__":
    sys.exit(main(os.environ))
