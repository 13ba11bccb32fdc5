"""An account's key as the JOSE library wants it: its public half is here, and each signature is asked of Key Vault."""

from __future__ import annotations

from collections.abc import Buffer
from typing import Never

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from josepy.jwk import JWKEC

from perennial.ports.keys import Keys, PublicKey

CURVE = ec.SECP256R1()
HALF = 32  # bytes of r, and of s (RFC 7518 §3.4)


class VaultKey(ec.EllipticCurvePrivateKey):
    """A private key that is not here: only its public half is, and the vault signs."""

    def __init__(self, keys: Keys, public: PublicKey) -> None:
        self._keys = keys
        self._id = public.id
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(public.x), int.from_bytes(public.y), CURVE)
        self._public = numbers.public_key()

    def sign(self, data: Buffer, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Let the vault sign; it answers r and s side by side, and cryptography's callers expect DER."""
        del signature_algorithm  # ES256 is the only one that this curve has (RFC 7518 §3.4)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(bytes(data))
        raw = self._keys.sign(self._id, digest.finalize())
        return utils.encode_dss_signature(int.from_bytes(raw[:HALF]), int.from_bytes(raw[HALF:]))

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """The key's curve."""
        return CURVE

    @property
    def key_size(self) -> int:
        """Bits."""
        return CURVE.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> Never:
        """Refuse: the key signs, no more."""
        raise _not_here()

    def private_numbers(self) -> Never:
        """Refuse: the private half is in the vault, and stays there."""
        raise _not_here()

    def private_bytes(self, *_: object, **__: object) -> Never:
        """Refuse, as private_numbers does."""
        raise _not_here()

    def __copy__(self) -> VaultKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> VaultKey:
        return self


def _not_here() -> TypeError:
    return TypeError("an account's private key never leaves its vault")


def jwk_of(keys: Keys, public: PublicKey) -> JWKEC:
    """Return a JWK that signs by the vault."""
    return JWKEC(key=VaultKey(keys, public))


def thumbprint(jwk: JWKEC) -> bytes:
    """Return a key's thumbprint (RFC 7638); josepy takes it of the public half only, since it would write the private one down."""
    return jwk.public_key().thumbprint()
