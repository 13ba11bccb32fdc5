"""The page that explains the settings, made from the catalog."""

from __future__ import annotations

from perennial.settings.agreement import SECRETS
from perennial.settings.catalog import CATALOG, Setting

HEAD = """# Settings

Every setting is an environment variable (in Azure: an app setting of the function app). They are read and checked once, when the app starts; what is
wrong is listed in one message, with the variable, the problem and the fix, never the value. A variable that is set to nothing counts as not set, and
an unknown one that begins with `PERENNIAL_` is refused, since it is most likely misspelt. Durations are a number and `s`, `m`, `h` or `d`.

This page is made from `perennial/settings/catalog.py` by `python -m perennial.settings > docs/settings.md`.

| variable | default | meaning | example |
| --- | --- | --- | --- |
"""

TAIL = f"""
Secrets are variables of their own, `{SECRETS}NAME`: a webhook's signing secret, which its subscription names, a DNS provider's key or password, and
the key of a CA's external account binding, which `PERENNIAL_ZONES` and `PERENNIAL_AUTHORITIES` name. In Azure each is a Key Vault reference. They are
never logged or shown.
"""


def page() -> str:
    """Return the page as Markdown."""
    return HEAD + "".join(_row(setting) for setting in CATALOG) + TAIL


def _row(setting: Setting) -> str:
    default = "**required**" if setting.required else setting.default or "not set"
    return f"| `{setting.variable}` | {default} | {setting.means} | `{setting.example}` |\n"
