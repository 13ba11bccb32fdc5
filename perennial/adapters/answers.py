"""What an answer of Key Vault, or its absence, means: an error of ours that says who must act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

import msgspec
from azure.core.exceptions import AzureError
from azure.core.rest import HttpResponse
from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from perennial.errors import Busy, Forbidden, Refused, Throttled, Unclear, Unreachable, VaultError

# innererror codes of a 409 that no end of an operation resolves (Key Vault, soft delete).
NAME_IS_TAKEN = frozenset({"ObjectIsDeletedButRecoverable", "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})
LONGEST_QUOTE = 500  # characters of the service's own words


class _Inner(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    innererror: _Inner | None = None


class _Body(msgspec.Struct):
    error: _Error | None = None


def error_of_look(vault: str, response: HttpResponse) -> VaultError:
    """Return what to raise for a look that was not answered well."""
    status, code, what = response.status_code, *_said(response)
    wait = retry_after(response.headers)
    if status == 429:
        return Throttled(vault, what, code=code, retry_after=wait)
    if status in (401, 403):
        return Forbidden(vault, what, code=code)
    return Unreachable(vault, what, code=code, retry_after=wait)


def error_of_write(vault: str, response: HttpResponse, *, creating: bool = False) -> VaultError:
    """Return what to raise for a write that was not answered well."""
    status, code, what = response.status_code, *_said(response)
    wait = retry_after(response.headers)
    if status == 429:
        return Throttled(vault, what, code=code, retry_after=wait)
    if status in (401, 403):
        return Forbidden(vault, what, code=code)
    if status == 409 and creating and code not in NAME_IS_TAKEN:
        return Busy(vault, what, code=code)
    if 400 <= status < 500 and status != 408:
        return Refused(vault, what, code=code)
    return Unclear(vault, what, code=code, retry_after=wait)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or a date, which is measured against the answer's own."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isdigit():
        return timedelta(seconds=int(text))
    try:
        until = parsedate_to_datetime(text)
        wait = until - parsedate_to_datetime(headers.get("Date") or "")
    except (ValueError, TypeError):
        return None
    return max(wait, timedelta(0))


def nothing_was_sent(error: BaseException) -> bool:
    """Tell whether it is certain that a request did not leave: no connection, no tunnel, no trust. The SDK's own class does not say so.

    (It calls every break that is not a broken HTTP exchange an error "of the request", also a TLS failure in the middle.)
    """
    inner = error.inner_exception if isinstance(error, AzureError) else None
    if isinstance(inner, requests_errors.ConnectTimeout):
        return True
    wrapped = inner.args[0] if isinstance(inner, requests_errors.RequestException) and inner.args else inner
    cause = wrapped.reason if isinstance(wrapped, urllib3_errors.MaxRetryError) else wrapped
    if isinstance(cause, urllib3_errors.ProxyError):
        # urllib3 also says "unable to connect to proxy" of a break after the request went through its tunnel.
        cause = cause.original_error
    refused = isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed")
    unconnected = isinstance(cause, urllib3_errors.NewConnectionError | urllib3_errors.ConnectTimeoutError)
    return refused or unconnected or "CERTIFICATE_VERIFY_FAILED" in str(cause)


def _said(response: HttpResponse) -> tuple[str, str]:
    """Return the most telling code, and the service's words in one line."""
    try:
        error = msgspec.json.decode(response.content, type=_Body).error or _Error()
    except msgspec.MsgspecError:
        error = _Error()
    code = (error.innererror.code if error.innererror else None) or error.code or ""
    words = " ".join((error.message or "").split())[:LONGEST_QUOTE]
    return code, f"{response.status_code} {code or response.reason}: {words}".rstrip(": ")
