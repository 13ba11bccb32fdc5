"""Azure Resource Manager, as far as TXT record sets of DNS zones go (Microsoft.Network, 2018-05-01)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from localazure.dns.zones import Zone, Zones
from localazure.tokens import Identity, TokenRefused, Tokens

AUDIENCE = "https://management.azure.com"
API_VERSION = "2018-05-01"
PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)/providers/microsoft\.network/dnszones/(?P<zone>[^/]+)"
    r"(?:/txt/(?P<name>[^/]+))?",
    re.IGNORECASE,
)
ACTIONS = {"GET": "read", "PUT": "write", "DELETE": "delete"}
DEFAULTS = {"perennial": frozenset({"read", "write", "delete"}), "operator": frozenset({"read", "write", "delete"})}
MOST_RECORDS = 400  # Azure DNS limits: TXT records of a set
MOST_CHARACTERS = 4096  # of all its values
LONGEST_STRING = 255  # RFC 1035 §3.3: one character-string


class Refused(Exception):
    """An answer of 400 and above."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, understood."""

    request: web.Request
    identity: Identity
    zone: Zone
    name: str  # relative; empty: the zone itself

    @property
    def id(self) -> str:
        """The resource's id."""
        zone = self.zone
        at = f"/subscriptions/{zone.subscription}/resourceGroups/{zone.group}/providers/Microsoft.Network/dnszones/{zone.name}"
        return f"{at}/TXT/{self.name}" if self.name else at


class ResourceManager:
    """Serves `https://management.azure.com/…/dnsZones/{zone}/TXT/{name}`."""

    def __init__(self, tokens: Tokens, zones: Zones) -> None:
        self._tokens = tokens
        self._zones = zones
        self._rights: dict[tuple[str, str | None], frozenset[str]] = {}

    def grant(self, identity: str, actions: frozenset[str], zone: str | None) -> None:
        """Set what an identity may do with TXT sets (read, write, delete), in all zones or in one."""
        self._rights[identity, zone] = actions

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            asked = self._understand(request)
            if not asked.name:
                return self._zone(asked)
            match request.method:
                case "GET":
                    return self._get(asked)
                case "PUT":
                    return self._put(asked, await request.read())
                case _:
                    return self._delete(asked)
        except Refused as refused:
            error = {"code": refused.code, "message": refused.message}
            return web.json_response({"error": error}, status=refused.status)

    def _understand(self, request: web.Request) -> Asked:
        """Check token, path, version, rights and locks, in this order."""
        try:
            identity = self._tokens.check(request.headers.get("Authorization"), AUDIENCE)
        except TokenRefused as refused:
            raise Refused(401, "AuthenticationFailed", f"Authentication failed. {refused}") from refused
        parts = PATH.fullmatch(request.path)
        if parts is None or request.method not in ACTIONS:
            message = f"localazure does not play {request.method} https://{request.host}{request.path}."
            raise Refused(404, "NotFound", message)
        if request.query.get("api-version") != API_VERSION:
            raise Refused(400, "InvalidApiVersionParameter", f"The api-version must be {API_VERSION} here.")
        zone = self._zones.get(parts["zone"].lower())
        where = (parts["subscription"].lower(), parts["group"].lower())
        if zone is None or where != (zone.subscription.lower(), zone.group.lower()):
            message = (
                f"Can not perform requested operation on nested resource. Parent resource '{parts['zone']}' not found."
            )
            raise Refused(404, "ParentResourceNotFound", message)
        asked = Asked(request, identity, zone, (parts["name"] or "").lower())
        self._check(asked, ACTIONS[request.method])
        return asked

    def _check(self, asked: Asked, action: str) -> None:
        """Refuse what the identity may not do, or a lock forbids."""
        general = self._rights.get((asked.identity.name, None), DEFAULTS.get(asked.identity.name, frozenset()))
        if action not in self._rights.get((asked.identity.name, asked.zone.name), general):
            who, what = asked.identity, f"Microsoft.Network/dnszones/TXT/{action}"
            message = (
                f"The client '{who.client_id}' with object id '{who.object_id}' does not have authorization to perform action '{what}' "
                f"over scope '{asked.id}' or the scope is invalid. If access was recently granted, please refresh your credentials."
            )
            raise Refused(403, "AuthorizationFailed", message)
        if (action, asked.zone.lock) in {("delete", "CanNotDelete"), ("delete", "ReadOnly"), ("write", "ReadOnly")}:
            message = f"The scope '{asked.id}' cannot perform {action} operation because following scope(s) are locked: '{asked.id}'."
            raise Refused(409, "ScopeLocked", f"{message} Please remove the lock and try again.")

    def _zone(self, asked: Asked) -> web.Response:
        from localazure.dns.zones import SERVERS

        if asked.request.method != "GET":
            raise Refused(404, "NotFound", "localazure makes zones at its management port.")
        properties = {"nameServers": [f"{server}." for server in SERVERS], "zoneType": "Public"}
        return web.json_response(
            {"id": asked.id, "name": asked.zone.name, "location": "global", "properties": properties}
        )

    def _get(self, asked: Asked) -> web.Response:
        if asked.name not in asked.zone.sets:
            raise Refused(404, "NotFound", f"The resource record '{asked.name}' does not exist in resource group.")
        return web.json_response(self._shown(asked))

    def _put(self, asked: Asked, body: bytes) -> web.Response:
        properties = _properties(body)
        exists = asked.name in asked.zone.sets
        self._check_conditions(asked)
        self._zones.write(asked.zone, asked.name, properties)
        return web.json_response(self._shown(asked), status=200 if exists else 201)

    def _delete(self, asked: Asked) -> web.Response:
        if asked.name not in asked.zone.sets:
            return web.Response(status=204)
        self._check_conditions(asked)
        self._zones.delete(asked.zone, asked.name)
        return web.Response(status=200)

    def _check_conditions(self, asked: Asked) -> None:
        """Refuse a write whose If-Match or If-None-Match does not hold."""
        found = asked.zone.sets.get(asked.name)
        match, none_match = (asked.request.headers.get(name) for name in ("If-Match", "If-None-Match"))
        if (none_match == "*" and found) or (match and match != "*" and (found is None or match != found.etag)):
            raise Refused(
                412, "PreconditionFailed", "The condition '' in the If-Match or If-None-Match header is not satisfied."
            )

    def _shown(self, asked: Asked) -> dict[str, Any]:
        found = asked.zone.sets[asked.name]
        fqdn = f"{asked.zone.name}." if asked.name == "@" else f"{asked.name}.{asked.zone.name}."
        computed = {"fqdn": fqdn, "targetResource": {}, "provisioningState": "Succeeded"}
        return {
            "id": asked.id,
            "name": asked.name,
            "type": "Microsoft.Network/dnszones/TXT",
            "etag": found.etag,
            "properties": found.properties | computed,
        }


def _properties(body: bytes) -> dict[str, Any]:
    """Return a PUT's properties, checked against the limits."""
    try:
        properties = json.loads(body)["properties"]
        ttl, records = properties["TTL"], properties["TXTRecords"]
        texts = [text for record in records for text in record["value"]]
        metadata = dict(properties.get("metadata") or {})
    except (ValueError, KeyError, TypeError) as fault:
        raise Refused(400, "BadRequest", f"The request body is not a TXT record set: {fault!r}.") from fault
    if not isinstance(ttl, int) or not 1 <= ttl < 2**31:
        raise Refused(400, "BadRequest", "The TTL must be from 1 to 2147483647.")
    if not records or not all(isinstance(text, str) and len(text) <= LONGEST_STRING for text in texts):
        raise Refused(
            400, "BadRequest", f"A TXT record set has records, of strings of at most {LONGEST_STRING} characters."
        )
    if len(records) > MOST_RECORDS or sum(map(len, texts)) > MOST_CHARACTERS:
        message = f"The record set exceeds the limit of {MOST_RECORDS} records or {MOST_CHARACTERS} characters."
        raise Refused(400, "BadRequest", message)
    return {"TTL": ttl, "TXTRecords": [{"value": list(record["value"])} for record in records], "metadata": metadata}
