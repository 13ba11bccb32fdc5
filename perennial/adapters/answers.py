"""What an answer of Key Vault, or its absence, means: an error of ours that says who must act."""

from __future__ import annotations

import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import HttpResponse
from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from perennial.errors import Busy, Forbidden, Refused, Throttled, Unclear, Unreachable, VaultError
from perennial.model.answers import one_line, retry_after

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
    code, what = _said(response)
    return _turned_away(vault, response, code, what) or Unreachable(
        vault, what, code=code, retry_after=retry_after(response.headers)
    )


def error_of_write(vault: str, response: HttpResponse, *, creating: bool = False) -> VaultError:
    """Return what to raise for a write that was not answered well."""
    status, code, what = response.status_code, *_said(response)
    if turned_away := _turned_away(vault, response, code, what):
        return turned_away
    if status == 409 and creating and code not in NAME_IS_TAKEN:
        return Busy(vault, what, code=code)
    if 400 <= status < 500 and status != 408:
        return Refused(vault, what, code=code)
    return Unclear(vault, what, code=code, retry_after=retry_after(response.headers))


def _turned_away(vault: str, response: HttpResponse, code: str, what: str) -> Throttled | Forbidden | None:
    """Return what to raise where nothing was done at all, whatever was asked for."""
    if response.status_code == 429:
        return Throttled(vault, what, code=code, retry_after=retry_after(response.headers))
    return Forbidden(vault, what, code=code) if response.status_code in (401, 403) else None


def why(error: Exception) -> str:
    """Say what went wrong in one line; messages of the identity library may hold more than a log should."""
    if isinstance(error, ClientAuthenticationError):
        return f"no token ({type(error).__name__})"
    return one_line(str(error)) or type(error).__name__


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
