"""What a CA reads in the DNS: the challenge's TXT values and CAA, over UDP from one configured server."""

from __future__ import annotations

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.CAA import CAA
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.TXT import TXT

from localazure.acme.problems import Problem

TIMEOUT = 3.0  # seconds for one question
LONGEST_CHAIN = 10  # aliases followed


class Dns:
    """Asks one server, `127.0.0.1:PORT`."""

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._host, self._port = host, int(port)

    async def texts(self, name: str) -> list[str]:
        """Return the TXT values at a name, by way of its aliases. Raises Problem."""
        found = await self._records(dns.name.from_text(name), dns.rdatatype.TXT)
        return [b"".join(one.strings).decode("latin-1") for one in found if isinstance(one, TXT)]

    async def check_caa(self, name: str, identity: str, *, wildcard: bool) -> None:
        """Refuse if the CAA records nearest above a name do not name the CA (RFC 8659 §3). Raises Problem."""
        place = dns.name.from_text(name)
        while place != dns.name.root:
            records = [one for one in await self._records(place, dns.rdatatype.CAA) if isinstance(one, CAA)]
            if records:
                self._judge(records, identity, name, wildcard=wildcard)
                return
            place = place.parent()

    def _judge(self, records: list[CAA], identity: str, name: str, *, wildcard: bool) -> None:
        """Decide by the records of one place: for a wildcard `issuewild` comes before `issue`."""
        tagged = {
            tag: [one.value.decode().partition(";")[0].strip() for one in records if one.tag.decode().lower() == tag]
            for tag in ("issue", "issuewild")
        }
        allowed = tagged["issuewild"] if wildcard and tagged["issuewild"] else tagged["issue"]
        if allowed and identity not in allowed:
            raise Problem("caa", f"CAA record for {name} prevents issuance", 403)

    async def _records(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[object]:
        """Return the records at a name, following aliases also into zones that the first answer left out. Raises Problem."""
        for _ in range(LONGEST_CHAIN):
            answer = await self._ask(name, kind)
            target = name
            for _ in range(LONGEST_CHAIN):
                if found := answer.get_rrset(dns.message.ANSWER, target, dns.rdataclass.IN, kind):
                    return list(found)
                alias = answer.get_rrset(dns.message.ANSWER, target, dns.rdataclass.IN, dns.rdatatype.CNAME)
                if not alias or not isinstance(alias[0], CNAME):
                    break
                target = alias[0].target
            if target == name:
                return []
            name = target
        raise Problem("dns", f"DNS problem: too many aliases at {name}")

    async def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message:
        """Ask one question. Raises Problem."""
        query = dns.message.make_query(name, kind)
        asked = f"looking up {dns.rdatatype.to_text(kind)} for {name.to_text(omit_final_dot=True)}"
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(query, self._host, TIMEOUT, self._port)
        except (dns.exception.DNSException, OSError) as refused:
            raise Problem("dns", f"DNS problem: query timed out {asked}") from refused
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise Problem("dns", f"DNS problem: {dns.rcode.to_text(answer.rcode())} {asked}")
        return answer
