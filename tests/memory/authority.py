"""A CA that takes its time: an order, two days of thinking, a chain. It counts what it was asked, as a CA's bill would."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from perennial.errors import IssuerError
from perennial.model.authority import Obstacle, Suggestion
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Issued, Renewal, Step, Waiting

DAY = timedelta(days=1)


@dataclass(slots=True)
class SlowAuthority:
    """Three looks over two days. An order is placed once: one that was found as an intent is asked about by its CSR first."""

    life: timedelta = timedelta(days=90)
    spoil: str = ""  # "key", "names", "expired", "chain": what is wrong with the certificate it issues
    refuses: IssuerError | None = None
    orders: dict[str, datetime] = field(default_factory=dict)  # CSR's hash → when it was ordered
    abandoned: int = 0
    account: str = ""  # which account of which CA issues
    suggestion: Suggestion | IssuerError | None = None  # what it answers when it is asked for a window
    obstructs: tuple[Obstacle, ...] | IssuerError = ()  # what it sees in an order's way
    asked: list[tuple[datetime, str]] = field(default_factory=list)  # when it was asked for a window, and of what
    looked: list[tuple[datetime, tuple[str, ...]]] = field(
        default_factory=list
    )  # when it looked ahead, for which names
    prompt: bool = False  # it answers at once, without two days of thinking
    _root: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Take the next step."""
        if self.refuses is not None:
            raise self.refuses
        memory, order = renewal.checkpoint.memory, hashlib.sha256(csr).hexdigest()
        if self.prompt:
            self.orders[order] = now
            return Issued(self._chain(csr, now), by=self.account)
        match memory.get("state", ""):
            case "":
                return self._wait(now, {"state": "ordering"})
            case "ordering" if not fresh and order in self.orders:
                return self._wait(self.orders[order] + DAY, {"state": "thinking", "order": order})
            case "ordering":
                if order in self.orders:
                    raise AssertionError("one CSR was ordered twice")
                self.orders[order] = now
                return self._wait(now + DAY, {"state": "thinking", "order": order})
            case "thinking":
                ready = self.orders[memory["order"]] + 2 * DAY
                return self._wait(ready, {"state": "done", "order": memory["order"]})
            case _:
                return Issued(self._chain(csr, now), by=self.account)

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Answer as it is set."""
        self.asked.append((now, ari_id))
        if isinstance(self.suggestion, IssuerError):
            raise self.suggestion
        return self.suggestion

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """Answer as it is set."""
        self.looked.append((now, names))
        if isinstance(self.obstructs, IssuerError):
            raise self.obstructs
        return self.obstructs

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Count it."""
        self.abandoned += 1

    @staticmethod
    def _wait(until: datetime, memory: Mapping[str, str]) -> Waiting:
        reason = Reason(ReasonCode.IN_PROGRESS, {"issuer": "the slow CA", "what": memory["state"]})
        return Waiting(until, Checkpoint(Step.SIGNING, memory), reason)

    def _chain(self, csr: bytes, now: datetime) -> tuple[bytes, ...]:
        request = x509.load_der_x509_csr(csr)
        key, root = self._root_for(now)
        asked = ec.generate_private_key(ec.SECP256R1()).public_key() if self.spoil == "key" else request.public_key()
        end = now - DAY if self.spoil == "expired" else now + self.life
        other = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other.example")])
        subject = other if self.spoil == "names" else request.subject
        builder = x509.CertificateBuilder(root.subject, subject, asked, x509.random_serial_number())
        builder = builder.not_valid_before(now - 2 * DAY).not_valid_after(end)
        for extension in () if self.spoil == "names" else request.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        parent = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())  # RFC 9773 §4.1 names it by that
        builder = builder.add_extension(parent, critical=False)
        leaf = builder.sign(key, hashes.SHA256())
        last = self._stranger(now) if self.spoil == "chain" else root
        return tuple(one.public_bytes(serialization.Encoding.DER) for one in (leaf, last))

    def _root_for(self, now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        if self._root is None:
            key = ec.generate_private_key(ec.SECP256R1())
            self._root = key, _self_signed(key, "Slow CA", now)
        return self._root

    @staticmethod
    def _stranger(now: datetime) -> x509.Certificate:
        return _self_signed(ec.generate_private_key(ec.SECP256R1()), "Stranger", now)


def _self_signed(key: ec.EllipticCurvePrivateKey, name: str, now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - 365 * DAY).not_valid_after(now + 3650 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())
