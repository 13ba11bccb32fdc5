"""What persons, other managers and Key Vault itself do to the memory's vaults, beside the port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from perennial.errors import Busy, Refused
from perennial.model.certificate import (
    CertificateRef,
    IssuancePolicy,
    IssuerClass,
    LifetimeAction,
    Operation,
    OperationState,
    Version,
)
from tests.memory import minting
from tests.memory.shelf import IssuerPlay, Name, Shelf


class People:
    """The hooks. Vaults must be added before anything is put into them or asked of them."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.vaults: set[str] = set()

    def add_vault(self, vault: str) -> None:
        """Make a vault's name known."""
        self.vaults.add(vault)

    def add_issuer(
        self,
        name: str,
        *,
        delay: timedelta = timedelta(seconds=10),
        issuer_class: IssuerClass = IssuerClass.PUBLIC,
        failure: tuple[str, str] | None = None,
    ) -> IssuerPlay:
        """Add an integrated CA to every vault; what is returned may be changed while it plays (`self` is there already)."""
        play = IssuerPlay(delay=delay, issuer_class=issuer_class, failure=failure)
        self.shelf.issuers[name.lower()] = play
        return play

    def settle(self) -> None:
        """Let happen what the clock has passed: operations end, rotations begin, events are sent."""
        self.shelf.settle()

    def next_instant(self) -> datetime | None:
        """Return when the next thing happens by itself, for a simulation's heap."""
        return self.shelf.next_instant()

    def import_certificate(
        self,
        ref: CertificateRef,
        not_before: datetime,
        not_after: datetime,
        *,
        policy: IssuancePolicy | None = None,
        tags: Mapping[str, str] | None = None,
        issuer_class: IssuerClass = IssuerClass.SELF_SIGNED,
        names: tuple[str, ...] = (),
        enabled: bool = True,
        created: datetime | None = None,
        quiet: bool = False,
    ) -> Version:
        """Import a version, as a person does or to seed one; `created` back-dates it, `quiet` sends no event for it.

        Without a policy the issuer becomes Unknown, as in recorded traffic. `names` other than the policy's go into the certificate alone.
        """
        self.add_vault(ref.vault)
        self.settle()
        name = self.shelf.names.get(ref)
        host = f"{ref.name}.example"
        given = policy or IssuancePolicy(
            subject=f"CN={host}",
            names=names or (host,),
            action=LifetimeAction.EMAIL_CONTACTS,
            key_type="EC",
            key_size=256,
            curve="P-256",
        )
        if name is None:
            name = self.shelf.names[ref] = Name(ref=ref, policy=given)
        if name.deleted:
            raise Refused(ref.vault, "its name is deleted but recoverable", code="ObjectIsDeletedButRecoverable")
        if name.busy:
            raise Busy(ref.vault, "an operation is in progress", code="Forbidden")
        name.policy = given
        version = Version(
            id=self.shelf.fresh_id(ref),
            created=created or self.shelf.clock(),
            not_before=not_before,
            not_after=not_after,
            enabled=enabled,
        )
        der = b""
        if names and names != given.names:
            der = minting.certificate(names[0], names, not_before, not_after, issuer_class=issuer_class)
        return self.shelf.add_version(name, version, tags or {}, der=der, issuer_class=issuer_class, quiet=quiet)

    def current(self, ref: CertificateRef) -> Version | None:
        """Return the latest finished version: for assertions, not counted."""
        self.settle()
        return self.shelf.names[ref].current

    def versions(self, ref: CertificateRef) -> list[Version]:
        """Return every finished version, oldest first: for assertions, not counted."""
        self.settle()
        return [version for version, _ in self.shelf.names[ref].versions]

    def disable(self, ref: CertificateRef, *, enabled: bool = False) -> None:
        """Disable the current version, or enable it again."""
        name = self.shelf.names[ref]
        version, tags = name.versions[-1]
        name.versions[-1] = (replace(version, enabled=enabled), tags)

    def set_tags(self, ref: CertificateRef, tags: Mapping[str, str]) -> None:
        """Replace the tags of the current version."""
        name = self.shelf.names[ref]
        name.versions[-1] = (name.versions[-1][0], dict(tags))

    def set_policy(self, ref: CertificateRef, policy: IssuancePolicy) -> None:
        """Replace the issuance policy; a person did."""
        self.shelf.names[ref].policy = policy

    def delete(self, ref: CertificateRef) -> None:
        """Delete a certificate; it can be recovered."""
        self.shelf.names[ref].deleted = True

    def recover(self, ref: CertificateRef) -> None:
        """Bring a deleted certificate back."""
        self.shelf.names[ref].deleted = False

    def restore(self, ref: CertificateRef, version: str) -> None:
        """Bring back a backup: the versions up to this one are all there is."""
        name = self.shelf.names[ref]
        ids = [kept.id for kept, _ in name.versions]
        del name.versions[ids.index(version) + 1 :]
        name.pending = None

    def begin_foreign_operation(self, ref: CertificateRef, tags: Mapping[str, str] | None = None) -> Operation:
        """Let somebody else begin an operation under the stored policy."""
        self.settle()
        name = self.shelf.names[ref]
        if name.busy:
            raise Busy(ref.vault, "an operation is in progress", code="Forbidden")
        return self.shelf.begin(name, tags or {}).shown()

    def begin_first_operation(self, ref: CertificateRef, policy: IssuancePolicy) -> Operation:
        """Let somebody create a certificate that does not exist yet."""
        self.add_vault(ref.vault)
        self.shelf.names[ref] = Name(ref=ref, policy=policy)
        return self.begin_foreign_operation(ref)

    def end_operation(self, ref: CertificateRef, state: OperationState, error: tuple[str, str] = ("", "")) -> None:
        """Let a person cancel the pending operation, or its issuer fail it."""
        pending = self.shelf.names[ref].pending
        if pending is not None:
            pending.state, pending.error = state, error

    def autorenew(self, ref: CertificateRef) -> None:
        """Let Key Vault's own rotation begin now."""
        self.settle()
        self.shelf.rotate(self.shelf.names[ref])
