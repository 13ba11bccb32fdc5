"""The managed identity endpoint of App Service: tokens for whoever `client_id` names."""

from __future__ import annotations

from aiohttp import web

from localazure.tokens import Identity, Tokens

API_VERSION = "2019-08-01"  # App Service "REST endpoint reference"
PATH = "/msi/token"
FIRST = ("perennial", "operator")


class ManagedIdentities:
    """Serves `GET /msi/token`; knows the identities of `FIRST` and those added by name."""

    def __init__(self, tokens: Tokens, header: str) -> None:
        """Take the tokens and the value that X-IDENTITY-HEADER must have."""
        self._tokens = tokens
        self._header = header
        self._known: dict[str, Identity] = {}
        for name in FIRST:
            self.add(name)

    def add(self, name: str) -> Identity:
        """Make an identity known and return it; it is asked for by client id, or simply by name."""
        identity = self._tokens.identity(name)
        self._known[name] = self._known[identity.client_id] = identity
        return identity

    def names(self) -> dict[str, str]:
        """Return the client id of each known identity by its name."""
        return {identity.name: identity.client_id for identity in self._known.values()}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request for a token, as App Service does."""
        if request.path != PATH or request.method != "GET":
            return _refusal(404, "Not found.")
        if request.headers.get("X-IDENTITY-HEADER") != self._header:
            return _refusal(403, "The X-IDENTITY-HEADER header is missing or wrong.")
        if request.query.get("api-version") != API_VERSION:
            return _refusal(400, f"The api-version must be {API_VERSION}.")
        resource = request.query.get("resource", "").rstrip("/")
        if not resource:
            return _refusal(400, "The resource parameter is missing.")
        identity = self._known.get(request.query.get("client_id", ""))
        if identity is None:  # only user-assigned identities exist here, so one must be named
            return _refusal(
                400,
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            )
        token, expires = self._tokens.issue(identity, resource)
        return web.json_response(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": identity.client_id,
            }
        )


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message, "correlationId": ""}, status=status)
