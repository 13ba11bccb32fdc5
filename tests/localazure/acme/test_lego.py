"""Debian's lego as a client of a CA of our own: another hand than the one that the CA was written against."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from localazure.acme.alone import alone
from localazure.client import LocalAzure
from localazure.install_pebble import find
from tests.localazure.acme.test_acme_library import names_of

NAMES = ("example.com", "*.example.com")


def run(directory: str, folder: Path, dns: str, names: Sequence[str], *command: str) -> None:
    """Run lego with a DNS hook that does nothing, as the CA takes every answer; lego itself looks for the zone at `dns`."""
    lego, hook = find("lego"), folder / "hook"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    options = ["--server", directory, "--email", "a@example.com", "--accept-tos", "--path", str(folder / "lego")]
    options += ["--dns", "exec", "--dns.disable-cp", "--dns.resolvers", dns]
    options += [f"--domains={name}" for name in names]
    variables = {
        **lego.environment,
        "EXEC_PATH": str(hook),
        "EXEC_SEQUENCE_INTERVAL": "1",
        "EXEC_POLLING_INTERVAL": "1",
    }
    done = subprocess.run(
        [lego.path, *options, *command], env=variables, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_lego_orders_renews_and_revokes(azure: LocalAzure, tmp_path: Path) -> None:
    """A certificate for apex and wildcard, its renewal, and the renewal's revocation."""
    azure.dns.zone("example.com")
    with alone() as (ca, directory):
        run(directory, tmp_path, azure.dns_server, NAMES, "run")
        pem = (tmp_path / "lego" / "certificates" / "example.com.crt").read_bytes()
        leaf, above = x509.load_pem_x509_certificates(pem)
        leaf.verify_directly_issued_by(above)
        assert set(names_of(leaf)) == {"example.com", "*.example.com"}
        run(directory, tmp_path, azure.dns_server, NAMES, "renew", "--days", "100", "--no-random-sleep")
        run(directory, tmp_path, azure.dns_server, NAMES[:1], "revoke")
        assert [one.revoked for one in ca.books.certificates.values()] == [None, 0]
        assert len(ca.books.accounts) == 1
    azure.dns.remove("example.com")
