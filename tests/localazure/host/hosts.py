"""A storage account and a Functions host, as the tests of this folder handle them."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from localazure.client import Process, await_until


class Credential:
    """A token for storage, asked of the identity endpoint as any client does."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token."""
        answer = urllib3.request(
            "GET",
            self._variables["IDENTITY_ENDPOINT"],
            fields={
                "resource": scopes[0].removesuffix("/.default"),
                "api-version": "2019-08-01",
                "client_id": self._variables["AZURE_CLIENT_ID"],
            },
            headers={"X-IDENTITY-HEADER": self._variables["IDENTITY_HEADER"]},
        ).json()
        return AccessToken(answer["access_token"], int(answer["expires_on"]))


@dataclass
class Account:
    """A storage account that only one host uses."""

    variables: dict[str, str]

    def queue(self, name: str) -> QueueClient:
        """Return a client of a queue, which is made if need be."""
        client = QueueClient(
            self.variables["AzureWebJobsStorage__queueServiceUri"],
            name,
            credential=Credential(self.variables),
            connection_verify=self.variables["SSL_CERT_FILE"],
            use_env_settings=False,
        )
        with contextlib.suppress(ResourceExistsError):
            client.create_queue()
        return client

    def table(self) -> TableClient:
        """Return a client of the hosts' table, which is made if need be."""
        client = TableClient(
            self.variables["AzureWebJobsStorage__tableServiceUri"],
            "azurefunctionshost",
            credential=Credential(self.variables),
            connection_verify=self.variables["SSL_CERT_FILE"],
            use_env_settings=False,
        )
        with contextlib.suppress(ResourceExistsError):
            client.create_table()
        return client

    def send(self, queue: str, text: str, **options: Any) -> None:
        """Send a message as the host expects it: base64."""
        with self.queue(queue) as client:
            client.send_message(base64.b64encode(text.encode()).decode(), **options)


class Host:
    """A running host: its address, its log, and its exit."""

    def __init__(self, process: Process, port: int, ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.url = f"http://127.0.0.1:{port}"
        self._http = urllib3.PoolManager(retries=False, timeout=20)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Send a request; a body that is not text is sent as JSON. Underscores in header names are dashes."""
        text = body if isinstance(body, str | bytes | None) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, self.url + path, body=text, headers=named)

    def notify(self, function: str, body: object) -> urllib3.BaseHTTPResponse:
        """Deliver events as Event Grid does."""
        path = f"/runtime/webhooks/EventGrid?functionName={function}"
        return self.ask("POST", path, body, aeg_event_type="Notification")

    def log(self) -> str:
        """Return all that was logged so far."""
        return self.process.log.read_text()

    def lines(self, **members: object) -> list[dict[str, Any]]:
        """Return the JSON objects that the app logged with these members."""
        found = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in found if members.items() <= line.items()]

    def wait_for(self, count: int = 1, *, timeout: float = 15, **members: object) -> list[dict[str, Any]]:
        """Wait for so many objects with these members in the log and return them."""
        await_until(lambda: len(self.lines(**members)) >= count, timeout)
        return self.lines(**members)

    def wait_for_text(self, text: str, *, timeout: float = 15) -> None:
        """Wait for a text in the log."""
        await_until(lambda: text in self.log(), timeout)

    def close(self) -> None:
        """Close the connections to the host."""
        self._http.clear()
