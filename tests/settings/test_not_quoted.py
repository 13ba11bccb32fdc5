"""What was given to a setting never comes back in a fault: a secret may be pasted into any, and the message goes to a log."""

from __future__ import annotations

from dataclasses import fields

import pytest

from perennial import dns
from perennial.errors import SettingsError
from perennial.model.authority import AuthoritySetting
from perennial.settings.catalog import CATALOG, Setting
from perennial.settings.readers import Wrong
from tests.settings.test_cas_and_zones import AZURE, BIND, HAND, LE, faults_of, read


@pytest.mark.parametrize(
    "text", ["top-Secret=", "topsecret", "TOPSECRET", "1 topsecret topsecret", "a=topsecret topsecret=a"]
)
@pytest.mark.parametrize("setting", CATALOG, ids=lambda setting: setting.field)
def test_what_was_given_is_not_quoted(setting: Setting, text: str) -> None:
    """A secret may be pasted into any setting, and the message goes to a log."""
    for given in (text, f"https://a.example/?sig={text}", f"https://[{text}", f"0 0 3 * * {text}", f"1d {text}"):
        told = ""
        try:
            setting.read(given)
        except Wrong as wrong:
            told = "".join(wrong.faults)
        assert "topsecret" not in told.lower().replace("-", "")


def test_a_name_that_no_ca_has_is_not_quoted() -> None:
    """The names of CAs are told, since they are good ones; what is none of them is not."""
    (fault,) = faults_of([HAND], PERENNIAL_ISSUERS="hand topsecret")
    assert "topsecret" not in fault
    assert fault.endswith("write one of hand")


def test_a_pasted_secret_is_not_quoted() -> None:
    """Somebody may write the key where its name belongs; the message goes to a log."""
    found = faults_of(
        [
            LE | {"eab_key_id": "kid", "eab_secret": "topsecret-1"},
            LE | {"name": "b", "hmac": "topsecret-2", "limits": "topsecret-3"},
        ],
        [BIND | {"options": {"server": "ns.example", "key": "k", "secret": "topsecret-4"}}],
    )
    assert len(found) >= 4
    assert "topsecret" not in "".join(found)


TEXTS = ("top-Secret+/=", "topsecret", "TOPSECRET", "https://a.example/?sig=topsecret", "https://[topsecret", "")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("member", [field.name for field in fields(AuthoritySetting)])
def test_no_member_of_a_ca_is_quoted(member: str, text: str) -> None:
    """Whichever it was pasted into, and twice; the place is told, and that is enough."""
    for value in (text, [text], {"orders": text}, {"orders": [text]}):
        for kind in (LE, HAND):
            _not_told([kind | {member: value}, kind | {member: value}], [])


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("provider", dns.PROVIDERS)
def test_no_member_or_option_of_a_zone_is_quoted(provider: str, text: str) -> None:
    """Those that each provider knows, and its own."""
    options = dict.fromkeys(dns.PROVIDERS[provider]().options, "1")
    _not_told([], [AZURE | {"zone": text}, AZURE | {"zone": text}])
    _not_told([], [AZURE | {"provider": text}])
    for name in options:
        _not_told([], [AZURE | {"provider": provider, "options": options | {name: text}}])
        _not_told([], [AZURE | {"provider": provider, "options": options | {name: [text]}}])


def _not_told(authorities: object, zones: object) -> None:
    told = ""
    try:
        read(authorities, zones)
    except SettingsError as wrong:
        told = str(wrong)
    assert "topsecret" not in told.lower().replace("-", "")
