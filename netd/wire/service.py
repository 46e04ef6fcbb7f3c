"""The service of one ``[wire:NAME]``: its endpoints, remotes and ports for datagrams, and its operations."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from zope.interface import implementer

from netd.change import Change
from netd.codec.samples import SampleTaken
from netd.config import section_name
from netd.connection.budget import Budget, Quota
from netd.console.dispatch import Dispatcher
from netd.interfaces import IActing, IBus, IConsole, INetdService, IPublisher
from netd.listening import ListeningService, make_context
from netd.message import EventKind
from netd.operations import Operation, OperationTable
from netd.principal import Action
from netd.reaction.caller import caller_of
from netd.wire.calls import WireCalls
from netd.wire.channels import SHOWN_EVERY
from netd.wire.config import Config
from netd.wire.console import WireConsole
from netd.wire.dialled import WireRemote, rules_for, wire_remote
from netd.wire.events import WirePresence, WireSaid
from netd.wire.hub import WireHub
from netd.wire.ports import DatagramPorts
from netd.wire.protocol import WireFactory
from netd.wire.results import WireServiceStatus
from netd.wire.rights import CONNECT
from netd.wire.section import WireSection

__all__ = ["WireService", "make_service"]

LOGGED_EVERY = 3600.0
"""Seconds between two lines of the log about what a wire calls: it calls the same for years."""


def make_service(config: Config, reactor: Any, bus: IBus) -> WireService:
    """Build the service of one ``[wire]`` section."""
    name = section_name("wire", config.instance)
    calls = WireCalls(Dispatcher(OperationTable(), reactor.seconds, bus, LOGGED_EVERY), caller_of(name))
    section = WireSection(name, config, reactor, calls)
    factory = WireFactory(name, make_context(reactor, config.stall_timeout, config.dead_timeout), section)
    return WireService(config, factory, section, reactor, bus)


def _same(deferred: Deferred[Any]) -> Deferred[Any]:
    return deferred


@implementer(IActing, IConsole, INetdService, IPublisher)
class WireService(ListeningService):
    """One wire."""

    def __init__(self, config: Config, factory: WireFactory, section: WireSection, reactor: Any, bus: IBus) -> None:
        super().__init__(config, factory, reactor)
        self._config = config
        self._wires = factory
        self._section = section
        self._bus = bus
        self._settling: Any = None
        self._budget: Budget | None = None
        self._quota: Quota | None = None
        section.hub = WireHub(bus, config, section, self._settle_later)
        self._remotes: dict[str, WireRemote] = {one: self._remote(one) for one in config.connect or ()}
        self._ports = DatagramPorts(section, factory, reactor, self.remedy)
        self.console = WireConsole(section)

    # What the daemon hands over

    def use_operations(self, table: OperationTable) -> None:
        """See :class:`netd.interfaces.IConsole`. A wire calls what people call, and no way leads past the checks of that."""
        calls = self._section.calls
        self._section.calls = WireCalls(Dispatcher(table, self._reactor.seconds, self._bus, LOGGED_EVERY), calls.caller)

    def use_budget(self, budget: Budget, quota: Quota) -> None:
        """Let its connections count; see :class:`netd.interfaces.IBudgeted`."""
        super().use_budget(budget, quota)
        self._budget, self._quota = budget, quota
        for remote in self._remotes.values():
            remote.use_budget(budget, quota)

    def log_everything(self, wanted: bool) -> None:
        """See :class:`netd.interfaces.ILogged`."""
        super().log_everything(wanted)
        self._section.limiter.is_lifted = wanted
        for remote in self._remotes.values():
            remote.log_everything(wanted)

    def turn_shares(self) -> list[Any]:
        """See :class:`netd.interfaces.IPaced`."""
        return [*super().turn_shares(), *(remote.factory.turns.share for remote in self._remotes.values())]

    # Its life

    def privilegedStartService(self) -> None:
        """Listen, on ports for datagrams as well.

        :raises CannotListen: for the first endpoint on which that is not possible.
        """
        super().privilegedStartService()
        self._ports.open(self._config.datagrams)

    def startService(self) -> None:
        """Listen, unless that was done before, and dial."""
        super().startService()
        self._ports.open(self._config.datagrams)
        for remote in self._remotes.values():
            remote.startService()

    def stopService(self) -> Deferred[None]:
        """End everything politely."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        stopped = [super().stopService(), *(remote.stopService() for remote in self._remotes.values()), *self._ports.close()]
        return DeferredList([maybeDeferred(_same, one) for one in stopped]).addCallback(lambda _: None)

    def drain(self) -> Deferred[Any]:
        """Accept and dial no more, for good."""
        return DeferredList([super().drain(), *(remote.drain() for remote in self._remotes.values())])

    def pause(self) -> None:
        """See :class:`netd.interfaces.IDrainable`."""
        super().pause()
        for remote in self._remotes.values():
            remote.pause()

    def resume(self) -> None:
        """See :class:`netd.interfaces.IDrainable`."""
        super().resume()
        for remote in self._remotes.values():
            remote.resume()

    def finish(self) -> Deferred[None]:
        """End what is open politely, and wait for it."""
        ended = [super().finish(), *(remote.finish() for remote in self._remotes.values())]
        self._ports.end()
        return DeferredList(ended).addCallback(lambda _: None)

    # Other options

    def endpoints_of(self, config: Config) -> tuple[str, ...]:
        """Return the endpoints at which programs connect."""
        return config.streams

    def prepare(self, config: Config, change: Change) -> None:
        """Get ready for *config*: open what is new."""
        super().prepare(config, change)
        if self.running:
            self._ports.prepare(config.datagrams, change)

    def follow(self, config: Config) -> None:
        """Go by *config* from now on."""
        super().follow(config)
        self._config = config
        self._ports.follow(config.datagrams)
        self._section.follow(config)
        self._follow_remotes(config)

    def _follow_remotes(self, config: Config) -> None:
        wanted = config.connect or ()
        for one in [one for one, remote in self._remotes.items() if one not in wanted or remote.dial != config.dial]:
            self._remotes.pop(one).stopService()
        for one in wanted:
            if one in self._remotes and self._remotes[one].dial == config.dial:
                self._remotes[one].follow(rules_for(config, one))
            else:
                remote = self._remotes[one] = self._remote(one)
                if self._budget is not None and self._quota is not None:
                    remote.use_budget(self._budget, self._quota)
                if self.running:
                    remote.startService()

    def _reconsider(self, rules: Any) -> None:
        super()._reconsider(rules)
        self._ports.consider()

    def _remote(self, description: str) -> WireRemote:
        return wire_remote(self._section, self._factory.context, description, self._reactor)

    def _settle_later(self) -> None:
        if self._settling is None:
            self._settling = self._reactor.callLater(SHOWN_EVERY, self._settle)

    def _settle(self) -> None:
        self._settling = None
        self._section.hub.publisher.settle()

    # For people and programs

    def operations(self) -> list[Operation]:
        """Return the operations of a wire."""
        return self.console.operations()

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`."""
        return [CONNECT]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        prefix = f"wire.{self.instance}"
        return [
            EventKind(f"{prefix}.sample.*.*", SampleTaken),
            EventKind(f"{prefix}.said.*", WireSaid),
            EventKind(f"{prefix}.presence.*", WirePresence),
        ]

    def status(self) -> WireServiceStatus:
        """Facts about this wire."""
        section, hub = self._section, self._section.hub
        remotes = list(self._remotes.values())
        connections = [len(remote.factory.connections) for remote in remotes]
        counters = self._factory.counters()
        for factory in (remote.factory for remote in remotes):
            for name in ("bytes_in", "bytes_out"):
                counters[name] += factory.counters()[name]
        counters["bytes_in"] += section.bytes_in
        counters["bytes_out"] += section.bytes_out
        return WireServiceStatus(
            kind="wire",
            instance=self.instance,
            listening=[*self.listening(), *self._ports.listening()],
            dialling=[one for remote in remotes for one in remote.dialling()],
            connections=len(self._factory.connections) + sum(connections) + self._ports.addresses,
            counters={**counters, "notes": dict(section.counts + hub.counts)},
            peers=len(hub.roster.online),
            channels=hub.channels,
        )
