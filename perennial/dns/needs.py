"""What a DNS provider declares, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perennial.model.clouds import Cloud
from perennial.model.zones import ZoneSetting
from perennial.ports.dns import ZoneProvider

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What providers may use; none opens a connection or asks for a token before its first call."""

    credential: Callable[[], TokenCredential]  # the app's identity
    cloud: Cloud
    secret: Callable[[str], str]  # the text of the setting PERENNIAL_SECRET_ and this name; empty: there is none


def _anything(_: str) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a zone, as a person writes it."""

    what: str  # in a few words, for the text that says it is missing
    needed: bool = True
    wrong: Callable[[str], str] = _anything  # says what is wrong with a value, and does not quote it; empty: nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKind:
    """How the TXT values of a zone are kept: one file, which says what it must be told."""

    make: Callable[[ZoneSetting, Tools], ZoneProvider]
    options: Mapping[str, Option] = field(default_factory=dict)
    is_apex: bool = True  # the setting's zone is a zone of the DNS; False: one name within one, and none below it


def secret_name(value: str) -> str:
    """Say what is wrong with the name of a secret; empty: nothing."""
    good = value[:1].isalpha() and value == value.upper() and value.replace("_", "").isalnum() and value.isascii()
    return "" if good else "give the NAME of the app setting PERENNIAL_SECRET_NAME: capitals, digits, _"


def whole_number(low: int, high: int) -> Callable[[str], str]:
    """Return what says whether a text is a number within bounds."""

    def wrong(value: str) -> str:
        good = value.isascii() and value.isdigit() and low <= int(value[:12]) <= high
        return "" if good else f"is not a whole number from {low} to {high}"

    return wrong
