"""Built-in roles of Azure that let the app renew, and carry more than it needs (Azure: built-in roles for security)."""

from __future__ import annotations

BROAD = {  # by the GUID of the definition
    "a4417e6f-fecd-4de8-b567-7b0420556985": "Key Vault Certificates Officer: it can also delete and purge certificates",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "Key Vault Administrator: it can also delete and purge everything, and read every secret",
}
