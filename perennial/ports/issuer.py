"""How a new version gets into the vault."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from perennial.model.authority import Obstacle, Suggestion
from perennial.model.decision import Snapshot
from perennial.model.renewal import InVault, Renewal, Waiting
from perennial.ports import effect, look


class Issuer(Protocol):
    """Brings a new version into the vault, step by step. Two of them: the vault itself, and a CSR signed by an Authority."""

    @effect
    def step(self, renewal: Renewal, seen: Snapshot, *, fresh: bool, now: datetime) -> Waiting | InVault:
        """Form an intent (returned, so that the caller saves it), or carry out the one in the checkpoint: one effect, never a sleep.

        `fresh`: this look wrote the checkpoint itself. An intent that was found is asked about on the other side first; `seen.current` was then read
        in this look and is still the version being replaced. Raises IssuerError, which says who must act and when to try again, and VaultError.
        """

    @effect
    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Undo what can be undone: our own pending operation, an order. Repeating it is fine. Raises VaultError, IssuerError."""

    @look
    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Return when its CA would have a certificate renewed (RFC 9773); None where it says nothing. Raises IssuerError."""

    @look
    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """Return what would stand in the way of a renewal for these names. Raises IssuerError."""
