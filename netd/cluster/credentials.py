"""How this node proves to a NATS server who it is, and what it demands of the server: credentials and TLS.

No text here quotes a secret.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netd.errors import NetdError
from netd.secrets.nats_login import NatsLogin

__all__ = ["NotSecured", "TlsDemand", "login_arguments", "make_demand"]


class NotSecured(NetdError):
    """The server offers no TLS, which the configuration demands. Nothing secret was sent."""


def login_arguments(login: NatsLogin, check: Callable[[], None]) -> dict[str, Any]:
    """Return the arguments of ``nats.aio.client.Client.connect`` for *login*: functions that it calls when it writes its CONNECT.

    :param check: called before anything is given away; raises an exception where it must not be.
    """
    key = login.key

    def sign(nonce: str) -> bytes:
        check()
        assert key is not None
        return base64.b64encode(key.sign(nonce.encode()))

    def given(secret: str) -> Callable[[], str]:
        def give() -> str:
            check()
            return secret

        return give

    if key is None:
        return {"user": given(login.user), "password": given(login.password)} if login.user else {}
    return {"signature_cb": sign, **({"user_jwt_cb": login.jwt.encode} if login.jwt else {})}


class TlsDemand(ssl.SSLContext):
    """TLS towards one server, which notes whether it was used: nats-py goes on without it if the server does not offer any.

    :ivar is_met: whether a connection has been encrypted. nats-py writes its CONNECT after the handshake, so that a login that
        asks before it gives something away asks in time.
    """

    is_met = False

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """Called by asyncio for each connection that becomes an encrypted one."""
        self.is_met = True
        return super().wrap_bio(*arguments, **named)

    def check(self) -> None:
        """Raise :class:`NotSecured` if no connection has been encrypted."""
        if not self.is_met:
            raise NotSecured("the server offers no TLS, which tls:// and tls_ca demand; nothing secret was sent")


def make_demand(authorities: Path | None, certificate: Path | None) -> TlsDemand:
    """Return the TLS for one connection.

    :param authorities: the file of those whose certificates are trusted; those of the machine if it is None.
    :param certificate: the file of this node's own key and certificate.
    :raises OSError: if a file cannot be used.
    """
    demand = TlsDemand(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        demand.load_default_certs()
    else:
        demand.load_verify_locations(authorities)
    if certificate is not None:
        demand.load_cert_chain(certificate)
    return demand
