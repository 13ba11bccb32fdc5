"""`python -m localazure up`: Azure on one machine."""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path

from localazure.children import die_with_parent
from localazure.environment import Ready
from localazure.keyvault.pace import Pace
from localazure.ports import PortTakenError
from localazure.retry import RetryPolicy
from localazure.storage import StorageError
from localazure.up import LocalAzureServer, Plan, StartError


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        "python -m localazure", description="Azure on one machine, under Azure's own names."
    )
    up = parser.add_subparsers(dest="command", required=True).add_parser("up", help="start all and keep it running")
    up.add_argument("--app", type=Path, default=Path(), metavar="DIR", help="the Functions app that the host runs")
    up.add_argument("--no-host", action="store_true", help="start all but the Functions host")
    up.add_argument("--free-ports", action="store_true", help="take free ports instead of the well-known ones")
    up.add_argument("--ready", type=Path, metavar="FILE", help="write ports and paths there, as JSON, when all is up")
    up.add_argument("--env", type=Path, metavar="FILE", help="where to write the settings for other shells (DIR/env)")
    up.add_argument(
        "--folder", type=Path, default=Path(".local"), metavar="DIR", help="for the CA's certificate (.local)"
    )
    up.add_argument("--accounts", type=int, default=0, metavar="N", help="further storage accounts: st000, st001, ...")
    up.add_argument(
        "--direct-storage", action="store_true", help="no proxy before Azurite: faster, not logged, no faults"
    )
    up.add_argument(
        "--vaults", default="kv-orders=renew kv-payments=observe", metavar="NAME=MODE", help="the first vaults"
    )
    up.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE", help="a further app setting; may be repeated"
    )
    up.add_argument(
        "--pace", type=float, default=1.0, metavar="X", help="scales Event Grid's retry waits; 0.01 is 100 times faster"
    )
    up.add_argument(
        "--vault-pace", default="", metavar="NAME=SECONDS", help="how long Key Vault takes: self_issuance=0.2 issuer=1"
    )
    up.add_argument("--die-with-parent", action="store_true", help="end when the process that started this one ends")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    """Turn the command line into a plan. Raises ValueError for a bad pair."""
    pairs = dict(_pair(text) for text in arguments.vault_pace.split())
    pace = replace(Pace(), **{name: float(seconds) for name, seconds in pairs.items()})
    return Plan(
        folder=arguments.folder,
        env_file=arguments.env or arguments.folder / "env",
        ready_file=arguments.ready,
        app=None if arguments.no_host else arguments.app,
        free_ports=arguments.free_ports,
        direct_storage=arguments.direct_storage,
        accounts=arguments.accounts,
        vaults=dict(_pair(text) for text in arguments.vaults.split()),
        settings=dict(_pair(text) for text in arguments.setting),
        retry=RetryPolicy(pace=arguments.pace),
        pace=pace,
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text}: expected NAME=VALUE")
    return name, value


async def _run(plan: Plan) -> int:
    """Start all, wait for a signal or for the host to end, stop all."""
    stopping = asyncio.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(asked, stopping.set)
    server = LocalAzureServer(plan)
    starting = asyncio.create_task(server.start())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
        return 0
    try:
        ready = starting.result()
    except (PortTakenError, StorageError, StartError) as problem:
        stopped.cancel()
        print(f"localazure: {problem}", file=sys.stderr)
        return 1
    print(_how_to_look(ready, plan), flush=True)
    watched = {stopped} | ({asyncio.create_task(server.host.process.wait())} if server.host else set())
    await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    await server.stop()
    if not stopping.is_set():
        print("localazure: the Functions host ended, so all is stopped", file=sys.stderr)
    return 0 if stopping.is_set() else 1


def _how_to_look(ready: Ready, plan: Plan) -> str:
    """Return what to type next."""
    vault = next(iter(plan.vaults), "kv-orders")
    management = f"http://127.0.0.1:{ready.management}"
    policy = '{"policy": {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=www.example"}}}'
    return f"""
All is up. In another shell:
  curl -s {management}/                                          # what can be asked and disturbed
  curl -s {management}/requests?service=keyvault                 # what was asked of Key Vault
  curl -s {management}/events                                    # what the vaults emitted, and where it went
  curl -s {management}/vaults/{vault}/certificates -d '{{"count": 20, "not_after": "2030-01-01T00:00:00Z"}}'
Seed a certificate through the real API, as the identity that may do everything:
  . {plan.env_file}
  token=$(curl -s -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" \\
    "$IDENTITY_ENDPOINT?resource=https://vault.azure.net&api-version=2019-08-01&client_id=operator" | sed 's/.*"access_token": "\\([^"]*\\).*/\\1/')
  curl -s --cacert $SSL_CERT_FILE -H "Authorization: Bearer $token" -H "Content-Type: application/json" \\
    "https://{vault}.vault.azure.net/certificates/www/create?api-version=7.4" -d '{policy}'
Ctrl-C ends it."""


def main() -> int:
    """Run the command line."""
    arguments = _arguments()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # each line when it is true, also into a file
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if arguments.die_with_parent:
        die_with_parent()
    try:
        plan = _plan(arguments)
    except (ValueError, TypeError) as fault:
        print(f"localazure: {fault}", file=sys.stderr)
        return 2
    return asyncio.run(_run(plan))


if __name__ == "__main__":
    sys.exit(main())
