"""Bad days: what CAs, vaults, storage, receivers and the platform do to a fleet."""

from __future__ import annotations

from datetime import timedelta

from perennial.errors import Forbidden, Unclear, Unreachable, VaultError
from perennial.model.mode import Mode
from tests.memory.shelf import IssuerPlay
from tests.simulation.acme_weather import AcmeWeather
from tests.simulation.authority import Signer
from tests.simulation.cast import CAS, DAY, SIGNERS
from tests.simulation.fleet import HOUR, Fleet
from tests.simulation.people import People
from tests.simulation.ports import Mishap

#: Where a mishap strikes: anywhere, or where it hurts most.
PLACES = ("", "", "vault.create", "vault.create", "vault.merge", "renewals", "inventory", "deliveries", "queue")
MOST_FAULTS = 8
REJECTED = ("RequestRejected", "The issuer is out of order")
NO_CREDENTIALS = ("InvalidIssuerCredentials", "The account's password has changed")


class Weather:
    """What may befall a fleet, each as often as its days are rough."""

    def __init__(self, fleet: Fleet, people: People) -> None:
        self.fleet = fleet
        self.people = people
        self.dice = fleet.dice
        self.acme = AcmeWeather(fleet, people)

    def begin(self) -> None:
        """Let it befall them from now on."""
        fleet = self.fleet
        often, rough = fleet.agenda.often, fleet.size.rough
        if fleet.size.mishaps:
            often(2 * DAY / rough, self.mishap)
        often(4 * DAY / rough, self.stumble)
        often(20 * DAY / rough, self.ca)
        often(40 * DAY / rough, self.signer)
        often(25 * DAY / rough, self.vault)
        often(30 * DAY / rough, self.storage)
        often(60 * DAY / rough, self.receiver)
        often(60 * DAY / rough, self.switch)
        often(30 * DAY / rough, self.rotation)
        if self.dice.random() < 0.4:
            self.rotation()
        self.acme.begin()
        fleet.at(fleet.now + fleet.size.span / 2, self.mode)

    def _hours(self, *choices: float) -> timedelta:
        """Return one of some lengths, give or take a half."""
        return timedelta(seconds=int(self.dice.choice(choices) * (0.5 + self.dice.random()) * 3600))

    def mishap(self) -> None:
        """Let the process die, or storage answer 503, at one of the next effects."""
        self.fleet.reaper = Mishap(
            at=self.dice.choice((1, 1, 2, 5, 12)),
            after=self.dice.random() < 0.5,
            fails=self.dice.random() < 0.4,
            only=self.dice.choice(PLACES),
        )

    def stumble(self) -> None:
        """Let one call to a vault go wrong, before or after it took effect."""
        if len(self.fleet.vaults._faults) > MOST_FAULTS:  # what nobody runs into is not to pile up
            return
        method = self.dice.choice(("create", "create", "merge", "get", "page"))
        after = method in ("create", "merge") and self.dice.random() < 0.6
        vault = self.dice.choice(list(self.fleet.settings.vaults))
        error: VaultError = Unclear(vault, "503") if method in ("create", "merge") else Unreachable(vault, "502")
        self.fleet.vaults.fail_next(method, error, after_effect=after, vault=vault)

    def ca(self) -> None:
        """Let an integrated CA reject everything, lose its credentials, or take its time."""
        name = self.dice.choice([*CAS, "Self"])
        play = self.fleet.issuers[name]
        if play.failure or (play.busy_until and self.fleet.now < play.busy_until):
            return
        for_long = self._hours(3, 12, 48, 48, 240) if name != "Self" else self._hours(3, 12)
        end = self.fleet.now + for_long
        how = self.dice.choice(("rejects", "rejects", "no credentials", "takes its time"))
        self.fleet.befell[f"CA {how}"] += 1
        settled = end + play.delay + (30 * HOUR if how == "no credentials" else timedelta(0))  # a person's next round
        self.fleet.truth.issuers[name] = settled
        if how == "takes its time":
            play.busy_until = end
            return
        play.failure = REJECTED if how == "rejects" else NO_CREDENTIALS
        self.fleet.at(end, lambda: self._mended(play))

    def _mended(self, play: IssuerPlay) -> None:
        play.failure = None

    def signer(self) -> None:
        """Let an authority refuse for a while, for good, or take its time."""
        name = self.dice.choice(list(SIGNERS))
        signer = self.fleet.signers[name]
        if signer.refuses or (signer.busy_until and self.fleet.now < signer.busy_until):
            return
        end = self.fleet.now + self._hours(3, 12, 48, 48, 240)
        how = self.dice.choice(("down", "down", "for-good", "busy"))
        self.fleet.befell[f"authority {how}"] += 1
        self.fleet.truth.issuers[name] = end + signer.delay + (30 * HOUR if how == "for-good" else 6 * HOUR)
        if how == "busy":
            signer.busy_until = end
            return
        signer.refuses = how
        self.fleet.at(end, lambda: self._signs(signer))

    def _signs(self, signer: Signer) -> None:
        signer.refuses = ""

    def vault(self) -> None:
        """Let a vault throttle, shut us out, or be out of reach."""
        vault = self.dice.choice(list(self.fleet.settings.vaults))
        how = self.dice.choice(("throttled", "throttled", "firewalled", "unreachable"))
        self.fleet.befell[f"vault {how}"] += 1
        end = self.fleet.now + (self._hours(0.2, 2) if how == "throttled" else self._hours(2, 12, 60))
        if how == "throttled":
            self.fleet.vaults.throttle(vault, end, self.dice.choice((None, timedelta(seconds=30))))
        elif how == "firewalled":
            self.fleet.vaults.close(vault, Forbidden(vault, "the firewall refused", code="ForbiddenByFirewall"))
        else:
            self.fleet.vaults.close(vault, Unreachable(vault, "no answer"))
        reach = self.fleet.truth.reach
        reach[vault] = max(end, reach.get(vault, end))
        self.fleet.at(end, lambda: self._opened(vault))

    def _opened(self, vault: str) -> None:
        if self.fleet.now >= self.fleet.truth.reach[vault]:
            self.fleet.vaults.open(vault)

    def storage(self) -> None:
        """Let all tables and queues be down for a while."""
        self.fleet.befell["storage down"] += 1
        self.fleet.storage_down = True
        self.fleet.at(self.fleet.now + self._hours(0.1, 0.4, 1), self._storage_is_back)

    def _storage_is_back(self) -> None:
        self.fleet.storage_down = False

    def receiver(self) -> None:
        """Let a receiver be down for hours, days, or so long that notices are given up."""
        name = self.dice.choice(list(self.fleet.receivers))
        receiver = self.fleet.receivers[name]
        end = self.fleet.now + self._hours(1, 6, 30, 60, 120)
        self.fleet.befell["receiver down"] += 1
        receiver.down_until = max(end, receiver.down_until or end)
        self.fleet.watch.refuses(name, self.fleet.now, receiver.down_until)

    def switch(self) -> None:
        """Let somebody turn the fleet's switch for a day."""
        self.people.turn("observe")
        end = self.fleet.now + self._hours(6, 24)
        self.fleet.at(end, lambda: self.people.turn("as-set"))

    def rotation(self) -> None:
        """Let Key Vault's own rotation sleep for weeks."""
        self.fleet.vaults.shelf.rotates = False
        self.fleet.befell["rotation asleep"] += 1
        self.fleet.at(self.fleet.now + self._hours(300, 700), self._rotates)

    def _rotates(self) -> None:
        self.fleet.vaults.shelf.rotates = True

    def mode(self) -> None:
        """Let the vault that was only observed be switched on."""
        watched = [vault for vault, mode in self.fleet.settings.vaults.items() if mode is Mode.OBSERVE]
        self.fleet.set_modes({**self.fleet.settings.vaults, **dict.fromkeys(watched, Mode.RENEW)})
