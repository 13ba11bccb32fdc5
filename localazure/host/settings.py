"""The app settings, and the connections made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_OVERRIDE = "azurefunctionsjobhost__"


class BadSetting(ValueError):
    """A setting is missing or cannot be used; the text names it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A storage endpoint, and the user-assigned identity to use it with (None: the system-assigned one)."""

    url: str
    client_id: str | None


class AppSettings:
    """The app settings, which are the process's environment; names are compared as in Azure, without case."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in environment.items()}

    def get(self, name: str) -> str | None:
        """Return a setting; a colon in its name may be written as two underscores."""
        return self._values.get(name.lower().replace(":", "__"), self._values.get(name.lower()))

    def resolve(self, text: str) -> str:
        """Replace each %NAME% by the setting of that name. Raises BadSetting."""

        def value_of(match: re.Match[str]) -> str:
            value = self.get(match[1])
            if value is None:
                raise BadSetting(f"'{text}': there is no app setting {match[1]}")
            return value

        return re.sub(r"%([^%]+)%", value_of, text)

    def connection(self, name: str, service: str) -> Connection:
        """Return an identity-based connection to the service `queue` or `table`. Raises BadSetting."""
        for prefix in (name, f"AzureWebJobs{name}"):
            if self.get(prefix) is not None:
                raise BadSetting(f"{prefix} is a connection string: this host plays identity-based connections only")
            url = self.get(f"{prefix}__{service}ServiceUri")
            account = self.get(f"{prefix}__accountName")
            if url is None and account is not None:
                url = f"https://{account}.{service}.core.windows.net"
            if url is None:
                continue
            credential = self.get(f"{prefix}__credential") or "managedidentity"
            if credential != "managedidentity":
                raise BadSetting(f"{prefix}__credential is '{credential}': this host plays managedidentity only")
            return Connection(url.rstrip("/"), self.get(f"{prefix}__clientId"))
        raise BadSetting(f"connection {name}: there is no app setting {name}__{service}ServiceUri")

    def overrides(self) -> dict[str, str]:
        """Return the settings AzureFunctionsJobHost__a__b as lower-cased dotted paths into host.json."""
        return {
            name.removeprefix(_OVERRIDE).replace("__", "."): value
            for name, value in self._values.items()
            if name.startswith(_OVERRIDE)
        }
