"""The management port: what was asked, what is to go wrong, what was delivered. Loopback only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass

from aiohttp import web

from localazure.acme.management import AcmeManagement
from localazure.customtopics import CustomTopics
from localazure.deliveries import Disorder, PublishedEvent, Subscriber
from localazure.dns.orders import DnsManagement
from localazure.exchange import Handler
from localazure.faults import Fault
from localazure.identity import ManagedIdentities
from localazure.keyvault.rights import OWN_KEYS
from localazure.keyvault.service import KeyVaults
from localazure.orders import (
    DeliveryOrder,
    FaultOrder,
    FillOrder,
    GrantOrder,
    IssuerOrder,
    OrderError,
    RedeliverOrder,
    VaultOrder,
    parse,
)
from localazure.requests import Requests
from localazure.systemtopics import SystemTopics


@dataclass(frozen=True, slots=True)
class Management:
    """The management port's operations; each docstring is what `GET /` says about it."""

    vaults: KeyVaults
    identities: ManagedIdentities
    requests: Requests
    system_topics: SystemTopics
    custom_topics: CustomTopics
    acme: AcmeManagement
    dns: DnsManagement
    ports: Callable[[], dict[str, object]]
    deliver_to: Callable[[], str | None]  # where a new vault's events go unless the order says

    def application(self) -> web.Application:
        """Return the routes as an application."""
        application = web.Application(middlewares=[_errors])
        for method, path, handler in self._routes():
            application.router.add_route(method, path, handler)
        return application

    def _routes(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[web.Response]]]]:
        return [
            ("GET", "/", self.overview),
            ("GET", "/requests", self.list_requests),
            ("DELETE", "/requests", self.forget_requests),
            ("GET", "/faults", self.list_faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("POST", "/vaults", self.create_vault),
            ("POST", "/vaults/{vault}/certificates", self.fill),
            ("POST", "/vaults/{vault}/autorotation", self.autorotate),
            ("POST", "/issuers/{vault}/{issuer}", self.configure_issuer),
            ("GET", "/events", self.list_events),
            ("POST", "/events/{id}/redeliver", self.redeliver),
            ("PUT", "/delivery", self.set_delivery),
            ("GET", "/topic", self.list_topic),
            ("PUT", "/grants/{identity}", self.grant),
            *self.acme.routes(),
            *self.dns.routes(),
        ]

    async def overview(self, request: web.Request) -> web.Response:
        """List what can be asked here, and where everything listens."""
        operations = {f"{method} {path}": (handler.__doc__ or "").strip() for method, path, handler in self._routes()}
        return web.json_response(
            {"ports": self.ports(), "identities": self.identities.names(), "operations": operations}
        )

    async def list_requests(self, request: web.Request) -> web.Response:
        """Show what was asked of the stand-ins; ?service= confines it (`storage` means all three)."""
        seen = self.requests.seen(request.query.get("service"))
        return web.json_response({"count": len(seen), "requests": [asdict(one) for one in seen]})

    async def forget_requests(self, request: web.Request) -> web.Response:
        """Clear the log of requests; ?service= confines it."""
        self.requests.forget(request.query.get("service"))
        return web.Response(status=204)

    async def list_faults(self, request: web.Request) -> web.Response:
        """Show the faults in force."""
        return web.json_response({"faults": [asdict(fault) for fault in self.requests.faults()]})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a fault: service, method, path (glob, host before it or not), status, retry_after, headers, delay, drop, after_effect, times, body."""
        order = parse(await request.read(), FaultOrder)
        order.check()
        fault = self.requests.add_fault(
            lambda number: Fault(
                id=number,
                service=order.service,
                method=order.method.upper() if order.method else None,
                path=order.path,
                status=order.status,
                retry_after=order.retry_after,
                delay=order.delay,
                drop=order.drop,
                after_effect=order.after_effect,
                times=order.times,
                body=order.body,
                headers=order.headers,
            )
        )
        return web.json_response(asdict(fault), status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Take away all faults."""
        self.requests.clear_faults()
        return web.Response(status=204)

    async def create_vault(self, request: web.Request) -> web.Response:
        """Create a vault, or change it: name, where its events go (deliver_to: a host's URL; queue: a storage queue's), schema, throttle, keys_of."""
        order = parse(await request.read(), VaultOrder)
        order.check()
        self.vaults.create_vault(order.name, throttle=order.throttle)
        if order.keys_of:
            self.vaults.grant(order.keys_of, frozenset(OWN_KEYS), order.name)
        url = order.queue or order.deliver_to or self.deliver_to()
        is_queue = order.queue is not None
        self.system_topics.subscribe(order.name, Subscriber(url, order.schema, is_queue) if url else None)
        return web.json_response({"name": order.name, "deliver_to": url, "schema": order.schema}, status=201)

    async def fill(self, request: web.Request) -> web.Response:
        """Fill a vault with certificates, without events: count, not_after, prefix."""
        order = parse(await request.read(), FillOrder)
        if order.not_after.tzinfo is None:
            raise OrderError("not_after", "must say its UTC offset")
        names = await self.vaults.fill(self._vault(request), order.count, order.not_after, prefix=order.prefix)
        return web.json_response({"names": names}, status=201)

    async def autorotate(self, request: web.Request) -> web.Response:
        """Let a vault do now what it does once a day: renew the AutoRenew certificates whose trigger has passed."""
        names = await self.vaults.run_autorotation(self._vault(request))
        return web.json_response({"names": names}, status=202)

    async def configure_issuer(self, request: web.Request) -> web.Response:
        """Set how a vault's integrated CA behaves: delay (seconds), failure ({code, message}; null recovers)."""
        order = parse(await request.read(), IssuerOrder)
        failure = (order.failure.code, order.failure.message) if order.failure else None
        issuer = request.match_info["issuer"]
        self.vaults.configure_issuer(self._vault(request), issuer, delay=order.delay, failure=failure)
        return web.Response(status=204)

    async def list_events(self, request: web.Request) -> web.Response:
        """Show what the vaults emitted, what became of it, and the dead letters; ?vault=, ?type=, ?name=, ?state= confine it."""
        events = [shown for event in self.system_topics.events() if _wanted(shown := _shown(event), request.query)]
        return web.json_response({"events": events, "dead_letters": self.system_topics.dead_letters()})

    async def redeliver(self, request: web.Request) -> web.Response:
        """Deliver an event again, now: copies (default 1)."""
        order = parse(await request.read(), RedeliverOrder)
        event = self.system_topics.redeliver(request.match_info["id"], order.copies)
        if event is None:
            raise OrderError("id", "no such event, or nobody subscribes to it", 404)
        return web.json_response(_shown(event), status=202)

    async def set_delivery(self, request: web.Request) -> web.Response:
        """Disturb deliveries from now on: duplicate (copies), drop, delay (seconds), reorder (group size); vault confines it; {} ends it."""
        order = parse(await request.read(), DeliveryOrder)
        disorder = Disorder(order.duplicate, order.drop, order.delay, order.reorder)
        in_force = self.system_topics.disturb(order.vault, disorder)
        return web.json_response({name: asdict(one) for name, one in in_force.items()})

    async def list_topic(self, request: web.Request) -> web.Response:
        """Show what the subscriber of a custom topic got; ?topic= confines it."""
        return web.json_response({"events": self.custom_topics.received(request.query.get("topic"))})

    async def grant(self, request: web.Request) -> web.Response:
        """Set an identity's data actions: actions, vault (default all); a new name makes a new identity."""
        order = parse(await request.read(), GrantOrder)
        identity = self.identities.add(request.match_info["identity"])
        self.vaults.grant(identity.name, frozenset(order.actions), order.vault)
        return web.json_response(asdict(identity))

    def _vault(self, request: web.Request) -> str:
        """Return the vault that the path names. Raises OrderError if there is none."""
        name = request.match_info["vault"]
        if self.vaults.vault(name) is None:
            raise OrderError("vault", f"there is no vault {name}", 404)
        return name


def _shown(event: PublishedEvent) -> dict[str, object]:
    """Return an event as `GET /events` shows it."""
    return {
        "id": event.id,
        "type": event.event.type,
        "vault": event.event.vault,
        "name": event.event.name,
        "version": event.event.version,
        "published": event.published.isoformat(timespec="milliseconds"),
        "state": event.state,
        "deliveries": [
            {
                "to": delivery.to,
                "state": delivery.state,
                "due": delivery.due.isoformat(timespec="milliseconds"),
                "attempts": [
                    {
                        "time": time.isoformat(timespec="milliseconds"),
                        "status": outcome.status,
                        "failure": outcome.failure,
                    }
                    for time, outcome in delivery.attempts
                ],
            }
            for delivery in event.deliveries
        ],
        "body": event.body,
    }


def _wanted(shown: dict[str, object], query: Mapping[str, str]) -> bool:
    """Tell whether an event passes the query's filters."""
    return all(
        str(shown[field]).lower().endswith(query[field].lower())
        if field == "type"
        else str(shown[field]).lower() == query[field].lower()
        for field in ("vault", "type", "name", "state")
        if field in query
    )


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a bad order with its field."""
    try:
        return await handler(request)
    except OrderError as error:
        return web.json_response({"error": {"field": error.field, "message": error.message}}, status=error.status)
    except web.HTTPException as answer:
        message = f"{request.method} {request.path}: {answer.reason}; GET / lists what there is"
        return web.json_response({"error": {"field": "path", "message": message}}, status=answer.status)
