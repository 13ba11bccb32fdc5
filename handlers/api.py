"""HTTP. openapi.yaml describes every route; who holds no function key learns only that the app lives."""

from __future__ import annotations

import azure.functions as func

from perennial import wiring
from perennial.workflows.api import (
    access,
    ahead,
    authorities,
    certificates,
    deliveries,
    findings,
    forecast,
    heartbeat,
    http,
    mode,
    pending,
    renewals,
    requests,
    subscriptions,
    sweeps,
    waivers,
)

doors = func.Blueprint()

# Where people sign in, the platform guards the routes before the host does, and keys would only be one more secret.
GUARD = func.AuthLevel.ANONYMOUS if wiring.signs_in() else func.AuthLevel.FUNCTION


@doors.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    """Tell whether the clock and the sweep turn."""
    return _answered(heartbeat.shown, req, access.Role.NOBODY)


@doors.route("plan", methods=["GET"], auth_level=GUARD)
def plan(req: func.HttpRequest) -> func.HttpResponse:
    """Tell what would be renewed, and what blocks what."""
    return _answered(forecast.shown, req, access.Role.READ)


@doors.route("forecast", methods=["GET"], auth_level=GUARD)
def get_forecast(req: func.HttpRequest) -> func.HttpResponse:
    """Tell what CAs will be asked for, and which limits that would reach."""
    return _answered(ahead.shown, req, access.Role.READ)


@doors.route("mode", methods=["GET"], auth_level=GUARD)
def get_mode(req: func.HttpRequest) -> func.HttpResponse:
    """Show the fleet's switch."""
    return _answered(mode.shown, req, access.Role.READ)


@doors.route("mode", methods=["PUT"], auth_level=GUARD)
def put_mode(req: func.HttpRequest) -> func.HttpResponse:
    """Turn the fleet's switch."""
    return _answered(mode.turned, req, access.Role.ADMIN)


@doors.route("certificates", methods=["GET"], auth_level=GUARD)
def list_certificates(req: func.HttpRequest) -> func.HttpResponse:
    """List certificates."""
    return _answered(certificates.listed, req, access.Role.READ)


@doors.route("certificates/{vault}/{name}", methods=["GET"], auth_level=GUARD)
def get_certificate(req: func.HttpRequest) -> func.HttpResponse:
    """Show a certificate."""
    return _answered(certificates.shown, req, access.Role.READ)


@doors.route("certificates/{vault}/{name}/history", methods=["GET"], auth_level=GUARD)
def get_history(req: func.HttpRequest) -> func.HttpResponse:
    """List what happened to a certificate."""
    return _answered(certificates.history, req, access.Role.READ)


@doors.route("certificates/{vault}/{name}/renew", methods=["POST"], auth_level=GUARD)
def renew_certificate(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for a renewal."""
    return _answered(renewals.asked, req, access.Role.OPERATE)


@doors.route("certificates/{vault}/{name}/pending/discard", methods=["POST"], auth_level=GUARD)
def discard_pending(req: func.HttpRequest) -> func.HttpResponse:
    """Discard a certificate's pending operation."""
    return _answered(pending.discarded, req, access.Role.OPERATE)


@doors.route("requests", methods=["GET"], auth_level=GUARD)
def list_requests(req: func.HttpRequest) -> func.HttpResponse:
    """List the CSRs that wait for a signature."""
    return _answered(requests.listed, req, access.Role.READ, or_signs=True)


@doors.route("requests/{vault}/{name}", methods=["GET"], auth_level=GUARD)
def get_request(req: func.HttpRequest) -> func.HttpResponse:
    """Show a CSR that waits for a signature."""
    return _answered(requests.shown, req, access.Role.READ, or_signs=True)


@doors.route("requests/{vault}/{name}", methods=["POST"], auth_level=GUARD)
def post_chain(req: func.HttpRequest) -> func.HttpResponse:
    """Take the chain that answers a CSR."""
    return _answered(requests.answered_by, req, access.Role.OPERATE, or_signs=True)


@doors.route("authorities", methods=["GET"], auth_level=GUARD)
def list_authorities(req: func.HttpRequest) -> func.HttpResponse:
    """List CAs."""
    return _answered(authorities.listed, req, access.Role.READ)


@doors.route("authorities/{name}/account", methods=["POST"], auth_level=GUARD)
def change_account(req: func.HttpRequest) -> func.HttpResponse:
    """Ask for another account or another key."""
    return _answered(authorities.asked, req, access.Role.ADMIN)


@doors.route("subscriptions", methods=["GET"], auth_level=GUARD)
def list_subscriptions(req: func.HttpRequest) -> func.HttpResponse:
    """List subscriptions."""
    return _answered(subscriptions.listed, req, access.Role.READ)


@doors.route("subscriptions/{name}", methods=["GET"], auth_level=GUARD)
def get_subscription(req: func.HttpRequest) -> func.HttpResponse:
    """Show a subscription."""
    return _answered(subscriptions.shown, req, access.Role.READ)


@doors.route("subscriptions/{name}", methods=["PUT"], auth_level=GUARD)
def put_subscription(req: func.HttpRequest) -> func.HttpResponse:
    """Create or replace a subscription."""
    return _answered(subscriptions.written, req, access.Role.ADMIN)


@doors.route("subscriptions/{name}", methods=["DELETE"], auth_level=GUARD)
def delete_subscription(req: func.HttpRequest) -> func.HttpResponse:
    """Delete a subscription."""
    return _answered(subscriptions.deleted, req, access.Role.ADMIN)


@doors.route("deliveries", methods=["GET"], auth_level=GUARD)
def list_deliveries(req: func.HttpRequest) -> func.HttpResponse:
    """List deliveries."""
    return _answered(deliveries.listed, req, access.Role.READ)


@doors.route("deliveries/{id}/redeliver", methods=["POST"], auth_level=GUARD)
def redeliver(req: func.HttpRequest) -> func.HttpResponse:
    """Open a delivery again."""
    return _answered(deliveries.redelivered, req, access.Role.OPERATE)


@doors.route("findings", methods=["GET"], auth_level=GUARD)
def list_findings(req: func.HttpRequest) -> func.HttpResponse:
    """List findings."""
    return _answered(findings.listed, req, access.Role.READ)


@doors.route("findings/waiver", methods=["PUT"], auth_level=GUARD)
def put_waiver(req: func.HttpRequest) -> func.HttpResponse:
    """Live with a finding for a while."""
    return _answered(waivers.put, req, access.Role.OPERATE)


@doors.route("sweeps", methods=["GET"], auth_level=GUARD)
def list_sweeps(req: func.HttpRequest) -> func.HttpResponse:
    """List sweeps."""
    return _answered(sweeps.listed, req, access.Role.READ)


@doors.route("sweeps", methods=["POST"], auth_level=GUARD)
def start_sweep(req: func.HttpRequest) -> func.HttpResponse:
    """Start a sweep."""
    return _answered(sweeps.started, req, access.Role.OPERATE)


def _answered(
    operation: http.Operation, req: func.HttpRequest, needed: access.Role, *, or_signs: bool = False
) -> func.HttpResponse:
    """Run an operation in a fresh world, if whoever asks may have it run."""
    return _sent(access.admit(operation, _read(req), needed, wiring.gate(), wiring.world, or_signs=or_signs))


def _read(req: func.HttpRequest) -> http.Request:
    """Take from the request what operations may see: none of its keys."""
    return http.Request(
        method=req.method,
        route=req.route_params,
        query=req.params,
        body=req.get_body(),
        actor=req.headers.get("X-Perennial-Actor", ""),
        principal=req.headers.get("X-MS-CLIENT-PRINCIPAL", ""),
    )


def _sent(response: http.Response) -> func.HttpResponse:
    """Turn an answer into the worker's own."""
    return func.HttpResponse(
        response.payload,
        status_code=response.status,
        headers={**response.headers, "Cache-Control": "no-store"},
        mimetype=response.media_type,
    )
