"""What a process needs in its environment to find this local Azure."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from localazure.identity import PATH
from localazure.names import TOPIC_SUFFIX
from localazure.tokens import Tokens

REGION = "westeurope-1"
DEFAULT_ACCOUNT = "stperennial"
# Settings of another world, which would send a client elsewhere.
FOREIGN = ("AZURE_", "PERENNIAL_", "AZUREWEBJOBS", "AZUREFUNCTIONSJOBHOST", "IDENTITY_", "MSI_")


@dataclass(frozen=True, slots=True)
class Ready:
    """Where everything listens (ports on 127.0.0.1); the contents of the `--ready` file."""

    pid: int
    proxy: int
    identity: int
    management: int
    dns: int  # UDP and TCP
    blob: int
    queue: int
    table: int
    host: int | None  # None: no host was started
    ca: str
    certificate: str  # for 127.0.0.1 and localhost, signed by the CA: for a test's own https server
    key: str
    identity_header: str
    accounts: list[str]

    def write(self, path: Path) -> None:
        """Write it whole or not at all; only the owner may read it."""
        part = path.with_name(path.name + ".part")
        part.touch(mode=0o600)
        part.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> Ready:
        """Read what `write` wrote."""
        return msgspec.json.decode(path.read_bytes(), type=cls)


def topic_endpoint(topic: str) -> str:
    """Return the endpoint of a custom topic, as its resource's `properties.endpoint` has it."""
    return f"https://{topic}.{REGION}{TOPIC_SUFFIX}/api/events"


def environment(
    ready: Ready,
    *,
    account: str = DEFAULT_ACCOUNT,
    identity: str = "perennial",
    vaults: Mapping[str, str] | None = None,
    topic: str = "perennial",
) -> dict[str, str]:
    """Return the variables for an app with this storage account, identity, vaults (name to mode) and topic."""
    client_id = Tokens().identity(identity).client_id
    blob, queue, table = (f"https://127.0.0.1:{port}/{account}" for port in (ready.blob, ready.queue, ready.table))
    return {
        "HTTPS_PROXY": f"http://127.0.0.1:{ready.proxy}",
        "NO_PROXY": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": ready.ca,
        "SSL_CERT_FILE": ready.ca,
        "CURL_CA_BUNDLE": ready.ca,
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{ready.identity}{PATH}",
        "IDENTITY_HEADER": ready.identity_header,
        "AZURE_CLIENT_ID": client_id,
        "AzureWebJobsStorage__blobServiceUri": blob,
        "AzureWebJobsStorage__queueServiceUri": queue,
        "AzureWebJobsStorage__tableServiceUri": table,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": client_id,
        "PERENNIAL_VAULTS": " ".join(f"{name}={mode}" for name, mode in (vaults or {}).items()),
        "PERENNIAL_TABLES": table,
        "PERENNIAL_QUEUES": queue,
        "PERENNIAL_TOPIC": topic_endpoint(topic),
        "PERENNIAL_CLIENT_ID": client_id,
        "PERENNIAL_DNS_SERVERS": f"127.0.0.1:{ready.dns}",
        "PERENNIAL_DUE_SCHEDULE": "0 * * * * *",  # triggers name these two, so they must be set
        "PERENNIAL_SWEEP_SCHEDULE": "0 0 3 * * *",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
    }


def inherited() -> dict[str, str]:
    """Return this process's environment without proxies and settings that lead elsewhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith("_PROXY") and not name.upper().startswith(FOREIGN)
    }


def write_exports(path: Path, variables: Mapping[str, str]) -> None:
    """Write the variables as shell `export` lines that only the owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    lines = [
        "# Points any Azure client of this shell at the local Azure: . this file",
        "unset https_proxy no_proxy all_proxy",
    ]
    # func and env accept any name, and so does export: none here has a dot or a dash
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    path.write_text("\n".join(lines) + "\n")
