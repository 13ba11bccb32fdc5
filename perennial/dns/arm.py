"""Requests to Azure Resource Manager, with the app's identity: sent once, since waiting is for the caller's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from threading import Lock
from typing import TYPE_CHECKING, Any

from perennial.model.answers import one_line, retry_after
from perennial.model.clouds import Cloud

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpRequest, HttpResponse
    from requests import PreparedRequest

CONNECT_SECONDS = 4.0
READ_SECONDS = 15.0
READ_ONLY = ("fqdn", "provisioningState", "targetResource")  # members of a record set that ARM computes


class Refusal(Enum):
    """Why a request was refused, by who must act."""

    THROTTLED = auto()
    ROLE = auto()
    LOCK = auto()
    ABSENT = auto()
    DOWN = auto()
    INPUT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What ARM said, or that it said nothing."""

    status: int = 0  # 0: no answer
    code: str = ""
    said: str = ""
    retry_after: timedelta | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """The record set's ETag."""
        return str(self.body.get("etag", ""))

    @property
    def refusal(self) -> Refusal:
        """Why it was refused."""
        if self.status == 429:
            return Refusal.THROTTLED
        if self.code == "ScopeLocked":  # ARM answers 409 under a lock
            return Refusal.LOCK
        if self.status in (401, 403):
            return Refusal.ROLE
        if self.status == 404:
            return Refusal.ABSENT
        return Refusal.INPUT if 400 <= self.status < 500 and self.status not in (408, 409) else Refusal.DOWN

    def properties(self) -> dict[str, Any]:
        """Return the record set's properties as a PUT takes them back."""
        read: dict[str, Any] = {name: one for name, one in self.body["properties"].items() if name not in READ_ONLY}
        return read | {"TXTRecords": list(read.get("TXTRecords") or ())}


class Arm:
    """Azure Resource Manager of one cloud."""

    def __init__(
        self, credential: Callable[[], TokenCredential], cloud: Cloud, read_seconds: float = READ_SECONDS
    ) -> None:
        self._credential = credential
        self._cloud = cloud
        self._read_seconds = read_seconds
        self._lock = Lock()
        self._opened: PipelineClient[HttpRequest, HttpResponse] | None = None

    def send(self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str]) -> Answer:
        """Send one request; no answer at all is an Answer too."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        request = HttpRequest(method, f"{self._cloud.arm}{path}", headers=dict(headers), json=body)
        try:
            response: HttpResponse = self._client().send_request(
                request, connection_timeout=CONNECT_SECONDS, read_timeout=self._read_seconds
            )
        except ClientAuthenticationError as error:  # its text may hold more than a log should
            return Answer(said=f"no token for Azure Resource Manager ({type(error).__name__})")
        except AzureError as error:
            return Answer(said=one_line(f"no answer: {error.message}"))
        return _read(response)

    def _client(self) -> PipelineClient[HttpRequest, HttpResponse]:
        with self._lock:
            if self._opened is None:
                from azure.core import PipelineClient
                from azure.core.pipeline.policies import BearerTokenCredentialPolicy, UserAgentPolicy
                from azure.core.pipeline.transport import RequestsTransport
                from requests import Session

                session = Session()
                # Without one, requests looks for a .netrc, whose password would take our token's place.
                session.auth = _as_signed
                # No retry policy: a 429 would be slept out here.
                signing = BearerTokenCredentialPolicy(self._credential(), f"{self._cloud.arm}/.default")
                self._opened = PipelineClient(
                    self._cloud.arm,
                    policies=[UserAgentPolicy("Perennial"), signing],
                    transport=RequestsTransport(session=session),
                )
            return self._opened


def _as_signed(request: PreparedRequest) -> PreparedRequest:
    return request


def _read(response: HttpResponse) -> Answer:
    try:
        body = response.json() if response.content else {}
    except ValueError:
        body = {}
    parsed: Mapping[str, Any] = body if isinstance(body, dict) else {}
    told = parsed.get("error")
    # Resource providers say {"code", "message"} without `error` around it, some of them.
    error: Mapping[str, Any] = told if isinstance(told, dict) else parsed
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    status = response.status_code
    if status == 200 and response.request.method == "GET" and not isinstance(parsed.get("properties"), dict):
        return Answer(said="an answer that is no record set")
    said = one_line(f"{status} {code or response.reason}: {message}".rstrip(": "))
    return Answer(status=status, code=code, said=said, retry_after=retry_after(response.headers), body=parsed)
