"""What can go wrong, named for who must act and when.

PerennialError
├── Changed                  a row was changed by somebody else: look again, now
├── BadInput                 the caller must correct the named field
│   └── TooLong              a row's text is longer than a column takes; nothing was written
├── SettingsError            whoever installs it must correct the named environment variables
├── Unavailable              a table or queue gave no usable answer: fail, the message comes again
├── VaultError               a vault did not do what was asked
│   ├── Throttled            leave the vault alone for a while
│   ├── Unreachable          DNS, TLS, connection, time-out before an answer: for a GET; for a write it is Unclear
│   ├── Forbidden            a person must give back the role, or open the firewall
│   ├── Busy                 an operation is pending on this name (409)
│   ├── Refused              a clear no to a write: nothing was done
│   └── Unclear              a write whose effect is not known (time-out, 5xx): ask before you repeat
├── IssuerError              a renewal's step failed: who must act, and when to try again
├── DnsError                 the DNS, or who keeps a zone of it, did not do what was asked
└── ChannelError             a notice was not taken

Errors of an SDK never leave an adapter.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # each start imports the errors of settings; what carries one of these imports it anyway
    from perennial.model.certificate import CertificateRef
    from perennial.model.renewal import Checkpoint

LONGEST_FIX = 1000  # characters: it stands in rows and notices, and parts of it may be a CA's words


class PerennialError(Exception):
    """The root of all errors of ours."""


class Changed(PerennialError):
    """A row is no longer as it was read (412): stop without another effect, or look again."""


class BadInput(PerennialError):
    """Input from outside is wrong; the text names the field and the fix."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field
        self.problem = problem


class TooLong(BadInput):
    """A text of a row is longer than its column, which is named, takes: no repeat would be written either."""


class SettingsError(PerennialError):
    """The environment is wrong; the text lists every fault with its variable, the problem and the fix."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(("The settings are wrong:", *(f"  {fault}" for fault in faults))))
        self.faults = faults


class Unavailable(PerennialError):
    """Storage (a table, a queue) gave no usable answer; a write may have taken effect."""


class VaultError(PerennialError):
    """A vault did not do what was asked."""

    def __init__(self, vault: str, what: str, *, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(f"{vault}: {what}")
        self.vault = vault
        self.what = what
        self.code = code
        self.retry_after = retry_after


class Throttled(VaultError):
    """429: the vault is to be left alone, for `retry_after` if it said so."""


class Unreachable(VaultError):
    """The vault was not reached (DNS, TLS, connection), or a look at it got no usable answer."""


class Forbidden(VaultError):
    """403: a lost role (`code` ForbiddenByRbac) or a firewall (ForbiddenByFirewall)."""


class Busy(VaultError):
    """409: an operation is in progress on this name."""


class Refused(VaultError):
    """Another 4xx to a write: nothing was done, and a repeat would be refused too."""


class Unclear(VaultError):
    """A write got no clear answer (time-out, 5xx): it may have taken effect."""


class IssuerError(PerennialError):
    """A renewal's step failed; says who must act and when to try again."""

    def __init__(
        self,
        code: str,
        what: str,
        *,
        fix: str = "",
        permanent: bool = False,
        retry_after: timedelta | None = None,
        back_to: Checkpoint | None = None,
    ) -> None:
        from perennial.model.renewal import Checkpoint

        super().__init__(f"{code}: {what}" if code else what)
        self.code = code
        self.what = what
        self.fix = fix[:LONGEST_FIX]
        self.permanent = permanent
        self.retry_after = retry_after
        self.back_to = back_to or Checkpoint()  # where the next attempt begins


def too_many_names(certificate: CertificateRef, why: str, back_to: Checkpoint | None = None) -> IssuerError:
    """Return the failure of a certificate whose renewal no row can remember: only fewer or shorter names help."""
    fix = "whoever keeps the certificate: spread its names over several certificates, or take shorter ones"
    what = f"the names of {certificate} are too many or too long for one row: {why}"
    return IssuerError("too-many-names", what, fix=fix, permanent=True, back_to=back_to)


class DnsError(PerennialError):
    """The DNS, or a provider of it, did not do what was asked; `code` and `fix` are what an IssuerError made of it says."""

    def __init__(
        self, code: str, what: str, *, fix: str = "", permanent: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(f"{code}: {what}")
        self.code = code
        self.what = what
        self.fix = fix
        self.permanent = permanent
        self.retry_after = retry_after


class ChannelError(PerennialError):
    """A notice was not taken; `answer` is what the other side said, cut short."""

    def __init__(self, answer: str, *, throttled: bool = False, retry_after: timedelta | None = None) -> None:
        super().__init__(answer)
        self.answer = answer
        self.throttled = throttled
        self.retry_after = retry_after
