"""An old certificate can be put into a vault through the real API."""

from __future__ import annotations

import subprocess
import sys
import time

from localazure.client import LocalAzure
from tests.localazure.outside import Outside


def seed(azure: LocalAzure, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with the settings of the local Azure."""
    command = [sys.executable, "-m", "localazure", "seed", *arguments]
    return subprocess.run(command, env=azure.environment(), capture_output=True, text=True, check=False, timeout=60)


def test_a_seeded_certificate_is_as_old_as_asked(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """It is enabled, of issuer Self, and has the wanted life behind and before it."""
    done = seed(azure, vault, "www", "--days", "100", "--left", "20", "--auto-renew")
    assert done.returncode == 0, done.stderr
    assert f"https://{vault}.vault.azure.net/certificates/www/" in done.stdout
    bundle = outside.vault("GET", f"{vault}.vault.azure.net", "/certificates/www/").json()
    attributes, policy = bundle["attributes"], bundle["policy"]
    assert attributes["enabled"] is True
    assert attributes["exp"] - attributes["nbf"] == 100 * 86400
    assert abs(attributes["exp"] - time.time() - 20 * 86400) < 60
    assert policy["issuer"]["name"] == "Self"
    assert policy["lifetime_actions"][0]["action"]["action_type"] == "AutoRenew"


def test_without_the_option_the_vault_does_not_renew_it(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """The policy has no AutoRenew unless it was asked for."""
    assert seed(azure, vault, "www").returncode == 0
    bundle = outside.vault("GET", f"{vault}.vault.azure.net", "/certificates/www/").json()
    assert "AutoRenew" not in str(bundle["policy"].get("lifetime_actions"))


def test_what_the_vault_refuses_is_one_line(azure: LocalAzure, vault: str) -> None:
    """An unknown vault, a name that no certificate may have, and a shell without the settings are said plainly."""
    for arguments, words in ((("kv-nobody", "www"), "kv-nobody"), ((vault, "a_b"), "a_b")):
        done = seed(azure, *arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.startswith("localazure: ")
        assert done.stderr.count("\n") == 1
    bare = subprocess.run(
        [sys.executable, "-m", "localazure", "seed", vault, "www"], env={}, capture_output=True, text=True, check=False
    )
    assert "read .local/env" in bare.stderr
