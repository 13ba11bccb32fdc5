"""Clients that know nothing of the local Azure but how to reach it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import urllib3

from localazure.client import LocalAzure


class Outside:
    """A plain HTTP client with nothing but the proxy and the CA."""

    def __init__(self, azure: LocalAzure) -> None:
        self._ready = azure.ready
        proxy = f"http://127.0.0.1:{azure.ready.proxy}"
        self.http = urllib3.ProxyManager(proxy, ca_certs=azure.ready.ca, retries=False, timeout=10)
        self.direct = urllib3.PoolManager(ca_certs=azure.ready.ca, retries=False, timeout=10)

    def close(self) -> None:
        """Close the connections."""
        self.http.clear()
        self.direct.clear()

    def token(self, resource: str, identity: str = "operator") -> str:
        """Return an Authorization header for a resource."""
        url = f"http://127.0.0.1:{self._ready.identity}/msi/token?api-version=2019-08-01"
        asked = f"{url}&resource={resource}&client_id={identity}"
        answer = self.direct.request("GET", asked, headers={"X-IDENTITY-HEADER": self._ready.identity_header})
        return f"Bearer {answer.json()['access_token']}"

    def vault(self, method: str, host: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
        """Ask a vault as the operator."""
        return self.http.request(
            method,
            f"https://{host}{path}?api-version=7.4",
            headers={"Authorization": self.token("https://vault.azure.net")},
            json=body,
        )


def run_client(environment: dict[str, str], script: str) -> Any:
    """Run a script in a process that has only an environment, and return the JSON that it prints."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
