"""A fleet of Key Vaults in memory that behaves as the recorded service does, for the port and for people beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from perennial.adapters.x509 import read_leaf
from perennial.errors import Busy, Forbidden, Refused, Throttled, Unreachable, VaultError
from perennial.model.certificate import Certificate, CertificateRef, Listed, Operation, OperationState, Version
from perennial.ports.vault import ListPage
from tests.memory import minting
from tests.memory.people import People
from tests.memory.shelf import Name, OnEvent, Shelf

PAGE = 25  # Key Vault: the largest page of a list


@dataclass(slots=True)
class Fault:
    """An error that calls run into; `after_effect` lets the call happen first."""

    method: str
    error: VaultError
    times: int
    after_effect: bool
    vault: str
    name: str


class MemoryVaults(People):
    """The port `Vaults`, and around it the hooks of People: what persons, other managers and outages do."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        real_certificates: bool = False,
        on_event: OnEvent | None = None,
        page_size: int = PAGE,
        empty_pages: bool = False,
        shows_pending_renewal: bool = False,
    ) -> None:
        """Open an empty fleet. `empty_pages`: each list begins with one; `shows_pending_renewal`: GET shows the unfinished version."""
        super().__init__(Shelf(clock, real_certificates=real_certificates, on_event=on_event))
        self.page_size = page_size
        self.empty_pages = empty_pages
        self.shows_pending_renewal = shows_pending_renewal
        self.calls: Counter[str] = Counter()  # by method
        self.calls_of_vault: Counter[tuple[str, str]] = Counter()  # by vault and method
        self.creates: list[tuple[datetime, CertificateRef]] = []  # accepted ones
        self.on_call: Callable[[str, str, str], None] | None = None  # method, vault, name: before anything happens
        self._faults: list[Fault] = []
        self._throttled: dict[str, tuple[datetime, timedelta | None]] = {}
        self._closed: dict[str, VaultError] = {}

    def fail_next(
        self,
        method: str,
        error: VaultError,
        *,
        times: int = 1,
        after_effect: bool = False,
        vault: str = "",
        name: str = "",
    ) -> None:
        """Let the next calls of a method (`*`: any) fail, in one vault or of one name if given."""
        self._faults.append(Fault(method, error, times, after_effect, vault, name))

    def throttle(self, vault: str, until: datetime, retry_after: timedelta | None = None) -> None:
        """Answer 429 to everything in a vault until then."""
        self._throttled[vault] = (until, retry_after)

    def close(self, vault: str, error: VaultError | None = None) -> None:
        """Let every call to a vault fail until `open`: by default, its firewall."""
        self._closed[vault] = error or Forbidden(vault, "the firewall refused", code="ForbiddenByFirewall")

    def open(self, vault: str) -> None:
        """End what `close` and `throttle` began."""
        self._closed.pop(vault, None)
        self._throttled.pop(vault, None)

    def get(self, certificate: CertificateRef) -> Certificate | None:
        """Return the latest version."""
        return self._call("get", certificate.vault, certificate.name, lambda: self._get(certificate))

    def pending(self, certificate: CertificateRef, request_id: str = "") -> Operation | None:
        """Return the pending operation."""

        def ask() -> Operation | None:
            name = self._living(certificate)
            found = name.pending if name else None
            return found.shown() if found and request_id in ("", found.request_id) else None

        return self._call("pending", certificate.vault, certificate.name, ask)

    def page(self, vault: str, more: str | None = None) -> ListPage:
        """Return a page of the vault's list."""
        return self._call("page", vault, "", lambda: self._page(vault, more))

    def create(self, certificate: CertificateRef, tags: Mapping[str, str]) -> Operation:
        """Begin a new version under the stored policy."""
        return self._call("create", certificate.vault, certificate.name, lambda: self._create(certificate, tags))

    def merge(self, certificate: CertificateRef, chain: tuple[bytes, ...], tags: Mapping[str, str]) -> Certificate:
        """Merge a chain into the pending operation."""
        return self._call("merge", certificate.vault, certificate.name, lambda: self._merge(certificate, chain, tags))

    def discard(self, certificate: CertificateRef) -> bool:
        """Delete the pending operation."""

        def drop() -> bool:
            name = self._living(certificate)
            if name is None or name.pending is None:
                return False
            name.pending = None
            return True

        return self._call("discard", certificate.vault, certificate.name, drop)

    def _call[R](self, method: str, vault: str, name: str, act: Callable[[], R]) -> R:
        if self.on_call:
            self.on_call(method, vault, name)
        self.shelf.settle()
        self.calls[method] += 1
        self.calls_of_vault[vault, method] += 1
        self._refuse_all(vault)
        fault = next((f for f in self._faults if self._hits(f, method, vault, name)), None)
        if fault is None:
            return act()
        fault.times -= 1
        if not fault.times:
            self._faults.remove(fault)
        if fault.after_effect:
            act()
        raise fault.error

    def _refuse_all(self, vault: str) -> None:
        if vault not in self.vaults:
            raise Unreachable(vault, "its name is not known (DNS)")
        if vault in self._closed:
            raise self._closed[vault]
        until, retry_after = self._throttled.get(vault, (None, None))
        if until and self.shelf.clock() < until:
            raise Throttled(vault, "too many requests", code="Throttled", retry_after=retry_after)

    @staticmethod
    def _hits(fault: Fault, method: str, vault: str, name: str) -> bool:
        return fault.method in ("*", method) and fault.vault in ("", vault) and fault.name in ("", name)

    def _living(self, ref: CertificateRef) -> Name | None:
        name = self.shelf.names.get(ref)
        return name if name and not name.deleted else None

    def _get(self, ref: CertificateRef) -> Certificate | None:
        name = self._living(ref)
        if name is None:
            return None
        latest = name.versions[-1] if name.versions else name.unfinished
        if self.shows_pending_renewal and name.busy and name.pending and name.current:
            shown = replace(name.current, id=name.pending.request_id, enabled=False, leaf=None, made_for="", made_by="")
            latest = (shown, name.pending.tags)
        if latest is None:
            return None
        return Certificate(ref=ref, version=latest[0], policy=name.policy, tags=dict(latest[1]))

    def _page(self, vault: str, more: str | None) -> ListPage:
        if more is None and self.empty_pages:
            return ListPage((), "0")
        if more is not None and not more.isdigit():
            raise Refused(vault, "the continuation is not accepted", code="BadParameter")
        start = int(more or 0)
        # Recorded traffic: names whose first operation is open are not listed unless asked for.
        listed = [name for name in self.shelf.living(vault) if name.versions]
        items = tuple(_listed(name) for name in listed[start : start + self.page_size])
        end = start + self.page_size
        return ListPage(items, str(end) if end < len(listed) else None)

    def _create(self, ref: CertificateRef, tags: Mapping[str, str]) -> Operation:
        name = self.shelf.names.get(ref)
        if name is None:
            raise Refused(ref.vault, "a first create needs a policy", code="BadParameter")
        if name.deleted:
            raise Refused(ref.vault, "its name is deleted but recoverable", code="ObjectIsDeletedButRecoverable")
        if name.busy:
            raise Busy(ref.vault, "an operation is in progress", code="Forbidden")
        if name.policy.by_vault and name.policy.issuer.lower() not in self.shelf.issuers:
            raise Refused(ref.vault, f"issuer {name.policy.issuer} does not exist", code="BadParameter")
        self.creates.append((self.shelf.clock(), ref))
        return self.shelf.begin(name, tags).shown()

    def _merge(self, ref: CertificateRef, chain: tuple[bytes, ...], tags: Mapping[str, str]) -> Certificate:
        name = self._living(ref)
        if name is None or name.pending is None:
            raise Refused(ref.vault, "there is no pending operation", code="PendingCertificateNotFound")
        if not name.busy:
            raise Refused(ref.vault, "the operation has ended", code="BadParameter")
        if name.pending.issuer.lower() in self.shelf.issuers:
            raise Forbidden(ref.vault, "the operation belongs to an integrated issuer", code="Forbidden")
        if not chain or not minting.same_key(name.pending.csr, chain[0]):
            raise Refused(ref.vault, "Unable to parse X5c certificate chain", code="BadParameter")
        leaf = x509.load_der_x509_certificate(chain[0])
        version = Version(
            id=self.shelf.fresh_id(ref),
            created=self.shelf.clock(),
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
        )
        name.pending.state = OperationState.COMPLETED
        whole = self.shelf.add_version(name, version, tags, der=chain[0])
        return Certificate(ref=ref, version=replace(whole, leaf=read_leaf(chain[0])), policy=name.policy, tags=tags)


def _listed(name: Name) -> Listed:
    version, tags = name.versions[-1]
    return Listed(
        ref=name.ref,
        sha1=version.leaf.sha1 if version.leaf else "",
        enabled=version.enabled,
        created=version.created,
        not_before=version.not_before,
        not_after=version.not_after,
        tags=dict(tags),
    )
