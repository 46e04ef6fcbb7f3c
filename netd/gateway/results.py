"""The status of a gateway."""

from __future__ import annotations

from attrs import frozen

from netd.status import ServiceStatus

__all__ = ["GatewayServiceStatus"]


@frozen(slots=False, kw_only=True)
class GatewayServiceStatus(ServiceStatus):
    """The status of a gateway.

    :ivar url: where a browser on this machine finds the dashboard; None where it listens nowhere.
    :ivar url_for_others: where browsers on other machines find it; None where they cannot.
    :ivar open: everyone on this machine is administrator, because there are no tokens.
    :ivar websockets: connections that are WebSockets.
    """

    url: str | None
    url_for_others: str | None
    open: bool
    websockets: int
