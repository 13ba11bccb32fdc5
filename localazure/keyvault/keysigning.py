"""What is done with a key inside the vault: sign and verify (Key Vault REST: /keys/{name}/{version}/sign)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from localazure.keyvault import errors, keyring
from localazure.keyvault.ask import Answer, Ask
from localazure.keyvault.keyring import KeyVersion

FORBIDDEN = "Operation {} is not permitted on this key."


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A signature algorithm of RFC 7518: the digest that it takes, and the curve, or an RSA padding."""

    digest: hashes.HashAlgorithm
    curve: str = ""  # as cryptography calls it
    pss: bool = False


ALGORITHMS = {
    "ES256": Algorithm(hashes.SHA256(), "secp256r1"),
    "ES384": Algorithm(hashes.SHA384(), "secp384r1"),
    "ES512": Algorithm(hashes.SHA512(), "secp521r1"),
    "ES256K": Algorithm(hashes.SHA256(), "secp256k1"),
    "RS256": Algorithm(hashes.SHA256()),
    "RS384": Algorithm(hashes.SHA384()),
    "RS512": Algorithm(hashes.SHA512()),
    "PS256": Algorithm(hashes.SHA256(), pss=True),
    "PS384": Algorithm(hashes.SHA384(), pss=True),
    "PS512": Algorithm(hashes.SHA512(), pss=True),
}


async def sign(ask: Ask) -> Answer:
    """POST …/sign: `alg` and a digest; ECDSA answers r and s side by side (RFC 7518 §3.4), never DER."""
    key, version = _usable(ask, "sign")
    algorithm, digest = _algorithm(ask, version), _octets(ask, "value")
    _check_digest(algorithm, digest)
    signature = await asyncio.to_thread(_signed, version, algorithm, digest)
    return Answer({"kid": f"{ask.root}/keys/{key.name}/{version.id}", "value": _text(signature)})


async def verify(ask: Ask) -> Answer:
    """POST …/verify: `alg`, `digest` and the signature as `value`; false is an answer, not an error."""
    _, version = _usable(ask, "verify")
    algorithm, digest = _algorithm(ask, version), _octets(ask, "digest")
    _check_digest(algorithm, digest)
    return Answer({"value": _verified(version, algorithm, digest, _octets(ask, "value"))})


def _usable(ask: Ask, operation: str) -> tuple[keyring.Key, KeyVersion]:
    """Return a version that may be used for an operation now. Raises Refused."""
    key, version = keyring.chosen(ask)
    if operation not in version.ops:
        raise errors.Refused(403, "Forbidden", FORBIDDEN.format(operation), "KeyOperationForbidden")
    if not version.enabled:
        text = f"Operation {operation} is not allowed on a disabled key."
        raise errors.Refused(403, "Forbidden", text, "KeyDisabled")
    if (version.exp is not None and version.exp <= ask.world.now) or (version.nbf or 0) > ask.world.now:
        text = f"Operation {operation} is not allowed on a key outside its dates."
        raise errors.Refused(403, "Forbidden", text, "KeyNotYetValidOrExpired")
    return key, version


def _algorithm(ask: Ask, version: KeyVersion) -> Algorithm:
    """Return the algorithm that a body names, if the key can do it. Raises Refused."""
    named = ask.body.get("alg")
    algorithm = ALGORITHMS.get(named) if isinstance(named, str) else None
    curve = version.key.curve.name if isinstance(version.key, ec.EllipticCurvePrivateKey) else ""
    if algorithm is None or algorithm.curve != curve:
        raise errors.bad_property("alg", f"Algorithm {named} is not possible with this key.")
    return algorithm


def _octets(ask: Ask, member: str) -> bytes:
    """Return a member of the body, base64url without padding. Raises Refused."""
    text = ask.body.get(member)
    try:
        if isinstance(text, str):
            return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as refused:
        raise errors.bad_property(member, "It is no base64url.") from refused
    raise errors.bad_property(member, "It must be base64url.")


def _check_digest(algorithm: Algorithm, digest: bytes) -> None:
    if len(digest) != algorithm.digest.digest_size:
        need = algorithm.digest.digest_size
        raise errors.bad_parameter(f"Invalid length of 'value': {len(digest)} bytes. Value should be {need} bytes.")


def _signed(version: KeyVersion, algorithm: Algorithm, digest: bytes) -> bytes:
    """Return the signature of a digest."""
    ready = Prehashed(algorithm.digest)
    if isinstance(version.key, rsa.RSAPrivateKey):
        return version.key.sign(digest, _padding(algorithm), ready)
    r, s = decode_dss_signature(version.key.sign(digest, ec.ECDSA(ready)))
    size = (version.key.key_size + 7) // 8
    return r.to_bytes(size) + s.to_bytes(size)


def _verified(version: KeyVersion, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
    """Tell whether a signature is this key's."""
    public, ready = version.key.public_key(), Prehashed(algorithm.digest)
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, digest, _padding(algorithm), ready)
        else:
            half = len(signature) // 2
            r, s = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
            public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(ready))
    except (InvalidSignature, ValueError):
        return False
    return True


def _padding(algorithm: Algorithm) -> padding.PSS | padding.PKCS1v15:
    mask = padding.MGF1(algorithm.digest)
    return padding.PSS(mask, padding.PSS.DIGEST_LENGTH) if algorithm.pss else padding.PKCS1v15()


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
