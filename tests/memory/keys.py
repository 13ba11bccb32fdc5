"""Accounts' keys in memory, as a vault keeps them: versions that sign, and no way to read the private half."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from perennial.errors import Refused, VaultError
from perennial.ports.keys import PublicKey

HALF = 32
ES256 = ec.ECDSA(utils.Prehashed(hashes.SHA256()))


@dataclass(slots=True)
class MemoryKeys:
    """One vault's keys."""

    vault: str = "kv-keys.vault.azure.net"
    calls: Counter[str] = field(default_factory=Counter)
    refuses: VaultError | None = None  # raised by every call
    _versions: dict[str, list[str]] = field(default_factory=dict)
    _keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def get(self, name: str) -> PublicKey | None:
        """Return the newest version."""
        self._called("get")
        return self._public(self._versions[name][-1]) if name in self._versions else None

    def read(self, key_id: str) -> PublicKey | None:
        """Return one version."""
        self._called("read")
        return self._public(key_id) if key_id in self._keys else None

    def create(self, name: str) -> PublicKey:
        """Make a version."""
        self._called("create")
        key_id = f"https://{self.vault}/keys/{name}/{next(self._numbers):032x}"
        self._versions.setdefault(name, []).append(key_id)
        self._keys[key_id] = ec.generate_private_key(ec.SECP256R1())
        return self._public(key_id)

    def sign(self, key_id: str, digest: bytes) -> bytes:
        """Sign."""
        self._called("sign")
        if key_id not in self._keys:
            raise Refused(self.vault, f"404 KeyNotFound: {key_id}", code="KeyNotFound")
        if len(digest) != HALF:
            raise Refused(self.vault, "400 BadParameter: the digest has another length", code="BadParameter")
        r, s = utils.decode_dss_signature(self._keys[key_id].sign(digest, ES256))
        return r.to_bytes(HALF) + s.to_bytes(HALF)

    def _called(self, method: str) -> None:
        self.calls[method] += 1
        if self.refuses is not None:
            raise self.refuses

    def _public(self, key_id: str) -> PublicKey:
        numbers = self._keys[key_id].public_key().public_numbers()
        return PublicKey(id=key_id, x=numbers.x.to_bytes(HALF), y=numbers.y.to_bytes(HALF))


def holds(public: PublicKey, digest: bytes, signature: bytes) -> bool:
    """Tell whether a signature (r and s) is a key's over a digest."""
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(public.x), int.from_bytes(public.y), ec.SECP256R1())
    der = utils.encode_dss_signature(int.from_bytes(signature[:HALF]), int.from_bytes(signature[HALF:]))
    try:
        numbers.public_key().verify(der, digest, ES256)
    except InvalidSignature:
        return False
    return len(signature) == 2 * HALF
