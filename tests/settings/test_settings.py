"""Settings from the environment: what is read, what is refused, and that all faults are told at once."""

from __future__ import annotations

import ast
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from perennial.errors import SettingsError
from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.model.clouds import CLOUDS
from perennial.model.mode import Mode
from perennial.model.zones import ZoneSetting
from perennial.settings import Settings, from_environment
from perennial.settings.catalog import CATALOG
from perennial.settings.page import page
from perennial.settings.readers import written

PAGE = Path(__file__).parents[2] / "docs/settings.md"
NEEDED = {
    "PERENNIAL_VAULTS": "kv-orders=renew KV-Billing=observe\nkv-test",
    "PERENNIAL_TABLES": "https://account.table.example/",
    "PERENNIAL_QUEUES": "https://127.0.0.1:10001/account",
}


def read(**variables: str) -> Settings:
    """Read the needed settings and these, without their prefix."""
    return from_environment(NEEDED | {f"PERENNIAL_{name}": text for name, text in variables.items()})


def test_what_is_needed_suffices() -> None:
    """All else has the defaults of the type."""
    assert read() == Settings(
        vaults={"kv-orders": Mode.RENEW, "kv-billing": Mode.OBSERVE, "kv-test": Mode.OBSERVE},
        tables="https://account.table.example",
        queues="https://127.0.0.1:10001/account",
    )


def test_every_setting_is_read() -> None:
    """Each variable reaches its field."""
    given = read(
        TOPIC="https://topic.example/api/events",
        CLIENT_ID="11111111-2222-3333-4444-55555555555A",
        ROLE="A4417E6F-fecd-4de8-b567-7b0420556985",
        CLOUD="US-Government",
        INSTANCE="europe",
        SWEEP_SCHEDULE="0 30 2 * * MON-FRI",
        DUE_SCHEDULE="30 */5 * * * *",
        MAX_RENEWALS_PER_DAY="50",
        RENEWAL_LADDER="5m 1h 1d",
        SUPERVISION_GRACE="36h",
        FOREIGN_TAGS="AcmeBot=Acmebot other=X",
        FORBID_EXPORTABLE_KEYS="True",
        AUTHORITIES='[{"name": "le", "directory": "https://ca.example/dir", "agree_terms": true}, {"name": "hand", "kind": "external"}]',
        ISSUERS="le, Hand",
        ZONES='[{"zone": "Example.com.", "provider": "azure", "options": {"subscription": "s", "resource_group": "dns"}}]',
        KEYS="https://kv-own.vault.example/",
        DNS_SERVERS="10.0.0.4 127.0.0.1:5353 [fd00::4]:53 ::1",
        WEBHOOK_RANGES="10.0.0.0/8 fd00::/8",
        KEEP_DELIVERIES="30d",
        KEEP_HISTORY="800d",
    )
    assert given == Settings(
        vaults=read().vaults,
        tables=read().tables,
        queues=read().queues,
        topic="https://topic.example/api/events",
        client_id="11111111-2222-3333-4444-55555555555a",
        role="a4417e6f-fecd-4de8-b567-7b0420556985",
        cloud=CLOUDS["us-government"],
        instance="europe",
        sweep_schedule="0 30 2 * * MON-FRI",
        due_schedule="30 */5 * * * *",
        max_renewals_per_day=50,
        renewal_ladder=(timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)),
        supervision_grace=timedelta(hours=36),
        foreign_tags={"acmebot": "Acmebot", "other": "X"},
        forbid_exportable_keys=True,
        authorities=(
            AuthoritySetting(name="le", directory="https://ca.example/dir", agree_terms=True),
            AuthoritySetting(name="hand", kind=AuthorityKind.EXTERNAL),
        ),
        issuers=("le", "hand"),
        zones=(
            ZoneSetting(zone="example.com", provider="azure", options={"subscription": "s", "resource_group": "dns"}),
        ),
        keys="https://kv-own.vault.example",
        dns_servers=("10.0.0.4:53", "127.0.0.1:5353", "[fd00::4]:53", "[::1]:53"),
        webhook_ranges=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        keep_deliveries=timedelta(days=30),
        keep_history=timedelta(days=800),
    )


def test_a_variable_set_to_nothing_is_not_set() -> None:
    """A template passes an empty text for what a person left out."""
    assert read(TOPIC="", CLOUD=" ") == read()


def test_a_role_may_be_named_by_its_resource_id() -> None:
    """As Azure shows it, in any subscription."""
    guid = "a4417e6f-fecd-4de8-b567-7b0420556985"
    assert read(ROLE=f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{guid}").role == guid


def test_no_foreign_tags_can_be_said() -> None:
    """An empty text would be the default."""
    assert read(FOREIGN_TAGS="none").foreign_tags == {}


@pytest.mark.parametrize(
    ("name", "text", "quoted"),
    [
        ("VAULTS", "kv", "word 1 (2 characters) is not the name of a vault"),
        ("VAULTS", "https://kv-a.example", "is not the name of a vault"),
        ("VAULTS", "kv--a", "is not the name of a vault"),
        ("VAULTS", "kv-a-", "is not the name of a vault"),
        ("VAULTS", "1kv", "is not the name of a vault"),
        ("VAULTS", "kv-" + "x" * 22, "is not the name of a vault"),
        ("VAULTS", "kv-a kv-A=renew", "word 2 names the same vault as word 1"),
        ("VAULTS", "kv-a=write", "word 1 has a mode that is none (5 characters)"),
        ("TABLES", "http://account.table.example", "not an https address"),
        ("TABLES", "account.table.example", "not an https address"),
        ("QUEUES", "https://a.example/?sig=abc", "leave out keys"),
        ("QUEUES", "https://user:pw@a.example/", "leave out keys"),
        ("TOPIC", "topic", "not an https address"),
        ("TOPIC", "https://[topic", "not an https address"),
        ("CLIENT_ID", "my-identity", "not a client id"),
        ("ROLE", "Key Vault Certificates Officer", "is not the id of a role"),
        ("ROLE", "/subscriptions/x/providers/y/roleDefinitions/", "copy the definition's name, a GUID"),
        ("CLOUD", "germany", "one of public, us-government, china"),
        ("INSTANCE", "My Instance", "is not a name"),
        ("SWEEP_SCHEDULE", "0 3 * * *", "has 5 fields"),
        ("SWEEP_SCHEDULE", "0 0 3 * * 7", "weekday 7"),
        ("SWEEP_SCHEDULE", "0 0 3 * * 1-7", "weekday 7"),
        ("SWEEP_SCHEDULE", "0 0 3 L * *", "L, W, # or ?"),
        ("SWEEP_SCHEDULE", "0 0 3 ? * *", "L, W, # or ?"),
        ("SWEEP_SCHEDULE", "0 0 3 * * MON#1", "L, W, # or ?"),
        ("SWEEP_SCHEDULE", "0 0 3 1 * MON", "restricts the day and the weekday"),
        ("SWEEP_SCHEDULE", "0 0 3 30 2 *", "is not a schedule"),
        ("DUE_SCHEDULE", "0 61 * * * *", "is not a schedule"),
        ("MAX_RENEWALS_PER_DAY", "0", "whole number from 1"),
        ("MAX_RENEWALS_PER_DAY", "many", "whole number from 1"),
        ("RENEWAL_LADDER", "1h 10m", "goes down again"),
        ("RENEWAL_LADDER", "0s", "too short"),
        ("RENEWAL_LADDER", "1h, 2h", "is not a duration"),
        ("SUPERVISION_GRACE", "2 days", "is not a duration"),
        ("SUPERVISION_GRACE", "5m", "too short; at least 1h"),
        ("FOREIGN_TAGS", "acmebot", "word 1 lacks a tag or its manager"),
        ("FORBID_EXPORTABLE_KEYS", "yes", "neither true nor false"),
        ("KEYS", "kv-own", "not an https address"),
        ("KEYS", "https://kv-orders.vault.example", "names kv-orders, a vault of the fleet"),
        ("ISSUERS", "le", "word 1 (2 characters) is the name of no CA in PERENNIAL_AUTHORITIES"),
        ("ISSUERS", "le LE", "names one twice"),
        ("ISSUERS", ",", "names nobody"),
        ("DNS_SERVERS", "dns.example:53", "write addresses, not names"),
        ("DNS_SERVERS", "10.0.0.4:0", "a port from 1"),
        ("DNS_SERVERS", "10.0.0.4:65536", "a port from 1"),
        ("DNS_SERVERS", "10.0.0.4:", "write addresses"),
        ("DNS_SERVERS", "fd00::4:", "write addresses"),
        ("DNS_SERVERS", "[10.0.0.400]:53", "write addresses"),
        ("WEBHOOK_RANGES", "fd00::/8 10.0.0.1/8", "word 2 has host bits"),
        ("WEBHOOK_RANGES", "intranet", "10.1.0.0/16"),
        ("KEEP_DELIVERIES", "1d", "at least 8d"),
        ("KEEP_HISTORY", "7d", "at least 30d"),
        ("VAULT", "kv-a", "did you mean PERENNIAL_VAULTS"),
        ("SOMETHING", "x", "is not a setting"),
    ],
)
def test_a_wrong_value_is_told_with_variable_problem_and_fix(name: str, text: str, quoted: str) -> None:
    """One line per fault, and no line for what is right."""
    with pytest.raises(SettingsError) as caught:
        read(**{name: text})
    (fault,) = caught.value.faults
    assert fault.startswith(f"PERENNIAL_{name} ")
    assert quoted in fault
    assert ";" in fault


def test_every_fault_is_told_at_once() -> None:
    """A person corrects all of them before the next start."""
    with pytest.raises(SettingsError) as caught:
        from_environment({"PERENNIAL_CLOUD": "mars", "PERENNIAL_TABLES": "x", "PERENNIAL_TOPIK": "y", "PATH": "z"})
    named = [fault.split()[0].removeprefix("PERENNIAL_") for fault in caught.value.faults]
    assert named == ["VAULTS", "TABLES", "QUEUES", "CLOUD", "TOPIK"]
    assert all(f"PERENNIAL_{name}" in str(caught.value) for name in named)


def test_signing_secrets_are_no_settings() -> None:
    """They are named by subscriptions, and are not strangers."""
    assert read(SECRET_ORDERS="whsec_x") == read()


def test_the_catalog_and_the_type_have_the_same_fields() -> None:
    """A setting that nobody can set, or that is set for nobody, does not exist."""
    assert {setting.field for setting in CATALOG} == set(Settings.__dataclass_fields__)


def test_the_defaults_on_the_page_are_those_of_the_type() -> None:
    """What the catalog tells as a default reads as the default."""
    for setting in CATALOG:
        if setting.default.startswith("`"):
            assert setting.read(setting.default.strip("`")) == getattr(read(), setting.field), setting.variable


def test_the_examples_on_the_page_are_taken() -> None:
    """Nobody copies a fault from the page."""
    for setting in CATALOG:
        setting.read(setting.example)


def test_the_page_is_not_stale() -> None:
    """docs/settings.md is what `python -m perennial.settings` prints."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("text", ["90d", "36h", "10m", "1s", "61s", "1d"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    """Messages speak the language of the settings."""
    (setting,) = [setting for setting in CATALOG if setting.field == "renewal_ladder"]
    assert written(setting.read(text)[0]) == text


def test_reading_settings_needs_no_sdk() -> None:
    """The doors read them at every cold start."""
    for path in (Path(__file__).parents[2] / "perennial/settings").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.startswith("azure")]
