"""`python -m localazure up`: Azure on one machine."""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from localazure.children import die_with_parent
from localazure.environment import Ready
from localazure.keyvault.pace import Pace
from localazure.plan import Plan, StartError
from localazure.ports import PortTakenError
from localazure.retry import RetryPolicy
from localazure.seed import SeedError, seed
from localazure.storage import StorageError
from localazure.up import LocalAzureServer


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        "python -m localazure", description="Azure on one machine, under Azure's own names."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _seed_arguments(
        commands.add_parser("seed", help="put an old self-signed certificate into a vault (after: . .local/env)")
    )
    _up_arguments(commands.add_parser("up", help="start all and keep it running"))
    return parser.parse_args()


def _seed_arguments(seed: argparse.ArgumentParser) -> None:
    """Describe the options of `seed`."""
    seed.add_argument("vault")
    seed.add_argument("name")
    seed.add_argument("--days", type=float, default=365, help="its whole life (365)")
    seed.add_argument("--left", type=float, default=20, help="days until it expires (20); less than 0: expired")
    seed.add_argument("--auto-renew", action="store_true", help="let Key Vault renew it at 80 %% of its life")


def _up_arguments(up: argparse.ArgumentParser) -> None:
    """Describe the options of `up`."""
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
    python = os.path.relpath(sys.executable)
    app, management = (f"http://127.0.0.1:{port}" for port in (ready.host, ready.management))
    of_the_app = {
        f"{app}/api/health": "how the app is; the rest of its API is in openapi.yaml",
        f"{app}/api/certificates/{vault}/www": "a certificate, once there is one (below)",
    }
    questions = (of_the_app if ready.host else {}) | {
        f"{management}/": "what can be asked and disturbed",
        f"{management}/requests?service=keyvault": "what was asked of Key Vault",
        f"{management}/events": "what the vaults emitted, and where it went",
    }
    lines = "\n".join(f"  curl -s {url:<60} # {what}" for url, what in questions.items())
    return f"""
All is up. In another shell:
{lines}
  curl -s {management}/vaults/{vault}/certificates -d '{{"count": 20, "not_after": "2030-01-01T00:00:00Z"}}'
Put an old certificate into a vault (20 days left of a year), through the real API:
  . {plan.env_file} && {python} -m localazure seed {vault} www --left 20
Ctrl-C ends it."""


def main() -> int:
    """Run the command line."""
    arguments = _arguments()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # each line when it is true, also into a file
    logging.basicConfig(format="%(asctime)sZ %(name)s %(message)s")
    logging.Formatter.converter = time.gmtime
    logging.getLogger("localazure").setLevel(logging.INFO)
    try:
        if arguments.command == "seed":
            return _seed(arguments)
        plan = _plan(arguments)
    except (ValueError, TypeError, SeedError) as fault:
        print(f"localazure: {fault}", file=sys.stderr)
        return 2
    if arguments.die_with_parent:
        die_with_parent()
    return asyncio.run(_run(plan))


def _seed(arguments: argparse.Namespace) -> int:
    """Seed a certificate and say what is in the vault now."""
    version, end = seed(
        arguments.vault, arguments.name, days=arguments.days, left=arguments.left, auto_renew=arguments.auto_renew
    )
    print(f"{version} expires {end:%Y-%m-%d %H:%M} UTC")
    return 0


if __name__ == "__main__":
    sys.exit(main())
