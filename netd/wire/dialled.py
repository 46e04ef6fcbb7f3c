"""The remotes of a wire: one connection to each, kept up; a serial port is one like any other."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from netd.config import section_name
from netd.connection.peer import PeerContext
from netd.connection.remotes import Remote
from netd.dialing import DialingService
from netd.wire.config import Config
from netd.wire.protocol import DialledWireFactory
from netd.wire.remotes import is_serial, serial_line
from netd.wire.section import WireSection
from netd.wire.serial import SerialEndpoint

__all__ = ["WireRemote", "wire_remote"]


@frozen
class _RemoteRules:
    """The options of one remote; see :class:`netd.dialing.DialingRules`."""

    remote: str
    dial_timeout: float
    reconnect_delay: float
    max_reconnect_delay: float
    stall_timeout: float
    stop_timeout: float
    dead_timeout: float


def rules_for(config: Config, remote: str) -> _RemoteRules:
    """Return what the connection to *remote* goes by."""
    return _RemoteRules(
        remote=remote,
        dial_timeout=config.dial_timeout,
        reconnect_delay=config.reconnect_delay,
        max_reconnect_delay=config.max_reconnect_delay,
        stall_timeout=config.stall_timeout,
        stop_timeout=config.stop_timeout,
        dead_timeout=config.dead_timeout,
    )


class WireRemote(DialingService):
    """Keeps the connection to one remote up."""

    def __init__(self, rules: _RemoteRules, factory: DialledWireFactory, reactor: Any) -> None:
        self._plain_reactor = reactor
        super().__init__(rules, factory, reactor)
        self.factory = factory

    def _endpoint(self, config: Any) -> Any:
        if is_serial(config.remote):
            return SerialEndpoint(serial_line(config.remote), self._plain_reactor)
        return Remote(config.remote, self._reactor, config.dial_timeout)


def wire_remote(section: WireSection, context: PeerContext, remote: str, reactor: Any) -> WireRemote:
    """Make the service of one remote."""
    factory = DialledWireFactory(section_name("wire", section.config.instance), context, section)
    return WireRemote(rules_for(section.config, remote), factory, reactor)
