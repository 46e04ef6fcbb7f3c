"""The status of a gateway."""

from __future__ import annotations

from attrs import frozen

from netd.status import ServiceStatus

__all__ = ["GatewayServiceStatus"]


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
