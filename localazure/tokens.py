"""Access tokens as Entra ID would issue them: signed by a key that lives as long as this process."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass

import jwt

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
ISSUER = f"https://sts.windows.net/{TENANT}/"  # Azurite's `--oauth basic` insists on this form
LIFETIME = 24 * 3600  # seconds, as managed identities get


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token speaks for."""

    name: str
    client_id: str
    object_id: str


class TokenRefused(Exception):
    """The token is missing, malformed, expired, or for another audience; the text says which."""


class Tokens:
    """Issues and checks the tokens of one local Azure; its identities are made when first asked for."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def identity(self, name: str) -> Identity:
        """Return the identity of this name; its ids are the same in every run."""
        client, subject = (str(uuid.uuid5(uuid.NAMESPACE_URL, f"localazure/{name}/{part}")) for part in ("c", "o"))
        return Identity(name, client, subject)

    def issue(self, identity: Identity, audience: str, lifetime: int = LIFETIME) -> tuple[str, int]:
        """Return a token for an audience (`https://vault.azure.net`, no slash) and the Unix second of its end."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": ISSUER,
            "iat": now,
            "nbf": now - 300,
            "exp": now + lifetime,
            "oid": identity.object_id,
            "sub": identity.object_id,
            "appid": identity.client_id,
            "tid": TENANT,
            "name": identity.name,
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, "HS256"), now + lifetime

    def check(self, authorization: str | None, audience: str) -> Identity:
        """Return who an Authorization header speaks for. Raises TokenRefused."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused("Request is missing a Bearer or PoP token.")
        try:
            claims = jwt.decode(token, self._key, ["HS256"], audience=audience, issuer=ISSUER)
        except jwt.InvalidTokenError as refused:
            raise TokenRefused(f"The token is not accepted: {refused}") from refused
        return Identity(claims["name"], claims["appid"], claims["oid"])
