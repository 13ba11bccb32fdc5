"""Telling by an HTTPS request, signed as Standard Webhooks asks (standardwebhooks.com, specification 1.0)."""

from __future__ import annotations

import json
import re
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import datetime

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from perennial.channels.addresses import Forbidden, Unresolved, resolve
from perennial.channels.envelope import cloud_event
from perennial.channels.needs import Needs
from perennial.channels.post import Answer, NoAnswer, Wire
from perennial.channels.target import BadTarget, Target
from perennial.errors import ChannelError
from perennial.model.answers import one_line, wait_of
from perennial.model.notices import Delivery, Subscription

SETTING = "PERENNIAL_SECRET_"
NEXT = "_NEXT"
SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,62}")


class WebhookChannel:
    """Posts the CloudEvent in structured mode to an address that was checked, and to no other."""

    def __init__(self, settings: Needs, environ: Mapping[str, str], wire: Wire | None = None) -> None:
        self._settings = settings
        self._environ = environ
        self._wire = wire or Wire()

    def refuse(self, subscription: Subscription) -> str:
        """Say what is wrong with a subscription for this channel; empty: nothing."""
        try:
            target = Target.parse(subscription.target)
            resolve(target.host, target.port, self._settings.webhook_ranges)
        except (BadTarget, Unresolved) as error:
            return f"target: {error}"
        except Forbidden as error:
            return f"target: {error}; the setting PERENNIAL_WEBHOOK_RANGES can allow its range"
        try:
            self._signers(subscription)
        except ChannelError as error:
            return f"secret: {error.answer}"
        return ""

    def send(self, delivery: Delivery, subscription: Subscription, now: datetime) -> str:
        """Post once; only a 2xx is a success. Raises ChannelError."""
        body = json.dumps(cloud_event(delivery, self._settings.instance), ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "Perennial",
            "webhook-id": delivery.notice,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(
                signer.sign(delivery.notice, now, body) for signer in self._signers(subscription)
            ),
        }
        try:
            # Resolved anew for every notice: what was public when a person subscribed may be private now.
            target = Target.parse(subscription.target)
            addresses = resolve(target.host, target.port, self._settings.webhook_ranges)
            answer = self._wire.post(addresses, target, headers, body.encode())
        except (BadTarget, Forbidden, Unresolved, NoAnswer) as error:
            raise ChannelError(one_line(str(error))) from error
        return _judge(answer, now)

    def _signers(self, subscription: Subscription) -> list[Webhook]:
        """Return a signer per secret that is set: one, or two while it is rotated. Raises ChannelError."""
        name = subscription.secret
        if not SECRET_NAME.fullmatch(name) or name.endswith(NEXT):
            raise ChannelError(
                f"give the NAME of the app setting {SETTING}NAME: capitals, digits, _; not ending in {NEXT}"
            )
        settings = (f"{SETTING}{name}", f"{SETTING}{name}{NEXT}")
        found = [(setting, self._environ[setting]) for setting in settings if self._environ.get(setting)]
        if not found:
            raise ChannelError(f"the app setting {SETTING}{name} is not set; put the signing secret (whsec_…) there")
        return [_signer(setting, secret) for setting, secret in found]


def _signer(setting: str, secret: str) -> Webhook:
    try:
        return Webhook(secret.strip())
    except (NotBase64, ValueError, EmptyWebhookSecretError):
        # Without the cause: its text may quote the secret.
        raise ChannelError(f"the app setting {setting} is no Standard Webhooks secret (whsec_ and base64)") from None


def _judge(answer: Answer, now: datetime) -> str:
    text = one_line(f"{answer.status} {answer.reason}: {answer.body.decode('utf-8', 'replace')}".rstrip(": "))
    if 200 <= answer.status < 300:
        return text
    if 300 <= answer.status < 400:
        text = one_line(f"{answer.status}: redirects are not followed; give the final address")
    wait = wait_of(answer.retry_after, now) or None
    throttled = answer.status == 429 or (answer.status == 503 and wait is not None)
    raise ChannelError(text, throttled=throttled, retry_after=wait if throttled else None)
