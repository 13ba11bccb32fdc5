"""The memory's vaults, which know what was asked of them through the port, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from perennial.errors import Refused, Unclear
from perennial.model.certificate import Certificate, CertificateRef, Operation
from tests.memory.vault import MemoryVaults
from tests.simulation.violation import hold


class FleetVaults(MemoryVaults):
    """Whatever was begun through the port is ours, whatever our rows say."""

    def __init__(self, clock: Callable[[], datetime], **options: Any) -> None:
        super().__init__(clock, **options)
        self.ours: dict[str, str] = {}  # request_id → the version that was current when we asked
        self.person_discards = False
        self.on_created: Callable[[CertificateRef, str, Mapping[str, str]], None] | None = None
        self.adopted: Callable[[CertificateRef], bool] = lambda _: False
        self.strangers = 0  # merges that a vault refused, since somebody else's operation had taken the place of ours
        self.applied = 0  # creates that took place and were answered by an error

    def discard(self, certificate: CertificateRef) -> bool:
        """Delete the pending operation: a foreign one only if a person asks for it."""
        name = self._living(certificate)
        if name and name.pending and name.busy and not self.person_discards:
            mine = name.pending.request_id in self.ours
            hold(mine, "foreign-untouched", f"{certificate}: somebody else's operation was deleted")
        return super().discard(certificate)

    def _merge(self, ref: CertificateRef, chain: tuple[bytes, ...], tags: Mapping[str, str]) -> Certificate:
        name = self._living(ref)
        mine = name is None or name.pending is None or name.pending.request_id in self.ours or self.adopted(ref)
        try:
            merged = super()._merge(ref, chain, tags)
        except Refused:
            self.strangers += not mine
            raise
        hold(mine, "foreign-untouched", f"{ref}: somebody else's operation was merged")
        return merged

    def _call[R](self, method: str, vault: str, name: str, act: Callable[[], R]) -> R:
        before = len(self.creates)
        try:
            return super()._call(method, vault, name, act)
        except Unclear:
            self.applied += len(self.creates) - before
            raise

    def _create(self, ref: CertificateRef, tags: Mapping[str, str]) -> Operation:
        operation = super()._create(ref, tags)
        current = self.shelf.names[ref].current
        self.ours[operation.request_id] = current.id if current else ""
        if self.on_created:
            self.on_created(ref, self.ours[operation.request_id], tags)
        return operation
