"""Bicep's functions that need nothing but their arguments, as its documentation describes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_network
from typing import Any
from uuid import NAMESPACE_URL, uuid5


class Refused(Exception):
    """The deployment stops itself, with a sentence."""


def fail(sentence: str) -> Any:
    """Stop the deployment."""
    raise Refused(sentence)


def unique_string(*seeds: str) -> str:
    """Return thirteen letters and digits, the same for the same seeds; Azure's own are others."""
    digest = int.from_bytes(hashlib.sha256("|".join(seeds).encode()).digest()[:9])
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "".join(letters[(digest >> (5 * i)) & 31] for i in range(13))


def guid(*seeds: str) -> str:
    """Return a GUID, the same for the same seeds; Azure's own are others."""
    return str(uuid5(NAMESPACE_URL, "-".join(seeds)))


def union(*given: Any) -> Any:
    """Merge objects, members of members too; of arrays, keep each item once."""
    if isinstance(given[0], Mapping):
        merged: dict[str, Any] = {}
        for one in given:
            for key, value in one.items():
                both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
                merged[key] = union(merged[key], value) if both else value
        return merged
    items: list[Any] = []
    for one in given:
        items += [item for item in one if item not in items]
    return items


def concat(*given: Any) -> Any:
    """Join arrays, or texts."""
    return "".join(given) if isinstance(given[0], str) else [item for one in given for item in one]


def contains(where: Any, what: Any) -> bool:
    """Tell whether an array holds an item, an object a key, a text a text."""
    return what in where


def index_of(where: Any, what: Any) -> int:
    """Return where an item or a text is first found; -1: nowhere."""
    return where.find(what) if isinstance(where, str) else where.index(what) if what in where else -1


def take(where: Any, count: int) -> Any:
    """Return the first items, or letters."""
    return where[: max(count, 0)]


def flatten(arrays: Iterable[Iterable[Any]]) -> list[Any]:
    """Join the arrays of an array."""
    return [item for one in arrays for item in one]


def to_object(array: Iterable[Any], key: Callable[..., str], value: Callable[..., Any] | None = None) -> dict[str, Any]:
    """Make an object of an array."""
    return {key(item): value(item) if value else item for item in array}


def called(function: Callable[..., Any], item: Any, index: int) -> Any:
    """Call a lambda with as many arguments as it names."""
    return function(item, index) if getattr(function, "arity", 1) == 2 else function(item)


def map_of(array: Iterable[Any], function: Callable[..., Any]) -> list[Any]:
    """Return what a lambda makes of each item."""
    return [called(function, item, i) for i, item in enumerate(array)]


def filter_of(array: Iterable[Any], function: Callable[..., Any]) -> list[Any]:
    """Return the items for which a lambda holds."""
    return [item for i, item in enumerate(array) if called(function, item, i)]


def string(value: Any) -> str:
    """Write a value as text, objects as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def cidr_subnet(network: str, prefix: int, index: int) -> str:
    """Return one of the ranges that a range is cut into."""
    return str(list(ip_network(network).subnets(new_prefix=prefix))[index])


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "cidrSubnet": cidr_subnet,
    "concat": concat,
    "contains": contains,
    "empty": lambda value: not value,
    "fail": fail,
    "filter": filter_of,
    "flatten": flatten,
    "guid": guid,
    "indexOf": index_of,
    "items": lambda value: [{"key": key, "value": value[key]} for key in sorted(value)],
    "join": lambda array, between: between.join(array),
    "last": lambda value: value[-1],
    "length": len,
    "map": map_of,
    "min": min,
    "range": lambda start, count: list(range(start, start + count)),
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda text, between: text.split(between),
    "startsWith": lambda text, begin: text.lower().startswith(begin.lower()),
    "string": string,
    "take": take,
    "toLower": lambda text: text.lower(),
    "toObject": to_object,
    "union": union,
    "uniqueString": unique_string,
}
