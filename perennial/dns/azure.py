"""TXT values in an Azure DNS zone, by Azure Resource Manager (2018-05-01).

A PUT replaces the whole record set, so each change reads the set and writes it back under its ETag; who was slower reads again. TTL and metadata of
a set, and the values of others, stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from perennial.dns.arm import Answer, Arm, Refusal
from perennial.dns.needs import Option, ProviderKind, Tools, whole_number
from perennial.errors import DnsError
from perennial.model.zones import ZoneSetting
from perennial.ports.dns import ZoneProvider

if TYPE_CHECKING:
    from collections.abc import Iterable

API_VERSION = "2018-05-01"
TTL = 60  # seconds, of a set that we make
TURNS = 6  # reads of one set before a change gives way to others
MOST_RECORDS = 400  # Azure DNS: TXT records of a set
MOST_CHARACTERS = 4096  # Azure DNS: of all values of a TXT set
ROLE = "Microsoft.Network/dnsZones/TXT/read, …/TXT/write and …/TXT/delete (the built-in role DNS Zone Contributor has them)"


class AzureZone:
    """A ZoneProvider over one Azure DNS zone."""

    def __init__(self, setting: ZoneSetting, arm: Arm) -> None:
        self._zone = setting.zone
        self._arm = arm
        self._ttl = int(setting.options.get("ttl", TTL))
        subscription, group = setting.options["subscription"], setting.options["resource_group"]
        self._id = (
            f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/dnsZones/{setting.zone}"
        )

    def present(self, name: str, value: str) -> None:
        """Add a value to the name's set, or make the set."""
        for _ in range(TURNS):
            found = self._read(name)
            if found is None:
                properties: dict[str, Any] = {"TTL": self._ttl, "metadata": {"owner": "perennial"}, "TXTRecords": []}
                condition = {"If-None-Match": "*"}
            else:
                properties, condition = found.properties(), {"If-Match": found.etag}
            records = properties["TXTRecords"]
            if any(_text(record) == value for record in records):
                return
            self._refuse_if_full(name, records, value)
            answer = self._send(
                "PUT", name, {"properties": properties | {"TXTRecords": [*records, _record(value)]}}, condition
            )
            if answer.status in (200, 201):
                return
            self._raise_unless_changed(answer, name)
        raise self._busy(name)

    def clean(self, name: str, value: str) -> None:
        """Take our value out of the set, and the set away where nothing else is in it."""
        for _ in range(TURNS):
            found = self._read(name)
            properties = found.properties() if found is not None else {"TXTRecords": []}
            kept = [record for record in properties["TXTRecords"] if _text(record) != value]
            if found is None or len(kept) == len(properties["TXTRecords"]):
                return
            condition = {"If-Match": found.etag}
            if kept:
                answer = self._send("PUT", name, {"properties": properties | {"TXTRecords": kept}}, condition)
            else:
                answer = self._send("DELETE", name, None, condition)
            # Without the right to delete, or under a delete lock, the last value stays. It proves nothing to anybody: a challenge's
            # value holds for one order. The next present joins it, and its clean is a PUT, so that no more than one is left.
            if answer.status in (200, 201, 204, 404) or (not kept and answer.refusal in (Refusal.ROLE, Refusal.LOCK)):
                return
            self._raise_unless_changed(answer, name)
        raise self._busy(name)

    def _read(self, name: str) -> Answer | None:
        answer = self._send("GET", name, None, {})
        if answer.status == 200:
            return answer
        if answer.status == 404 and answer.code in ("NotFound", "ResourceNotFound", ""):
            return None
        raise self._error(answer, name)

    def _send(self, method: str, name: str, body: Mapping[str, object] | None, condition: Mapping[str, str]) -> Answer:
        relative = "@" if name == self._zone else name.removesuffix(f".{self._zone}")
        path = quote(
            relative, safe="@*"
        )  # where a CNAME leads, somebody else has written: its labels may hold any sign
        return self._arm.send(method, f"{self._id}/TXT/{path}?api-version={API_VERSION}", body, condition)

    def _raise_unless_changed(self, answer: Answer, name: str) -> None:
        """Raise what a write was refused for; a set that somebody changed meanwhile (412) is none."""
        if answer.status != 412:
            raise self._error(answer, name)

    def _error(self, answer: Answer, name: str) -> DnsError:
        said = f"Azure DNS, {name}: {answer.said}"
        match answer.refusal:
            case Refusal.THROTTLED:
                return DnsError("dns-throttled", said, fix="nothing: it is tried again", retry_after=answer.retry_after)
            case Refusal.ROLE:
                fix = f"give the app's identity a role on the zone {self._zone} with the actions {ROLE}"
                return DnsError("dns-refused", said, fix=fix)
            case Refusal.LOCK:
                return DnsError(
                    "dns-refused",
                    said,
                    fix=f"take the read-only lock off the zone {self._zone}, or off its resource group",
                )
            case Refusal.ABSENT:
                fix = f"correct subscription and resource_group of {self._zone} in PERENNIAL_ZONES"
                return DnsError("zone-not-found", said, fix=fix)
            case Refusal.DOWN:
                return DnsError("dns-down", said, fix="nothing: it is tried again", retry_after=answer.retry_after)
            case Refusal.INPUT:
                return DnsError(
                    "dns-refused", said, fix=f"correct what Azure names, in the zone {self._zone} or its setting"
                )

    def _refuse_if_full(self, name: str, records: list[dict[str, Any]], value: str) -> None:
        texts = [*map(_text, records), value]
        if len(texts) > MOST_RECORDS or sum(map(len, texts)) > MOST_CHARACTERS:
            fix = (
                f"remove values that nobody needs from the TXT set {name}, or point it by a CNAME at a name of its own"
            )
            raise DnsError(
                "dns-full", f"Azure DNS: the TXT set {name} holds {len(records)} values and takes no more", fix=fix
            )

    def _busy(self, name: str) -> DnsError:
        what = f"Azure DNS: somebody changes the TXT set {name} again and again"
        return DnsError("dns-busy", what, fix="find out which other tool keeps writing it")


def _record(value: str) -> dict[str, list[str]]:
    return {
        "value": [value]
    }  # one entry is one record; the strings within one are joined (at most 255 characters each)


def _text(record: Mapping[str, Iterable[str]]) -> str:
    return "".join(record.get("value") or ())


def _make(setting: ZoneSetting, tools: Tools) -> ZoneProvider:
    return AzureZone(setting, Arm(tools.credential, tools.cloud))


def _part_of_path(value: str) -> str:
    good = value.replace("-", "").replace("_", "").replace(".", "").replace("(", "").replace(")", "").isalnum()
    return "" if good else "has a sign that no such name has"


KIND = ProviderKind(
    make=_make,
    options={
        "subscription": Option(what="the id of the subscription that the zone is in", wrong=_part_of_path),
        "resource_group": Option(what="the name of the resource group that the zone is in", wrong=_part_of_path),
        "ttl": Option(what="seconds", needed=False, wrong=whole_number(1, 2**31 - 1)),
    },
)
