"""The results of a gateway's operations, and its status."""

from __future__ import annotations

from attrs import frozen

from netd.codec.units import Address, Epoch, Seconds
from netd.status import ServiceStatus

__all__ = ["GatewayServiceStatus", "SessionsEnded", "SignedInBrowser"]


@frozen(slots=False, kw_only=True)
class SignedInBrowser:
    """A browser that is signed in to the dashboard.

    :ivar name: name of the token that signed it in.
    :ivar host: the address from which it was signed in; behind a proxy, that of the proxy.
    :ivar began: time of the sign-in.
    :ivar used: time of its last use by a person.
    :ivar left: time until it is signed out if nobody uses it.
    :ivar websockets: number of its open WebSockets, one for each tab.
    """

    name: str
    host: Address
    began: Epoch
    used: Epoch
    left: Seconds
    websockets: int


@frozen(slots=False)
class SessionsEnded:
    """Browsers were signed out.

    :ivar ended: their number.
    """

    ended: int


@frozen(slots=False, kw_only=True)
class GatewayServiceStatus(ServiceStatus):
    """The status of a gateway.

    :ivar url: address of the dashboard for browsers on this machine; None if the gateway does not listen.
    :ivar url_for_others: its address for browsers on other machines; None if they cannot reach it.
    :ivar open: everyone on this machine is administrator, because there are no tokens.
    :ivar websockets: number of WebSockets.
    """

    url: str | None
    url_for_others: str | None
    open: bool
    websockets: int
