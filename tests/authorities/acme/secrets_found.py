"""Private keys in a process and in what it stores: keys of the crypto library, and their PEM, DER, JWK and base64 forms."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable

from cryptography.hazmat.bindings._rust import openssl

KEYS: tuple[type, ...] = (
    openssl.ec.ECPrivateKey,
    openssl.rsa.RSAPrivateKey,
    openssl.ed25519.Ed25519PrivateKey,
)
PEM = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64}")
# SEC 1 (P-256), PKCS#8 and PKCS#1, as the first bytes of a value, and the same in base64.
DER = re.compile(
    rb"\A(?:\x30[\x30-\x82].{0,2}\x02\x01\x00\x30|\x30\x77\x02\x01\x01\x04\x20|\x30\x82..\x02\x01\x00\x02)", re.DOTALL
)
BASE64 = re.compile(rb"(?:MHcCAQEEI|MIGHAgEAMBMGByqGSM49|MIIE[pv][A-Z]?IBA)[A-Za-z0-9+/_-]{40}")
JWK = re.compile(rb"\"d\" ?: ?\"[A-Za-z0-9_-]{43,}\"")
SHORTEST = 40  # bytes of a value that may hold a private key


def in_value(value: object) -> str:
    """Say which form of a private key a value is, or holds as text; empty: none."""
    if isinstance(value, KEYS):
        return type(value).__name__
    if not isinstance(value, str | bytes | bytearray) or len(value) < SHORTEST:
        return ""
    raw = value.encode(errors="replace") if isinstance(value, str) else bytes(value)
    forms = {"PEM": PEM, "DER": DER, "base64": BASE64, "JWK": JWK}
    return next((name for name, form in forms.items() if form.search(raw)), "")


def in_memory() -> list[str]:
    """Look at everything that this process can reach."""
    gc.collect()
    seen: set[int] = set()
    found: list[str] = []
    for holder in gc.get_objects():
        for value in (holder, *gc.get_referents(holder)):
            if id(value) not in seen:
                seen.add(id(value))
                found += [form for form in (in_value(value),) if form]
    return found


def in_rows(rows: Iterable[dict[str, object]]) -> list[str]:
    """Look at every column of some rows."""
    return [f"{name}: {form}" for row in rows for name, value in row.items() if (form := in_value(value))]
