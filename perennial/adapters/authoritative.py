"""A question to one authoritative server, at one address."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

TRIES = 2  # a datagram may be lost


def ask(address: str, port: int, name: str, seconds: float) -> frozenset[str] | None:
    """Return the TXT values that a server serves at a name; None: it gave no answer of its own."""
    query = dns.message.make_query(name, dns.rdatatype.TXT, use_edns=0, flags=0)  # no recursion: what it knows itself
    for _ in range(TRIES):
        try:
            response, _tcp = dns.query.udp_with_fallback(query, address, seconds, port)
        except dns.exception.Timeout:
            continue
        except (dns.exception.DNSException, OSError, EOFError):  # no route, no port, or no DNS
            return None
        if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not response.flags & dns.flags.AA:
            return None
        wanted = dns.name.from_text(name)
        found = [rrset for rrset in response.answer if rrset.name == wanted and rrset.rdtype == dns.rdatatype.TXT]
        return frozenset(b"".join(rdata.strings).decode("utf-8", "replace") for rrset in found for rdata in rrset)
    return None
