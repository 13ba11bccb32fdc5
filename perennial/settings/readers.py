"""How the text of a setting becomes its value. What cannot be read raises Wrong, with the problem and the fix.

No fault quotes what was given: it goes to a log, and may be a secret at the wrong place. It says where, and how long that is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise
from urllib.parse import urlsplit

from perennial.model.clouds import CLOUDS, Cloud
from perennial.model.mode import Mode

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# Key Vault: 3 to 24 letters, digits and dashes, beginning with a letter, without a dash at the end or two in a row.
VAULT_NAME = re.compile(r"(?=.{3,24}$)[a-z](-?[a-z0-9])*")
INSTANCE_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*")
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
PLAIN_FIELD = re.compile(r"[\d*/,-]+")
WEEKDAYS = re.compile("SUN|MON|TUE|WED|THU|FRI|SAT", re.IGNORECASE)
NOTHING = "none"


class Wrong(Exception):
    """A text that is no value of its setting."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}; {fix}")
        self.faults: tuple[str, ...] = (str(self),)

    @classmethod
    def of(cls, faults: list[str]) -> Wrong:
        """Return several faults of one text as one; there is at least one, and each has its fix."""
        problem, _, fix = faults[0].partition("; ")
        wrong = cls(problem, fix)
        wrong.faults = tuple(faults)
        return wrong


def size(text: str) -> str:
    """Say of a text that is not quoted how long it is."""
    return f"{len(text)} character{'s' * (len(text) != 1)}"


def vaults(text: str) -> Mapping[str, Mode]:
    """Read the fleet: names with their modes."""
    found: dict[str, Mode] = {}
    places: dict[str, int] = {}
    problems: list[str] = []
    for place, word in enumerate(text.split(), 1):
        name, _, mode = word.lower().partition("=")
        if not VAULT_NAME.fullmatch(name):
            what = "is not the name of a vault: 3 to 24 letters, digits and single dashes; not an address"
            problems.append(f"word {place} ({size(name)}) {what}")
        elif name in found:
            problems.append(f"word {place} names the same vault as word {places[name]}")
        elif mode not in ("", *Mode):
            problems.append(f"word {place} has a mode that is none ({size(mode)})")
        places.setdefault(name, place)
        found[name] = Mode(mode) if mode in tuple(Mode) else Mode.OBSERVE
    if problems:
        raise Wrong(", ".join(problems), "write each vault once, as name, name=observe or name=renew")
    return found


def https_url(text: str) -> str:
    """Read an endpoint, without its last slash."""
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise Wrong("is not an https address", "write https:// and a host") from error
    if parts.scheme != "https" or not parts.hostname:
        raise Wrong("is not an https address", "write https:// and a host")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise Wrong(
            "carries more than host and path", "leave out keys and signatures: the app signs in with its identity"
        )
    return text.rstrip("/")


def client_id(text: str) -> str:
    """Read the client id of an identity."""
    if not GUID.fullmatch(text.lower()):
        raise Wrong(
            f"is not a client id ({size(text)})", "copy the identity's clientId, a GUID, not its name or object id"
        )
    return text.lower()


def role(text: str) -> str:
    """Read the id of a role's definition: its GUID, or the resource id that ends with it."""
    guid = text.rstrip("/").rpartition("/")[2].lower()
    if not GUID.fullmatch(guid):
        raise Wrong(f"is not the id of a role ({size(text)})", "copy the definition's name, a GUID, or its resource id")
    return guid


def cloud(text: str) -> Cloud:
    """Read the name of a cloud."""
    if text.lower() not in CLOUDS:
        raise Wrong(f"is not a cloud ({size(text)})", f"write one of {', '.join(CLOUDS)}")
    return CLOUDS[text.lower()]


def instance(text: str) -> str:
    """Read the name of this installation, which becomes the value of a tag."""
    if not INSTANCE_NAME.fullmatch(text) or len(text) > 64:
        raise Wrong(f"is not a name ({size(text)})", "write lower-case letters, digits and single dashes, 64 at most")
    return text


def schedule(text: str) -> str:
    """Read a schedule of six fields that Azure Functions (NCRONTAB) and our own reckoning of ticks understand alike."""
    from cronsim import CronSim, CronSimError

    fields = text.split()
    if len(fields) != 6:
        raise Wrong(f"has {len(fields)} fields", "write six: second minute hour day month weekday, as in 0 0 3 * * *")
    # NCRONTAB knows no last day, nearest weekday, nth weekday, `?` or weekday 7; cronsim does.
    weekdays = WEEKDAYS.sub("0", fields[5])
    if not PLAIN_FIELD.fullmatch(fields[3]) or not PLAIN_FIELD.fullmatch(weekdays):
        raise Wrong("uses L, W, # or ?", "name days by number, and weekdays by number or three letters")
    if re.search(r"(?<!/)\b7\b", weekdays):
        raise Wrong("the weekday 7 is not known to Azure Functions", "write 0 for Sunday")
    if not fields[3].startswith("*") and not fields[5].startswith("*"):
        raise Wrong(
            "restricts the day and the weekday", "leave one of them *: both together are read differently elsewhere"
        )
    try:
        next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise Wrong(f"is not a schedule ({error or 'it never comes'})", "as in 0 0 3 * * *") from error
    return " ".join(fields)


def duration(least: timedelta) -> Callable[[str], timedelta]:
    """Return a reader of spans such as 90d, 36h, 10m or 30s, no shorter than the least."""

    def read(text: str) -> timedelta:
        match = re.fullmatch(r"(\d{1,6})([smhd])", text.lower())
        if not match:
            raise Wrong(f"is not a duration ({size(text)})", "write a number and s, m, h or d, as in 36h")
        span = timedelta(**{UNITS[match[2]]: int(match[1])})
        if span < least:
            raise Wrong("is too short", f"at least {written(least)}")
        return span

    return read


def ladder(text: str) -> tuple[timedelta, ...]:
    """Read the waits between attempts; the last is repeated without end. The clock that looks for what is due is the finest step."""
    rungs = tuple(map(duration(timedelta(seconds=1)), text.split()))
    if any(later < earlier for earlier, later in pairwise(rungs)):
        raise Wrong("goes down again", "let each wait be as long as the one before, or longer")
    return rungs


def number(text: str) -> int:
    """Read a whole number from 1 on."""
    if not re.fullmatch(r"\d{1,6}", text) or int(text) < 1:
        raise Wrong(f"is not a whole number from 1 on ({size(text)})", "as in 50")
    return int(text)


def flag(text: str) -> bool:
    """Read yes or no."""
    if text.lower() not in ("true", "false"):
        raise Wrong(f"is neither true nor false ({size(text)})", "write true or false")
    return text.lower() == "true"


def tags(text: str) -> Mapping[str, str]:
    """Read the tags that other managers put on their certificates."""
    if text.lower() == NOTHING:
        return {}
    pairs = [word.partition("=") for word in text.split()]
    for place, (name, _, manager) in enumerate(pairs, 1):
        if not name or not manager:
            raise Wrong(f"word {place} lacks a tag or its manager", f"write tag=Manager, or {NOTHING}")
    return {name.lower(): manager for name, _, manager in pairs}


def names(text: str) -> tuple[str, ...]:
    """Read a list of names, in order, by spaces or commas."""
    found = [word.lower() for word in text.replace(",", " ").split()]
    if not found or len(set(found)) < len(found):
        raise Wrong("names one twice" if found else "names nobody", "write each name once")
    return tuple(found)


def ranges(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read ranges of addresses."""
    found: list[IPv4Network | IPv6Network] = []
    for place, word in enumerate(text.split(), 1):
        try:
            found.append(ip_network(word))
        except ValueError as error:
            what = "has host bits set" if _is_range(word) else f"is no range of addresses ({size(word)})"
            raise Wrong(f"word {place} {what}", "write ranges as in 10.1.0.0/16") from error
    return tuple(found)


def _is_range(word: str) -> bool:
    try:
        ip_network(word, strict=False)
    except ValueError:
        return False
    return True


def written(span: timedelta) -> str:
    """Write a duration as `duration` reads it."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
