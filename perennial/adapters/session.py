"""The connections that all clients of Azure share.

A call of Table Storage costs this process more in the layers above the socket than in it, and Requests was a third of that: for each request it
reads the environment for proxies and CAs anew, quotes an address that the SDK has quoted, and keeps a jar of cookies that no service sends.
"""

from __future__ import annotations

import re
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import Retry

WITHOUT_BODY = ("GET", "HEAD")
# An address as the SDKs write it, of which nothing is left to quote (RFC 3986 §2).
QUOTED = re.compile(r"https?://[a-z0-9.:-]+/(?:[A-Za-z0-9._~!$&'()*+,/:;=?@-]|%[0-9A-F]{2})*")
PLAIN = frozenset({"headers", "data", "files", "verify", "timeout", "cert", "allow_redirects", "proxies", "stream"})


class AzureSession(Session):
    """A session for requests that are whole already, as the SDKs' pipelines make them; any other is made as ever."""

    def __init__(self, hosts: int, connections: int) -> None:
        """Keep so many connections for each of so many hosts."""
        super().__init__()
        # Retrying is the pipeline's, as in the SDK's own sessions.
        never = Retry(total=False, redirect=False, raise_on_status=False)
        self.mount("https://", HTTPAdapter(pool_connections=hosts, pool_maxsize=connections, max_retries=never))
        # Without one, Requests looks for a .netrc at each request, and would put what it finds there in place of our token.
        self.auth = _as_signed
        self._surroundings: dict[tuple[object, ...], Any] = {}

    def request(self, method: Any, url: Any, *args: Any, **asked: Any) -> Response:
        """Send a request. Raises what Requests raises."""
        body = asked.get("data")
        whole = isinstance(body, str | bytes | None) and isinstance(url, str) and QUOTED.fullmatch(url)
        other = args or asked.get("files") or asked.get("allow_redirects") or asked.get("proxies")
        if not whole or other or not PLAIN.issuperset(asked):
            return super().request(method, url, *args, **asked)
        request = self._prepared(method, url, asked.get("headers"), body)
        around = self._around(request, asked.get("verify"), asked.get("cert"))
        stream = bool(asked.get("stream"))
        response = self.get_adapter(request.url or "").send(
            request, stream, asked.get("timeout"), around["verify"], around["cert"], around["proxies"]
        )
        if not stream:
            response.content  # noqa: B018 (reading it frees the connection, and raises here what reading raises)
        return response

    def _prepared(self, method: str, url: str, headers: Any, body: str | bytes | None) -> PreparedRequest:
        request = PreparedRequest()
        request.method = method
        request.url = url
        ours: Any = self.headers
        request.headers = CaseInsensitiveDict(ours)
        request.headers.update(headers or {})
        request.body = (body.encode() if isinstance(body, str) else body) or None
        request.hooks = {"response": []}
        if request.body or method not in WITHOUT_BODY:
            request.headers["Content-Length"] = str(len(request.body or b""))
        return request

    def _around(self, request: PreparedRequest, verify: Any, cert: Any) -> Any:
        """Return proxies and whom to trust for a host, by the environment as it was when the host was first asked."""
        url = request.url or ""
        of = tuple(url.split("/", 3)[:3]), verify, cert
        if of not in self._surroundings:
            self._surroundings[of] = self.merge_environment_settings(url, {}, None, verify, cert)
        return self._surroundings[of]


def _as_signed(request: PreparedRequest) -> PreparedRequest:
    """Leave a request's authorization as the pipeline made it."""
    return request
