"""Private keys, made in threads; a few of the usual kind lie ready."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
KEY_TYPES = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)

CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}
BITS = {"P-256": 256, "P-384": 384, "P-521": 521, "P-256K": 256}
CURVE_OF_BITS = {256: "P-256", 384: "P-384", 521: "P-521"}
USUAL = 2048
READY = 4  # keys kept ready once started; one takes about 50 ms


class KeyForge:
    """Makes a key of its own for every operation."""

    def __init__(self) -> None:
        self._ready: deque[rsa.RSAPrivateKey] = deque()
        self._refill: asyncio.Task[None] | None = None
        self._started = False

    async def start(self) -> None:
        """Begin to keep keys ready."""
        self._started = True
        self._top_up()

    async def stop(self) -> None:
        """Stop keeping keys ready."""
        self._started = False
        if self._refill:
            await self._refill
            self._refill = None

    async def make(self, key_props: dict[str, Any]) -> PrivateKey:
        """Return a new key for a policy's `key_props`."""
        if key_props["kty"].startswith("EC"):
            return await asyncio.to_thread(ec.generate_private_key, CURVES[key_props["crv"]])
        if key_props["key_size"] == USUAL and self._ready:
            key = self._ready.popleft()
            self._top_up()
            return key
        return await asyncio.to_thread(rsa.generate_private_key, 65537, key_props["key_size"])

    def _top_up(self) -> None:
        if self._started and (self._refill is None or self._refill.done()):
            self._refill = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        while self._started and len(self._ready) < READY:
            self._ready.append(await asyncio.to_thread(rsa.generate_private_key, 65537, USUAL))


def describe(key: PublicKey) -> dict[str, Any]:
    """Return the `key_props` that a key has by itself."""
    if isinstance(key, rsa.RSAPublicKey):
        return {"kty": "RSA", "key_size": key.key_size}
    curve = next(name for name, curve in CURVES.items() if curve.name == key.curve.name)
    return {"kty": "EC", "crv": curve, "key_size": BITS[curve]}


def jwk(key: PublicKey) -> dict[str, str]:
    """Return the public members of a JSON web key."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"n": _number(numbers.n), "e": _number(numbers.e)}
    point, size = key.public_numbers(), (key.key_size + 7) // 8
    curve = str(describe(key)["crv"])
    return {"crv": curve, "x": _number(point.x, size), "y": _number(point.y, size)}


def _number(value: int, size: int = 0) -> str:
    octets = value.to_bytes(size or (value.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def private_bytes(key: PrivateKey) -> bytes:
    """Return the DER form of a private key (PKCS #8)."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
