"""CAs and zones in the settings: every fault is told with its place, the problem and the fix, and all at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from perennial import dns
from perennial.errors import SettingsError
from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.model.zones import ZoneSetting
from perennial.settings import Settings, from_environment

NEEDED = {
    "PERENNIAL_VAULTS": "kv-orders=renew",
    "PERENNIAL_TABLES": "https://account.table.example",
    "PERENNIAL_QUEUES": "https://account.queue.example",
    "PERENNIAL_KEYS": "https://kv-own.vault.example",
    "PERENNIAL_SECRET_EAB": "c2VjcmV0",
    "PERENNIAL_SECRET_TSIG": "c2VjcmV0",
}
LE = {"name": "le", "directory": "https://ca.example/dir/", "agree_terms": True}
HAND = {
    "name": "hand",
    "kind": "external",
    "instructions": "order it at the intranet's CA page",
    "root": "Corp Root CA",
}
AZURE = {"zone": "example.com", "provider": "azure", "options": {"subscription": "s", "resource_group": "dns"}}
BIND = {
    "zone": "corp.example",
    "provider": "rfc2136",
    "options": {"server": "ns1.corp.example", "key": "k", "secret": "TSIG"},
}


def read(authorities: object = (), zones: object = (), **more: str) -> Settings:
    """Read CAs and zones as JSON."""
    given = {"PERENNIAL_AUTHORITIES": json.dumps(authorities), "PERENNIAL_ZONES": json.dumps(zones)}
    return from_environment(NEEDED | given | more, dns.check)


def faults_of(authorities: object = (), zones: object = (), **more: str) -> tuple[str, ...]:
    """Return the faults; there is one at least."""
    with pytest.raises(SettingsError) as caught:
        read(authorities, zones, **more)
    return caught.value.faults


def test_every_member_is_read() -> None:
    """Each reaches its field; a directory keeps its last slash, which is part of the address."""
    whole = LE | {
        "kind": "acme",
        "contact": ["mailto:team@example.com"],
        "profile": "shortlived",
        "chain": "ISRG Root X1",
        "key": "Account-1",
        "eab_key_id": "kid-1",
        "eab_secret": "EAB",
        "limits": {"orders": "20/1h", "failed": "none"},
    }
    assert read([whole, HAND]).authorities == (
        AuthoritySetting(
            name="le",
            directory="https://ca.example/dir/",
            contact=("mailto:team@example.com",),
            agree_terms=True,
            profile="shortlived",
            chain="ISRG Root X1",
            key="Account-1",
            eab_key_id="kid-1",
            eab_secret="EAB",
            limits={"orders": "20/1h", "failed": "none"},
        ),
        AuthoritySetting(
            name="hand",
            kind=AuthorityKind.EXTERNAL,
            instructions="order it at the intranet's CA page",
            root="Corp Root CA",
        ),
    )


def test_zones_are_read() -> None:
    """Lower-cased and without a dot at the end, as names are compared."""
    assert read(zones=[AZURE | {"zone": "Example.COM."}, BIND]).zones == (
        ZoneSetting(zone="example.com", provider="azure", options={"subscription": "s", "resource_group": "dns"}),
        ZoneSetting(
            zone="corp.example",
            provider="rfc2136",
            options={"server": "ns1.corp.example", "key": "k", "secret": "TSIG"},
        ),
    )


@pytest.mark.parametrize(
    ("member", "given", "problem", "fix"),
    [
        ("name", {"name": "vault"}, "vault's own issuer", "take another name"),
        ("name", {"name": "LE"}, "is not a name (2 characters)", "lower-case"),
        ("name", {"name": "x" * 41}, "is not a name", "40 at most"),
        ("name", {"name": 5}, "of the wrong kind", "docs/acme.md"),
        ("kind", {"kind": "acmee"}, "is none that there is (5 characters)", "write one of acme, external"),
        ("kind", {"kind": 5}, "of the wrong kind", "docs/acme.md"),
        ("directory", {"directory": ""}, "is missing", "https address"),
        ("directory", {"directory": "http://ca.example/dir"}, "is not an https address", "write https://"),
        ("directory", {"directory": "https://u:p@ca.example/dir"}, "carries more than host and path", "leave out keys"),
        ("contact", {"contact": "mailto:a@example.com"}, "of the wrong kind", "docs/acme.md"),
        ("contact", {"contact": ["team@example.com"]}, "is not a mailto: address", "write mailto:"),
        (
            "contact",
            {"contact": ["mailto:a@example.com,b@example.com"]},
            "is not a mailto: address",
            "one address each",
        ),
        ("agree_terms", {"agree_terms": False}, "is not true", "terms of service"),
        ("agree_terms", {"agree_terms": "true"}, "of the wrong kind", "docs/acme.md"),
        ("profile", {"profile": "p" * 201}, "has 201 characters", "shorten it"),
        ("key", {"key": "my_key"}, "is not the name of a key", "letters, digits and dashes"),
        ("eab_secret", {"eab_key_id": "kid"}, "is missing beside its other half", "key id and a key"),
        ("eab_key_id", {"eab_secret": "EAB"}, "is missing beside its other half", "key id and a key"),
        (
            "eab_secret",
            {"eab_key_id": "kid", "eab_secret": "OTHER"},
            "the PERENNIAL_SECRET_NAME that it names is missing",
            "add it",
        ),
        ("limits.order", {"limits": {"order": "5/1h"}}, "no such limit", "orders, domain, set, failed"),
        ("limits.orders", {"limits": {"orders": "many"}}, "is not a limit (4 characters)", "300/3h, or none"),
        ("limits.orders", {"limits": {"orders": "5000/1h"}}, "is not a limit", "1000 at most"),
        ("instructions", {"instructions": "x"}, "belongs to the kind external", "remove it"),
        ("root", {"root": "Corp Root"}, "belongs to the kind external", "remove it"),
        ("agree_termz", {"agree_termz": True}, "there is no such member", "did you mean agree_terms"),
        ("zzz", {"zzz": 1}, "there is no such member", "known are name, kind"),
    ],
)
def test_a_cas_fault_is_told_with_its_place(member: str, given: dict[str, object], problem: str, fix: str) -> None:
    """The second of two: its place, what is wrong, and what to write; nothing of the first, which is right."""
    (fault,) = faults_of([LE | {"name": "first"}, LE | given])
    place, _, told = fault.removeprefix("PERENNIAL_AUTHORITIES ").partition(": ")
    assert place == f"authorities[1].{member}"
    assert problem in told
    assert fix in told


@pytest.mark.parametrize("member", ["directory", "contact", "agree_terms", "profile", "chain", "key", "limits"])
def test_what_acme_alone_has_is_refused_elsewhere(member: str) -> None:
    """A CA that a person asks has no directory, and whoever wrote one meant another kind."""
    whole: dict[str, object] = {
        "directory": "https://ca.example",
        "contact": ["mailto:a@b.example"],
        "agree_terms": True,
    }
    whole |= {"profile": "p", "chain": "c", "key": "k", "limits": {"orders": "none"}}
    (fault,) = faults_of([HAND | {member: whole[member]}])
    assert fault.startswith(f"PERENNIAL_AUTHORITIES authorities[0].{member}: belongs to the kind acme; remove it"[:60])


@pytest.mark.parametrize(
    ("member", "given", "problem", "fix"),
    [
        ("zone", {"zone": "*.example.com"}, "is not the name of a zone", "example.com"),
        ("zone", {"zone": "bücher.example"}, "is not the name of a zone", "xn--"),
        ("zone", {"zone": "corp.example"}, "is that of zones[0].zone already", "once"),
        ("provider", {"provider": "route53"}, "is none of azure, rfc2136, acme-dns", ""),
        ("options.subscription", {"options": {"resource_group": "dns"}}, "missing", "subscription"),
        (
            "options.key",
            {"options": {"subscription": "s", "resource_group": "g", "key": "x"}},
            "unknown",
            "resource_group",
        ),
        ("options", {"options": {"ttl": 60}}, "of the wrong kind", "docs/acme.md"),
        ("option", {"option": {}}, "there is no such member", "did you mean options"),
        (
            "options.secret",
            {"provider": "rfc2136", "options": {"server": "ns.example", "key": "k", "secret": "NONE"}},
            "the PERENNIAL_SECRET_NAME that it names is missing",
            "Key Vault reference",
        ),
    ],
)
def test_a_zones_fault_is_told_with_its_place(member: str, given: dict[str, object], problem: str, fix: str) -> None:
    """Ours and its provider's alike."""
    (fault,) = faults_of(zones=[BIND, AZURE | given])
    place, _, told = fault.removeprefix("PERENNIAL_ZONES ").partition(": ")
    assert place == f"zones[1].{member}"
    assert problem in told
    assert fix in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[{", "is not JSON"), ('{"name": "le"}', "is not an array"), ('["le"]', "authorities[0]: is not an object")],
)
def test_what_is_no_array_of_objects_is_refused(text: str, problem: str) -> None:
    """As one fault, with the form that is wanted."""
    (fault,) = faults_of(zones=[], PERENNIAL_AUTHORITIES=text)
    assert fault.startswith("PERENNIAL_AUTHORITIES ")
    assert problem in fault
    assert ";" in fault


def test_all_faults_of_all_objects_are_told_at_once() -> None:
    """A person corrects them in one go."""
    found = faults_of(
        [{"nam": "x"}, LE | {"name": "A", "contact": 5, "directory": "x"}, LE, LE],
        [AZURE | {"zone": ""}, {"zone": "b.example"}],
    )
    assert [fault.partition(": ")[0].partition(" ")[2] for fault in found] == [
        "authorities[0].nam",
        "authorities[0].name",
        "authorities[1].contact",
        "authorities[1].name",
        "authorities[1].directory",
        "authorities[3].name",
        "zones[0].zone",
        "zones[1].provider",
    ]


def test_an_acme_ca_needs_a_vault_for_its_accounts_key() -> None:
    """One fault, at the setting that is missing; a CA that a person asks needs none."""
    (fault,) = faults_of([LE], PERENNIAL_KEYS="")
    assert fault.startswith("PERENNIAL_KEYS is missing; le signs with an account's key")
    assert read([HAND], PERENNIAL_KEYS="").authorities


def test_two_cas_with_one_account_are_a_fault() -> None:
    """The same directory by the same key: a key that one rolls over would be refused to the other. Other keys, or another directory, are fine."""
    two = {**LE, "name": "two", "directory": "https://ca.example/dir", "profile": "shortlived"}
    (fault,) = faults_of([LE, {**two, "key": "acme-le"}])
    assert fault.startswith(
        "PERENNIAL_AUTHORITIES authorities[1].key: is that of authorities[0] already, with the same directory; "
    )
    assert read([LE, {**two, "key": "acme-two"}]).authorities
    assert read([LE, {**two, "key": "acme-le", "directory": "https://other.example/dir"}]).authorities


def test_the_list_of_issuers_names_cas() -> None:
    """Known ones are taken in their order; with a fault among the CAs nothing is guessed of it."""
    assert read([LE, HAND], PERENNIAL_ISSUERS="hand le").issuers == ("hand", "le")
    (fault,) = faults_of([LE, HAND], PERENNIAL_ISSUERS="hand other")
    assert fault == (
        "PERENNIAL_ISSUERS word 2 (5 characters) is the name of no CA in PERENNIAL_AUTHORITIES; write one of le, hand"
    )
    assert not [fault for fault in faults_of([LE | {"name": "X"}], PERENNIAL_ISSUERS="other") if "ISSUERS" in fault]


def test_no_start_pays_for_cas_that_it_does_not_ask() -> None:
    """Reading all settings, zones of Azure included, imports no SDK, no DNS library and no suffix list."""
    script = (
        "import os, sys\nfrom perennial import wiring\nassert wiring.settings().zones\n"
        "heavy = ('azure', 'dns', 'acme', 'josepy', 'publicsuffixlist', 'requests', 'urllib3', 'cryptography')\n"
        "print(*sorted(name for name in heavy if name in sys.modules))"
    )
    given = NEEDED | {"PERENNIAL_AUTHORITIES": json.dumps([LE, HAND]), "PERENNIAL_ZONES": json.dumps([AZURE])}
    done = subprocess.run([sys.executable, "-c", script], env=given, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
