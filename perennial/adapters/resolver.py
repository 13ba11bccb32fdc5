"""Questions to the DNS, by dnspython: to resolvers, and to authoritative servers directly. Nothing is cached; every wait is of seconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from perennial.adapters import authoritative
from perennial.errors import DnsError
from perennial.ports.dns import Caa, Zone

if TYPE_CHECKING:
    from dns.rdtypes.ANY.CAA import CAA
    from dns.rdtypes.ANY.CNAME import CNAME
    from dns.rdtypes.ANY.NS import NS
    from publicsuffixlist import PublicSuffixList

TRY_SECONDS = 1.5  # one server's time for one question; all servers of a question have twice as long, and the first that fails ends the call
LONGEST_CHAIN = 12  # CNAMEs
MOST_SERVERS = 16  # of one zone (the largest delegations have 13)
DOWN = "see that the resolvers of PERENNIAL_DNS_SERVERS (or the system's) answer; it is tried again"
SICK = "see that the zone's servers answer for this name; it is tried again"


class DnsResolver:
    """A Resolver. Given servers (`address`, `address:port`), it asks those, and their first port holds for authoritative servers too."""

    def __init__(
        self, servers: tuple[str, ...] = (), *, try_seconds: float = TRY_SECONDS, system: str = "/etc/resolv.conf"
    ) -> None:
        """Take the servers; none: those of the file."""
        self._system = system
        self._servers = tuple(map(_place, servers))
        self._port = self._servers[0][1] if self._servers else 53
        self._try_seconds = try_seconds

    def alias(self, name: str) -> str:
        """Follow CNAMEs one by one, so that an end that does not answer is no hindrance."""
        seen = [name]
        while len(seen) <= LONGEST_CHAIN:
            target = next((rdata.target for rdata in self._cnames(seen[-1])), None)
            if target is None:
                return seen[-1]
            seen.append(_text(target))
            if seen[-1] in seen[:-1]:
                break
        what = f"the CNAMEs of {name} never end: {' → '.join(seen[:4])} …"
        raise DnsError("cname-loop", what, fix=f"correct the CNAME records of {name}")

    def zone(self, name: str) -> Zone | None:
        """Ask for the SOA, which an answer without one has in its authority section (RFC 2308 §2), and climb where it has none."""
        at = _name(name)
        while not self._is_public(at):
            apex = self._apex(at)
            if apex is not None:
                return None if self._is_public(apex) else self._zone(apex)
            at = at.parent()
        return None

    def lacking(self, name: str, value: str) -> tuple[str, ...]:
        """Ask every server at once."""
        end = self.alias(name)
        zone = self.zone(end)
        if zone is None:
            fix = f"register the domain of {end}, or let its parent zone name its servers (NS records)"
            raise DnsError("not-delegated", f"the DNS knows no zone for {end}", fix=fix)
        with ThreadPoolExecutor(MOST_SERVERS) as side_by_side:
            answers = side_by_side.map(lambda server: self._fault_at(server, end, value), zone.servers[:MOST_SERVERS])
            return tuple(fault for fault in answers if fault)

    def caa(self, name: str) -> tuple[Caa, ...]:
        """Climb to the nearest records; CNAMEs are followed by the resolver (RFC 8659 §3)."""
        at = _name(name.removeprefix("*."))
        while at != dns.name.root:
            answer = self._ask(at, dns.rdatatype.CAA)
            if answer is not None and answer.rrset is not None:
                found: list[CAA] = list(answer.rrset)
                return tuple(
                    Caa(bool(one.flags & 128), one.tag.decode().lower(), one.value.decode("ascii", "replace"))
                    for one in found
                )
            at = at.parent()
        return ()

    def broken(self, name: str) -> str:
        """Compare the answer with checking to the one without (RFC 4035 §3.2.2: CD); a resolver that does not validate sees nothing."""
        checked, why = self._soa_answer(name, checking=True)
        if checked != dns.rcode.SERVFAIL:
            return ""
        unchecked, _ = self._soa_answer(name, checking=False)
        if unchecked not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return ""
        return f"its DNSSEC does not hold: a validating resolver answers SERVFAIL, and {dns.rcode.to_text(unchecked)} without checking{why}"

    def _cnames(self, name: str) -> list[CNAME]:
        answer = self._ask(_name(name), dns.rdatatype.CNAME)
        return list(answer.rrset) if answer is not None and answer.rrset is not None else []

    def _apex(self, name: dns.name.Name) -> dns.name.Name | None:
        """Return the apex that an answer about a name's SOA names; None: it names none at or above the name."""
        response = self._response(name, dns.rdatatype.SOA)
        owners = [rrset.name for rrset in (*response.answer, *response.authority) if rrset.rdtype == dns.rdatatype.SOA]
        return next((owner for owner in owners if name.is_subdomain(owner)), None)

    def _zone(self, apex: dns.name.Name) -> Zone | None:
        answer = self._ask(apex, dns.rdatatype.NS)
        found: list[NS] = list(answer.rrset) if answer is not None and answer.rrset is not None else []
        return Zone(_text(apex), tuple(sorted(_text(one.target) for one in found))) if found else None

    def _is_public(self, name: dns.name.Name) -> bool:
        """Tell whether a name belongs to everybody: the root, or on the list of public suffixes. A top-level domain of one's own is not."""
        return name == dns.name.root or self._suffixes.publicsuffix(_text(name)) == _text(name)

    @cached_property
    def _suffixes(self) -> PublicSuffixList:
        from publicsuffixlist import PublicSuffixList

        # A suffix of the private section (github.io) is a zone that somebody may get certificates for.
        return PublicSuffixList(only_icann=True, accept_unknown=False)

    def _fault_at(self, server: str, name: str, value: str) -> str:
        """Return a server's name if it lacks a value, with the reason where that is another; empty: it serves it."""
        addresses = self._addresses(server)
        if not addresses:
            return f"{server} (no address)"
        answers = {address: authoritative.ask(address, self._port, name, self._try_seconds) for address in addresses}
        silent = [address for address, texts in answers.items() if texts is None]
        if any(texts is not None and value not in texts for texts in answers.values()):
            return server
        # Not every machine has a way to IPv6; a server that serves it by IPv4 is not blamed for that.
        if any(ip_address(address).version == 4 for address in silent) or len(silent) == len(addresses):
            return f"{server} (no answer from {', '.join(silent)})"
        return ""

    def _addresses(self, server: str) -> list[str]:
        found: list[str] = []
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            try:
                answer = self._ask(_name(server), kind)
            except DnsError:
                continue
            found += [rdata.address for rdata in (answer.rrset if answer is not None else None) or ()]
        return found

    def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer | None:
        """Ask the resolvers; None: there is no such name."""
        try:
            return self._resolver().resolve(name, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return None
        except dns.exception.DNSException as error:
            raise _unanswered(_text(name), kind, error) from error

    def _response(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message:
        """Ask the resolvers, and return the message also where there is no such name."""
        try:
            return self._resolver().resolve(name, kind, raise_on_no_answer=False, search=False).response
        except dns.resolver.NXDOMAIN as none:
            told: Any = none  # its methods have no types
            response: dns.message.Message = told.response(name)
            return response
        except dns.exception.DNSException as error:
            raise _unanswered(_text(name), kind, error) from error

    def _soa_answer(self, name: str, *, checking: bool) -> tuple[dns.rcode.Rcode, str]:
        """Return what the first resolver that answers says of a name's SOA, and why (RFC 8914)."""
        query = dns.message.make_query(_name(name), dns.rdatatype.SOA, use_edns=0, want_dnssec=True)
        if not checking:
            query.flags |= dns.flags.CD
        problem: Exception = TimeoutError()
        for address, port in self._asked():
            try:
                response, _ = dns.query.udp_with_fallback(query, address, self._try_seconds, port)
            except (dns.exception.DNSException, OSError, EOFError) as error:
                problem = error
                continue
            texts = [option.text for option in response.extended_errors() if option.text]
            return response.rcode(), f" ({'; '.join(texts)})" if texts else ""
        raise _unanswered(name, dns.rdatatype.SOA, problem)

    def _asked(self) -> tuple[tuple[str, int], ...]:
        """Return the address and port of each resolver."""
        if self._servers:
            return self._servers
        try:
            return tuple((str(server), 53) for server in dns.resolver.Resolver(self._system).nameservers)
        except dns.resolver.NoResolverConfiguration as error:
            raise DnsError(
                "dns-down", "this machine knows no resolver", fix="name some in PERENNIAL_DNS_SERVERS"
            ) from error

    def _resolver(self) -> dns.resolver.Resolver:
        """Return a resolver of dnspython's; it keeps state while it asks, so each thread has its own."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in self._asked()]
        resolver.timeout, resolver.lifetime = self._try_seconds, 2 * self._try_seconds
        return resolver


def _place(server: str) -> tuple[str, int]:
    """Split `address`, `address:port`, `[v6]` or `[v6]:port`. Raises ValueError."""
    if server.startswith("["):
        address, _, port = server[1:].partition("]")
        port = port.removeprefix(":")
    else:
        address, _, port = server.partition(":") if server.count(":") < 2 else (server, "", "")
    return str(ip_address(address)), int(port or 53)


def _name(text: str) -> dns.name.Name:
    try:
        return dns.name.from_text(text)
    except dns.exception.DNSException as error:  # a label or the whole too long, an empty label
        raise DnsError(
            "bad-name", f"{text!r} is no name of the DNS ({type(error).__name__})", fix="correct the name"
        ) from error


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _unanswered(name: str, kind: dns.rdatatype.RdataType, error: Exception) -> DnsError:
    asked = f"{name} {dns.rdatatype.to_text(kind)}"
    if isinstance(error, TimeoutError | dns.exception.Timeout):
        return DnsError("dns-down", f"no answer in time about {asked}", fix=DOWN)
    return DnsError("dns-down", f"no usable answer about {asked} ({type(error).__name__})", fix=SICK)
