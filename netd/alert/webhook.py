"""Webhooks: the event as JSON, posted to a URL and signed (docs/alerts.md)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netd.connection.posting import PostAnswer, PostFailed, post
from netd.reaction.actions import Webhook
from netd.reaction.delivery import DeliveryFailed

__all__ = ["Webhooks", "signature"]

PASSING = (408, 425, 429)
"""Answers of 4xx that another try may change; all others of them say that the request is wrong."""


def signature(secret: str, body: bytes) -> str:
    """Return the value of ``X-Netd-Signature`` for *body*."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@define(eq=False)
class Webhooks:
    """Posts the events of one alert.

    :ivar secret: signs them; empty for no signature.
    """

    agent: Any
    secret: str

    def post(self, action: Webhook, body: bytes) -> Deferred[None]:
        """Post *body*. The Deferred fails with :class:`DeliveryFailed` unless the answer is 2xx."""
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Netd-Signature"] = signature(self.secret, body)
        return post(self.agent, action.url, headers, body).addCallbacks(_judge, _failed)


def _judge(answer: PostAnswer) -> None:
    if not answer.is_good:
        raise DeliveryFailed(answer.words, may_pass=answer.code >= 500 or answer.code in PASSING)


def _failed(failure: Failure) -> None:
    failure.trap(PostFailed)
    raise DeliveryFailed(str(failure.value), may_pass=failure.value.may_pass)  # type: ignore[union-attr]
