"""The bodies that the management port takes, and errors that name the field."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec

from localazure.envelope import Schema
from localazure.names import SERVICES

type Seconds = Annotated[float, msgspec.Meta(ge=0)]
type Count = Annotated[int, msgspec.Meta(ge=1)]
type Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9-]{1,127}$")]
type VaultName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9-]{2,23}$")]
type Url = Annotated[str, msgspec.Meta(pattern="^https?://")]

AT_FIELD = re.compile(r"`\$\.?([\w.\[\]]+)`|(?:field|property) `(\w+)`")


class OrderError(Exception):
    """An order cannot be carried out; `field` says which part is wrong."""

    def __init__(self, field: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.status = status


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """A body; unknown fields are refused."""


class FaultOrder(Order):
    """`POST /faults`."""

    service: str
    method: str | None = None
    path: str = "*"
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    retry_after: Seconds | None = None
    delay: Seconds = 0
    drop: bool = False
    after_effect: bool = False
    times: Count | None = None
    body: str | None = None
    headers: dict[str, str] = {}

    def check(self) -> None:
        """Refuse what no fault can mean. Raises OrderError."""
        known = [*SERVICES, "storage"]
        if self.service not in known:
            raise OrderError("service", f"must be one of {', '.join(known)}")
        if self.status is None and not self.drop and not self.delay:
            raise OrderError("status", "a fault needs a status, a delay, or drop")
        if self.status is None and (self.retry_after is not None or self.body is not None or self.headers):
            raise OrderError("status", "retry_after, headers and body go with a status")


class VaultOrder(Order):
    """`POST /vaults`."""

    name: VaultName
    deliver_to: Url | None = None
    queue: Url | None = None
    schema: Schema = "cloudevents"
    throttle: bool = False
    keys_of: Name | None = None  # the identity that keeps keys of its own there, and has no other right

    def check(self) -> None:
        """Refuse two ways for one event. Raises OrderError."""
        if self.deliver_to and self.queue:
            raise OrderError("queue", "events go to a host or to a queue: give one of deliver_to and queue")


class FillOrder(Order):
    """`POST /vaults/{vault}/certificates`."""

    count: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    not_after: datetime
    prefix: Name = "cert"


class Failure(Order):
    """How an integrated CA fails."""

    code: str
    message: str


class IssuerOrder(Order):
    """`POST /issuers/{vault}/{issuer}`."""

    delay: Seconds | None = None
    failure: Failure | None = None


class RedeliverOrder(Order):
    """`POST /events/{id}/redeliver`."""

    copies: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class DeliveryOrder(Order):
    """`PUT /delivery`: what is left out is off."""

    vault: Name | None = None
    duplicate: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    drop: bool = False
    delay: Seconds = 0
    reorder: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0


class GrantOrder(Order):
    """`PUT /grants/{identity}`: the whole set of data actions, for all vaults or one."""

    actions: list[str]
    vault: Name | None = None


def parse[T: Order](body: bytes, kind: type[T]) -> T:
    """Return a body as an order. Raises OrderError naming the field."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as fault:
        found = AT_FIELD.search(str(fault))
        raise OrderError((found[1] or found[2]) if found else "", str(fault)) from fault
    except msgspec.DecodeError as fault:
        raise OrderError("", f"the body is not JSON: {fault}") from fault
