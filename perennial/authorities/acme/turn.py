"""One step of an order: what it may use, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import NameOID

from perennial.authorities.acme import memory as memories
from perennial.authorities.acme import problems
from perennial.authorities.acme.accounts import Accounts
from perennial.authorities.acme.client import Session
from perennial.authorities.acme.limits import Budget
from perennial.authorities.acme.memory import Memory, State
from perennial.authorities.needs import Tools
from perennial.errors import IssuerError
from perennial.model.authority import AuthoritySetting
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Issued, Renewal, Waiting

PATIENCE = timedelta(hours=1)  # with a CA that says neither yes nor no
LONGEST = timedelta(days=1)  # between polls, whatever the CA says: an order may be over by then
FIRST, GROWTH = timedelta(seconds=3), 1.5  # of a poll, where the other side does not say when to ask again


@dataclass(frozen=True, slots=True)
class Desk:
    """What all orders with one CA share."""

    setting: AuthoritySetting
    tools: Tools
    accounts: Accounts
    budget: Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One order's turn at the desk."""

    desk: Desk
    csr: bytes
    names: tuple[str, ...]
    renewal: Renewal
    memory: Memory
    fresh: bool
    now: datetime
    account: Session | None = None  # there is one in each state that asks the CA

    @property
    def session(self) -> Session:
        """The account, in a state that asks the CA."""
        assert self.account is not None
        return self.account

    def on(self, memory: Memory) -> Waiting:
        """Save, and take the next step in this look."""
        return self.wait(self.now, memory, memory.state.value or "checking")

    def wait(self, until: datetime, memory: Memory, what: str) -> Waiting:
        """Save, and look again then."""
        reason = Reason(ReasonCode.IN_PROGRESS, {"issuer": self.desk.setting.name, "what": what})
        return Waiting(until, memory.checkpoint, reason)

    def poll(self, memory: Memory, said: timedelta | None, longest: timedelta, what: str) -> Waiting:
        """Look again when the CA said, else later each time. After an hour each look is a failure too, so that another CA may take over."""
        if memory.since is not None and self.now - memory.since > PATIENCE:
            slow = problems.failure("ca-slow", f"{what} since {memory.since.isoformat()}", retry_after=said)
            raise self.pause(slow, memory)
        grown = FIRST * GROWTH ** min(memory.polls, 20)
        wait = min(max(said, timedelta(seconds=1)), LONGEST) if said is not None else min(grown, longest)
        after = timedelta(seconds=round(wait.total_seconds()))
        return self.wait(self.now + after, memories.polled(memory, self.now), what)

    def fail(self, failure: IssuerError) -> Waiting:
        """End the order by a failure: told at once where no TXT value can be in the DNS, else after they are removed."""
        memory = self.memory
        if memory.presented and memory.state is not State.CLEANING:
            return self.on(memory.to(State.CLEANING, learnt=memories.of(failure, self.now)))
        if memory.counted is not None:
            self.desk.budget.settle(self.names, memory.counted, issued=False, now=self.now)
        failure.back_to = memories.again(memory).checkpoint
        raise failure

    def pause(self, failure: IssuerError, memory: Memory | None = None) -> IssuerError:
        """Return a failure that leaves the order where it is: the same step is taken again."""
        failure.back_to = (memory or self.memory).checkpoint
        return failure


type Step = Waiting | Issued


def names_in(csr: bytes) -> tuple[str, ...]:
    """Return the names that a signing request (DER) asks for, in order; a common name counts where it is a host's (Boulder: as a SAN)."""
    request = x509.load_der_x509_csr(csr)
    try:
        san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = set[str]()
    else:
        names = {name.lower() for name in san.get_values_for_type(x509.DNSName)}
        names |= {str(address) for address in san.get_values_for_type(x509.IPAddress)}
    common = {str(item.value).lower() for item in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    names |= {name for name in common if "." in name and " " not in name}
    return tuple(sorted(names))


def identifier(name: str) -> dict[str, str]:
    """Return a name as an order asks for it (RFC 8555 §9.7.7, RFC 8738)."""
    return {"type": "ip" if is_address(name) else "dns", "value": name}


def is_address(name: str) -> bool:
    """Tell whether a name is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def record_of(name: str) -> str:
    """Return where a name's TXT value is put (RFC 8555 §8.4): a wildcard's is its parent's."""
    return f"_acme-challenge.{name.removeprefix('*.')}"
