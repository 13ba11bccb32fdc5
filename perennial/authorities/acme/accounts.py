"""Our account with a CA: found first, made once, never made again in silence. Each call takes one step, and its row says where it stands."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from threading import Lock

from perennial.authorities.acme import problems
from perennial.authorities.acme.client import Directories, Session, is_usable
from perennial.authorities.acme.network import Network, Refusal
from perennial.authorities.acme.signing import jwk_of
from perennial.authorities.needs import Tools
from perennial.errors import Changed, IssuerError
from perennial.log import line, warn
from perennial.model.authority import Account, AuthoritySetting
from perennial.ports.keys import PublicKey
from perennial.ports.tables import ACCOUNTS, Stored

#: What a CA says of an account that can no longer be used (RFC 8555 §7.3.6: deactivated, revoked).
DEAD = ("deactivated", "revoked")

BASE64URL = re.compile(r"[A-Za-z0-9_-]{16,}={0,2}")


class Accounts:
    """The account of one authority."""

    def __init__(self, setting: AuthoritySetting, tools: Tools, directories: Directories) -> None:
        self._setting = setting
        self._tools = tools
        self._directories = directories
        self.contact_refused = ""  # what the CA said of the contact in the settings
        self._session: Session | None = None  # for as long as the row names the same account and key
        self._sharing = Lock()

    @property
    def key_name(self) -> str:
        """The name of the account's key in its vault."""
        return self._setting.key or f"acme-{self._setting.name}"

    def row(self) -> Account | None:
        """Return the row, if there is one; it costs no call to the CA."""
        stored = self._stored()
        return stored.value if stored else None

    def open(self, now: datetime) -> Session | None:
        """Return the account, ready to sign; None: one step towards it was taken, or another instance took it. Raises IssuerError, Refusal …."""
        stored = self._stored()
        if stored is None:
            self._tools.accounts.insert(Account(authority=self._setting.name, directory=self._setting.directory))
            return None
        row = stored.value
        try:
            step = self._step(stored, now)
        except Changed:
            return None
        if step is None:
            return self._opened(row, now)
        line("account-step", authority=self._setting.name, step=step, account=row.url)
        return None

    def _step(self, stored: Stored[Account], now: datetime) -> str | None:
        """Take what stands first between the row and an account that can be used; None: nothing does."""
        row, setting = stored.value, self._setting
        if row.directory != setting.directory:  # a person chose another CA under the same name
            self._save(stored, replace(row, directory=setting.directory, url="", gone="", contact=(), next_key_id=""))
            return "other-directory"
        if row.remake:
            key = self._tools.keys.create(self.key_name)
            self._save(stored, replace(_asked(row), key_id=key.id, url="", gone="", next_key_id="", contact=()))
            return "remade-key"
        if row.gone:
            raise problems.failure("account-gone", row.gone)
        if not row.key_id:
            key = self._tools.keys.get(self.key_name) or self._tools.keys.create(self.key_name)
            self._save(stored, replace(row, key_id=key.id))
            return "key"
        if not row.url:
            return self._find_or_make(stored, now)
        if row.roll or row.next_key_id:
            return self._roll(stored, now)
        if setting.contact != row.contact and not self.contact_refused:
            return self._change_contact(stored, now)
        return None

    def _change_contact(self, stored: Stored[Account], now: datetime) -> str:
        """Tell the CA whom to write to. Certificates do not wait for it: a refusal is kept until the next start, and told as an obstacle."""
        contact = self._setting.contact
        try:
            self._opened(stored.value, now).change_contact(contact)
        except Refusal as refusal:
            if refusal.status >= 500 or refusal.status == 429 or says_gone(refusal):
                raise
            self.contact_refused = refusal.problem.text
            return "contact-refused"
        self._save(stored, replace(stored.value, contact=contact))
        return "contact"

    def _find_or_make(self, stored: Stored[Account], now: datetime) -> str:
        """Look for the key's account before one is made; a CA answers newAccount for a key that it knows with that key's account."""
        row, setting = stored.value, self._setting
        session = self._session_of(row.key_id, now)
        url, step = session.find_account(), "found"
        contact = row.contact  # as far as we know: the next step tells the CA ours
        if not url:
            url, step, contact = self._make(session), "made", setting.contact
        if not is_usable(url):
            raise problems.failure("ca-down", "it gave an account and did not say where it is")
        self._save(stored, replace(row, url=url, made=now, contact=contact))
        return step

    def _make(self, session: Session) -> str:
        setting, meta = self._setting, session.directory.meta
        if not setting.agree_terms:
            where = f", which are at {meta.terms_of_service}" if meta.terms_of_service else ""
            raise problems.failure("terms-not-agreed", f"nobody has agreed to the CA's terms of service{where}")
        binding = self._binding(required=bool(meta.external_account_required))
        try:
            return session.make_account(setting.contact, binding)
        except Refusal as refusal:
            if binding is None or refusal.problem.code not in ("malformed", "unauthorized"):
                raise
            raise problems.failure("eab-refused", refusal.problem.text) from refusal

    def _binding(self, *, required: bool) -> tuple[str, str] | None:
        setting = self._setting
        if not setting.eab_key_id:
            if required:
                raise problems.failure(
                    "eab-missing", "the CA wants an account to be bound to one that you have with it"
                )
            return None
        secret = self._tools.secret(setting.eab_secret)
        if not secret:
            raise problems.failure("eab-missing", f"the setting PERENNIAL_SECRET_{setting.eab_secret} is not set")
        if not BASE64URL.fullmatch(secret) or len(secret.rstrip("=")) % 4 == 1:  # not quoted
            what = f"the setting PERENNIAL_SECRET_{setting.eab_secret} is not base64url"
            raise problems.failure("eab-missing", what)
        return setting.eab_key_id, secret

    def _roll(self, stored: Stored[Account], now: datetime) -> str:
        """Change the key: the new one's address is saved before the CA is told, and one that was found saved is asked about first."""
        row, keys = stored.value, self._tools.keys
        if not row.next_key_id:
            self._save(stored, replace(row, next_key_id=keys.create(self.key_name).id))
            return "next-key"
        known = self._session_of(row.next_key_id, now).find_account()
        if known and known != row.url:
            raise problems.failure("account-key", f"the new key belongs to another account, {known}")
        refused = "" if known else self._tell_key(row, now)
        if refused:  # the old key stays, and nobody's certificate waits for the new one
            warn("account-key-refused", authority=self._setting.name, account=row.url, said=refused)
            self._save(stored, replace(_asked(row), next_key_id=""))
            return "key-refused"
        self._save(stored, replace(_asked(row), key_id=row.next_key_id, next_key_id=""))
        return "rolled"

    def _tell_key(self, row: Account, now: datetime) -> str:
        """Tell the CA of the next key; return why it refuses."""
        session = self._opened(row, now)
        if not session.directory.key_change:
            return "its directory has no keyChange"
        try:
            session.change_key(jwk_of(self._tools.keys, self._key(row.next_key_id)))
        except Refusal as refusal:
            if refusal.status >= 500 or refusal.status == 429 or says_gone(refusal):
                raise
            return refusal.problem.text
        return ""

    def _opened(self, row: Account, now: datetime) -> Session:
        """Return the session that all orders share, and its nonces with it; of two threads that make one at once, both use the first."""
        directory = self._directories.get(now)
        kept = self._session
        if kept is None or not kept.is_of(directory, row.url, row.key_id):
            made = self._session_of(row.key_id, now, row.url)
            with self._sharing:  # not while one is made: its vault may be slow
                kept = self._session
                if kept is None or not kept.is_of(directory, row.url, row.key_id):
                    kept = self._session = made
        return kept

    def _session_of(self, key_id: str, now: datetime, account: str = "") -> Session:
        directories = self._directories
        network = Network(
            jwk_of(self._tools.keys, self._key(key_id)), account, tls=directories.tls, wire=directories.wire
        )
        return Session(directories.get(now), network, key_id=key_id)

    def _key(self, key_id: str) -> PublicKey:
        key = self._tools.keys.read(key_id)
        if key is None:
            raise problems.failure("account-key", f"its vault no longer has {key_id}")
        return key

    def lost(self, refusal: Refusal, account: str) -> IssuerError | None:
        """Keep that the CA no longer knows the account, if that is what it says; None: it says something else."""
        return self.gone(account, refusal.problem.text) if says_gone(refusal) else None

    def gone(self, account: str, text: str) -> IssuerError:
        """Keep that an account is gone; no other is made before a person asks."""
        stored = self._stored()
        if stored is not None and stored.value.url == account and not stored.value.gone:
            try:
                self._save(stored, replace(stored.value, gone=text))
            except Changed:
                pass
            else:
                warn("account-gone", authority=self._setting.name, account=account, said=text)
        return problems.failure("account-gone", text)

    def disowned(self, row: Account, now: datetime) -> str:
        """Ask the CA about the account; empty: it is valid. Changes nothing."""
        try:
            status = self._opened(row, now).status()
        except Refusal as refusal:
            if not says_gone(refusal):
                raise
            return refusal.problem.text
        return f"the CA says that it is {status}" if status in DEAD else ""

    def _stored(self) -> Stored[Account] | None:
        empty = Account(authority=self._setting.name, directory=self._setting.directory)
        return self._tools.accounts.get(*ACCOUNTS.key(empty))

    def _save(self, stored: Stored[Account], row: Account) -> None:
        self._tools.accounts.save(Stored(row, stored.etag))


def _asked(row: Account) -> Account:
    """Return a row whose person's wish is done."""
    return replace(row, remake="", roll="", actor="", asked_at=None)


def says_gone(refusal: Refusal) -> bool:
    """Tell whether a refusal means that the account cannot be used any more (RFC 8555 §7.3.6: deactivated, or not known)."""
    text = refusal.problem.text.lower()
    dead = refusal.problem.code == "unauthorized" and "account" in text and any(word in text for word in DEAD)
    return dead or refusal.problem.code == "accountDoesNotExist"
