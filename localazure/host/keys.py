"""Access keys, checked only when a file of keys is given: without one, every caller passes, as under `func start`."""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from aiohttp import web

MASTER = "master"
DEFAULT = "default"
EVENT_GRID = "eventgrid_extension"


class Keys:
    """The keys by name: `master` opens everything, `default` functions, `eventgrid_extension` the webhook."""

    def __init__(self, keys: dict[str, str] | None) -> None:
        self._keys = keys

    @classmethod
    def read(cls, file: Path | None) -> Keys:
        """Read a JSON object of names and keys."""
        return cls(json.loads(file.read_text("utf-8")) if file else None)

    def admit(self, request: web.Request, *names: str) -> bool:
        """Say whether the request carries one of these keys or the master key, in the header or as `code`."""
        if self._keys is None:
            return True
        given = request.headers.get("x-functions-key") or request.query.get("code", "")
        accepted = [self._keys[name] for name in (MASTER, *names) if name in self._keys]
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in accepted)
