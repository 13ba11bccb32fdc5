"""A CA that speaks ACME (RFC 8555), with names proved by DNS-01."""

from __future__ import annotations

from datetime import datetime, timedelta

from requests.adapters import BaseAdapter

from perennial.authorities.acme import memory as memories
from perennial.authorities.acme import preflight, problems
from perennial.authorities.acme.accounts import Accounts
from perennial.authorities.acme.client import Directories
from perennial.authorities.acme.ending import remove
from perennial.authorities.acme.limits import Budget
from perennial.authorities.acme.machine import take
from perennial.authorities.acme.network import NoAnswer, Refusal, StaleNonces
from perennial.authorities.acme.turn import Desk, Turn, names_in
from perennial.authorities.acme.windows import Windows
from perennial.authorities.needs import Tools
from perennial.errors import VaultError
from perennial.model.authority import Account, AuthoritySetting, Obstacle, Suggestion
from perennial.model.renewal import Issued, Renewal, Waiting

ASKED = timedelta(hours=12)  # how long the CA's word holds that an account is valid


class AcmeAuthority:
    """One CA and our account with it. Directory and account are kept by the process; an order lives in its claim."""

    def __init__(self, setting: AuthoritySetting, tools: Tools, wire: BaseAdapter | None = None) -> None:
        """Take the CA's setting and the ports; `wire`: how it is reached, where not over the network."""
        self._setting = setting
        self._tools = tools
        self._directories = Directories(setting.directory, wire)
        self._windows = Windows(self._directories)
        self._accounts = Accounts(setting, tools, self._directories)
        self._desk = Desk(setting, tools, self._accounts, Budget(setting, tools.usages))
        self._valid_until: datetime | None = None

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Take the order's next step."""
        return take(self._turn(csr, renewal, fresh=fresh, now=now))

    def _turn(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Turn:
        memory = memories.read(renewal.checkpoint.memory)
        names = names_in(csr)
        return Turn(desk=self._desk, csr=csr, names=names, renewal=renewal, memory=memory, fresh=fresh, now=now)

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Remove our TXT values; an order that nobody finalizes expires by itself."""
        del now
        for proof in memories.read(renewal.checkpoint.memory).presented:
            remove(self._desk, proof)

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Ask the CA's renewal information."""
        return self._windows.suggest(ari_id, now)

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """See account, profile, DNS and limits. Raises IssuerError where the CA itself gives no answer."""
        row = self._accounts.row()
        try:
            directory = self._directories.get(now)
            found = [
                preflight.account_obstacle(self._setting, row, directory, self._tools) or self._disowned(row, now),
                preflight.profile_obstacle(self._setting, directory),
                preflight.limit_obstacle(names, self._desk.budget, now),
                preflight.contact_obstacle(self._accounts.contact_refused),
            ]
        except (NoAnswer, StaleNonces) as silence:
            raise problems.failure("ca-down", str(silence) or "it refuses the nonces that it gives") from silence
        except Refusal as refusal:
            raise problems.of_refusal(refusal, now) from refusal
        except VaultError as refusal:
            raise problems.of_keys(refusal) from refusal
        of_dns = preflight.dns_obstacles(names, directory, row.url if row else "", self._tools)
        return tuple(dict.fromkeys((*(one for one in found if one is not None), *of_dns)))

    def _disowned(self, row: Account | None, now: datetime) -> Obstacle | None:
        """Ask the CA, twice a day and process, whether the account is still valid."""
        if row is None or not row.url or (self._valid_until is not None and now < self._valid_until):
            return None
        said = self._accounts.disowned(row, now)
        if not said:
            self._valid_until = now + ASKED
            return None
        return preflight.obstacle("account-gone", said)
