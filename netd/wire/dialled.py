"""The remotes of a wire: one connection to each, kept up; a serial port is one like any other."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred

from netd.config import section_name
from netd.connection.peer import PeerContext
from netd.connection.remotes import Remote
from netd.dialing import DialingService
from netd.wire.config import EACH, STAY, Config
from netd.wire.errands import WireErrands
from netd.wire.protocol import DialledWireFactory
from netd.wire.remotes import is_serial, serial_line
from netd.wire.section import WireSection
from netd.wire.serial import SerialEndpoint

__all__ = ["ErrandRemote", "WireRemote", "wire_remote"]


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
    """Keeps the connection to one remote up.

    :cvar dial: the word for that in the configuration.
    """

    dial: ClassVar[str] = STAY

    def __init__(self, rules: _RemoteRules, factory: DialledWireFactory, reactor: Any) -> None:
        self._plain_reactor = reactor
        super().__init__(rules, factory, reactor)
        self.factory = factory

    def _endpoint(self, config: Any) -> Any:
        if is_serial(config.remote):
            return SerialEndpoint(serial_line(config.remote), self._plain_reactor)
        return Remote(config.remote, self._reactor, config.dial_timeout)


class ErrandRemote(WireRemote):
    """Makes a connection to one remote for each errand."""

    dial = EACH

    def __init__(self, rules: _RemoteRules, factory: DialledWireFactory, reactor: Any) -> None:
        super().__init__(rules, factory, reactor)
        self.errands = factory.errands = WireErrands(factory.section, factory.remote, self)

    def startService(self) -> None:
        """Begin with what is to be asked, and dial for that alone."""
        Service.startService(self)
        if self._is_eager:
            self._hot.start()
        self.errands.start()

    def stopService(self) -> Deferred[None]:
        """Begin no errand any more."""
        self.errands.stop("netd ends")
        return super().stopService()

    def resume(self) -> None:
        """See :class:`netd.interfaces.IDrainable`."""
        self._is_paused = False
        self.errands.go_on()

    # What the errands want

    def begin(self) -> None:
        """Dial."""
        if not self._is_paused:
            self._dialer.start()

    def rest(self) -> None:
        """Dial no more; a connection that is there goes on."""
        self._dialer.pause()

    @property
    def last_failure(self) -> str:
        """Why the last attempt failed."""
        return self._dialer.status().last_failure or f"no answer within {self._rules.dial_timeout:g} s"


def wire_remote(section: WireSection, context: PeerContext, remote: str, reactor: Any) -> WireRemote:
    """Make the service of one remote."""
    factory = DialledWireFactory(section_name("wire", section.config.instance), context, section, remote)
    made = ErrandRemote if section.config.dial == EACH else WireRemote
    return made(rules_for(section.config, remote), factory, reactor)
