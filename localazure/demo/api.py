"""Perennial's HTTP API, as a person with curl would use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import urllib3

type Json = dict[str, Any]


class Refused(Exception):
    """The app refused or failed; the text is its problem document."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Api:
    """A client of one running app."""

    def __init__(self, url: str) -> None:
        """Take the app's base URL."""
        self.url = url
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(30))

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def get(self, path: str, **query: str) -> Json:
        """Ask for a document. Raises Refused."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def put(self, path: str, body: Mapping[str, object]) -> Json:
        """Put a document. Raises Refused."""
        return self._ask("PUT", path, body)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        """Ask for something to be done. Raises Refused."""
        return self._ask("POST", path, body or {})

    def everything(self, path: str, **query: str) -> list[Json]:
        """Return the items of all pages of a list."""
        page = self.get(path, limit="500", **query)
        items: list[Json] = page["items"]
        while page["next"]:
            page = self.get(path, limit="500", cursor=page["next"], **query)
            items += page["items"]
        return items

    def certificate(self, vault: str, name: str) -> Json | None:
        """Return what the app knows of a certificate; None: it has not seen it."""
        try:
            return self.get(f"certificates/{vault}/{quote(name)}")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Json:
        content = None if body is None else msgspec.json.encode(body)
        headers = {"X-Perennial-Actor": "the demo", "Content-Type": "application/json"}
        answer = self._http.request(method, f"{self.url}/api/{path}", body=content, headers=headers)
        if answer.status >= 400:
            raise Refused(
                f"{method} {path}: {answer.status} {answer.data.decode(errors='replace')[:500]}", answer.status
            )
        found: Json = msgspec.json.decode(answer.data) if answer.data else {}
        return found
