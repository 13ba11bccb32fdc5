"""X.500 names as Key Vault reads them from a policy and writes them for an import."""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.x509.oid import NameOID

SHORT = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "S": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "E": NameOID.EMAIL_ADDRESS,
    "EMAILADDRESS": NameOID.EMAIL_ADDRESS,
    "STREET": NameOID.STREET_ADDRESS,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "SN": NameOID.SURNAME,
    "G": NameOID.GIVEN_NAME,
    "T": NameOID.TITLE,
    "UID": NameOID.USER_ID,
}
WINDOWS = {oid: name for name, oid in SHORT.items() if name not in ("ST", "EMAILADDRESS")}
PART = re.compile(r'\s*([A-Za-z][A-Za-z0-9]*|[0-9.]+)\s*=\s*("(?:[^"]|"")*"|(?:\\.|[^,+"\\])*)\s*(,|\+|$)')


class BadName(ValueError):
    """The text is no X.500 name."""


def parse(text: str) -> x509.Name:
    """Read a policy's subject the RFC 4514 way: the last attribute comes first in the DER form."""
    place, parts, joined = 0, list[list[x509.NameAttribute[str | bytes]]](), False
    while place < len(text):
        found = PART.match(text, place)
        if not found:
            raise BadName(text)
        attribute = _attribute(found[1], found[2].strip())
        if joined:
            parts[-1].append(attribute)
        else:
            parts.append([attribute])
        place, joined = found.end(), found[3] == "+"
        if found[3] and place == len(text):
            raise BadName(text)
    return x509.Name([x509.RelativeDistinguishedName(part) for part in reversed(parts)])


def _attribute(short: str, value: str) -> x509.NameAttribute[str | bytes]:
    quoted = value.startswith('"')
    value = value[1:-1].replace('""', '"') if quoted else re.sub(r"\\(.)", r"\1", value)
    try:
        oid = SHORT.get(short.upper()) or x509.ObjectIdentifier(short)
        return x509.NameAttribute(oid, value)
    except ValueError as refused:
        raise BadName(str(refused)) from refused


def windows(name: x509.Name) -> str:
    """Write a name the Windows way: last attribute first, `S=` for the state, quotes where needed."""
    parts = ["+".join(_written(attribute) for attribute in part) for part in reversed(list(name.rdns))]
    return ", ".join(parts)


def _written(attribute: x509.NameAttribute[str | bytes]) -> str:
    value = str(attribute.value)
    if not value or re.search(r'[,+="<>#;]|^\s|\s$', value):
        value = '"' + value.replace('"', '""') + '"'
    return f"{WINDOWS.get(attribute.oid, attribute.oid.dotted_string)}={value}"
