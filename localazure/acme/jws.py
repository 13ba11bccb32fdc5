"""Signed requests (RFC 8555 §6.2): flattened JWS, keys, signatures, external account bindings."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from localazure.acme.problems import Json, Problem, malformed

type PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

CURVES: dict[str, tuple[str, ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "P-256": ("ES256", ec.SECP256R1(), hashes.SHA256()),
    "P-384": ("ES384", ec.SECP384R1(), hashes.SHA384()),
}
ALGORITHMS = ["RS256", "ES256", "ES384"]


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWS whose parts were decoded; its signature is not checked yet. An empty payload is POST-as-GET."""

    header: Json
    payload: bytes
    signing_input: bytes
    signature: bytes

    def body(self) -> Json:
        """Return the payload, a JSON object. Raises Problem."""
        try:
            found = json.loads(self.payload)
        except ValueError as refused:
            raise malformed("The payload is not valid JSON.") from refused
        if not isinstance(found, dict):
            raise malformed("The payload must be a JSON object.")
        return found


def decode(text: object) -> bytes:
    """Return the octets of base64url without padding (RFC 7515 §2). Raises Problem."""
    if not isinstance(text, str) or "=" in text:
        raise malformed("Expected base64url without padding.")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as refused:
        raise malformed("Expected base64url without padding.") from refused


def encode(octets: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def read(octets: bytes | Mapping[str, Any]) -> Signed:
    """Read a flattened JWS. Raises Problem."""
    try:
        outer: Any = json.loads(octets) if isinstance(octets, bytes) else dict(octets)
        protected, payload = outer["protected"], outer["payload"]
        header = json.loads(decode(protected))
    except (ValueError, KeyError, TypeError) as refused:
        raise malformed("The request is no flattened JWS.") from refused
    if not isinstance(header, dict) or "header" in outer or "signatures" in outer:
        raise malformed("The JWS must have one signature and no unprotected header.")
    return Signed(header, decode(payload), f"{protected}.{payload}".encode(), decode(outer.get("signature")))


def public_key(jwk: object) -> PublicKey:
    """Return the key of a JWK. Raises Problem."""
    try:
        if isinstance(jwk, dict) and jwk["kty"] == "RSA":
            n, e = (int.from_bytes(decode(jwk[part])) for part in ("n", "e"))
            key = rsa.RSAPublicNumbers(e, n).public_key()
        elif isinstance(jwk, dict) and jwk["kty"] == "EC":
            x, y = (int.from_bytes(decode(jwk[part])) for part in ("x", "y"))
            return ec.EllipticCurvePublicNumbers(x, y, CURVES[jwk["crv"]][1]).public_key()
        else:
            raise Problem("badPublicKey", "The key must be RSA, EC P-256 or EC P-384.")
    except (KeyError, ValueError, TypeError) as refused:
        raise Problem("badPublicKey", "The JWK is not a key that this CA takes.") from refused
    if key.key_size < 2048:
        raise Problem("badPublicKey", f"key size not supported: {key.key_size}")
    return key


def verify(signed: Signed, jwk: Json) -> None:
    """Check a JWS against a key. Raises Problem."""
    key, algorithm = public_key(jwk), signed.header.get("alg")
    expected = "RS256" if isinstance(key, rsa.RSAPublicKey) else CURVES[jwk["crv"]][0]
    if algorithm != expected:
        detail = f"The JWS algorithm {algorithm!r} does not fit this key; expected {expected}."
        raise Problem("badSignatureAlgorithm", detail, more={"algorithms": ALGORITHMS})
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signed.signature, signed.signing_input, padding.PKCS1v15(), hashes.SHA256())
            return
        size = (key.key_size + 7) // 8  # RFC 7518 §3.4: r and s, each of the curve's length
        if len(signed.signature) != 2 * size:
            raise malformed("The ECDSA signature must be r and s, not DER.")
        r, s = (int.from_bytes(part) for part in (signed.signature[:size], signed.signature[size:]))
        key.verify(encode_dss_signature(r, s), signed.signing_input, ec.ECDSA(CURVES[jwk["crv"]][2]))
    except InvalidSignature as refused:
        raise malformed("JWS verification error") from refused


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return a key's thumbprint (RFC 7638)."""
    members = ("e", "kty", "n") if jwk["kty"] == "RSA" else ("crv", "kty", "x", "y")
    text = json.dumps({member: jwk[member] for member in members}, separators=(",", ":"))
    return encode(hashlib.sha256(text.encode()).digest())


def bound_key_id(binding: object, jwk: Json, url: str, keys: Mapping[str, str]) -> str:
    """Check an external account binding (RFC 8555 §7.3.4) against the CA's HMAC keys (base64url); return its key id. Raises Problem."""
    if not isinstance(binding, dict):
        raise malformed("The externalAccountBinding is no JWS.")
    signed = read(binding)
    key_id = signed.header.get("kid")
    if signed.header.get("alg") != "HS256" or "nonce" in signed.header or signed.header.get("url") != url:
        raise malformed("The binding must have alg HS256, the request's url, and no nonce.")
    if not isinstance(key_id, str) or key_id not in keys:
        raise Problem("unauthorized", "The key id of the external account binding is not known.", 403)
    secret = decode(keys[key_id].rstrip("="))
    if not hmac.compare_digest(hmac.digest(secret, signed.signing_input, "sha256"), signed.signature):
        raise Problem("unauthorized", "The external account binding's signature is wrong.", 403)
    if thumbprint(public_key_members(signed.body())) != thumbprint(jwk):
        raise malformed("The binding is for another key than the request's.")
    return key_id


def public_key_members(jwk: Json) -> Json:
    """Return a JWK that was checked to be a key. Raises Problem."""
    public_key(jwk)
    return jwk
