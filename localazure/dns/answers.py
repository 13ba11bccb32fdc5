"""What the DNS server answers: to a resolver what stands in a zone of its own, to everybody else the end of the search."""

from __future__ import annotations

from collections.abc import Iterable

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from localazure.dns.zones import SERVERS, Zone, Zones

LONGEST_CHAIN = 8  # CNAMEs
TTL = 60  # seconds
SOA = f"{SERVERS[0]}. hostmaster.azure-dns.com. 1 3600 300 2419200 60"


def answer(query: dns.message.Message, zones: Zones) -> dns.message.Message:
    """Answer a query. With RD it is a resolver, which validates unless CD is set; without, an authoritative server."""
    response = dns.message.make_response(query, recursion_available=True)
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
        return response
    asked = query.question[0]
    recursive = bool(query.flags & dns.flags.RD)
    name = asked.name
    for _ in range(LONGEST_CHAIN):
        zone = zones.holding(_text(name), known_to_all=recursive)
        if zone is None:
            response.set_rcode(dns.rcode.NXDOMAIN if recursive else dns.rcode.REFUSED)
            return response
        if zone.bogus and recursive and not query.flags & dns.flags.CD:
            return _bogus(query, zone)
        if not recursive:
            response.flags |= dns.flags.AA
        target = _fill(response, zone, name, asked.rdtype, zones)
        if target is None or not recursive:
            return response
        name = target
    response.set_rcode(dns.rcode.SERVFAIL)
    return response


def _fill(
    response: dns.message.Message, zone: Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType, zones: Zones
) -> dns.name.Name | None:
    """Add what a zone has of a name; return where its CNAME leads, if that is the answer."""
    found = _records(zone, name, kind, zones)
    alias = _records(zone, name, dns.rdatatype.CNAME, zones) if kind != dns.rdatatype.CNAME and not found else None
    response.set_rcode(dns.rcode.NOERROR)
    if found:
        response.answer.append(found)
    elif alias:
        response.answer.append(alias)
        target: dns.name.Name = alias[0].target
        return target
    else:
        if not _exists(zone, name, zones):
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(_rrset(dns.name.from_text(zone.name), "SOA", [SOA]))
    return None


def _records(zone: Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType, zones: Zones) -> dns.rrset.RRset | None:
    relative, type_name = zone.relative(_text(name)), dns.rdatatype.to_text(kind)
    texts = list(zone.records.get(relative, {}).get(type_name, ()))
    if relative == "@" and not texts:
        texts = {"SOA": [SOA], "NS": [f"{server}." for server in SERVERS]}.get(type_name, [])
    ttl = TTL
    served = zone.served(relative, zones.clock()) if type_name == "TXT" else None
    if served is not None:
        texts += [" ".join(_quoted(text) for text in record) for record in served.values()]
        ttl = served.properties["TTL"]
    return _rrset(name, type_name, texts, ttl) if texts else None


def _exists(zone: Zone, name: dns.name.Name, zones: Zones) -> bool:
    """Tell whether a name, or one below it, has anything (RFC 8020: else there is nothing below it either)."""
    relative = zone.relative(_text(name))
    if relative == "@":
        return True
    below = any(other == relative or other.endswith(f".{relative}") for other in zone.names())
    return below or zone.served(relative, zones.clock()) is not None


def _bogus(query: dns.message.Message, zone: Zone) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.SERVFAIL)
    if query.edns >= 0:
        why = dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, f"the signatures of {zone.name} do not hold")
        response.use_edns(0, options=[why])
    return response


def _rrset(name: dns.name.Name, kind: str, texts: Iterable[str], ttl: int = TTL) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(name, ttl, "IN", kind, list(texts))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
