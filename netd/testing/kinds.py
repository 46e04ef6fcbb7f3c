"""Services of a kind as tests make them, and the rules that every kind of service must keep."""

from __future__ import annotations

import json
import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from netd.change import Change
from netd.codec.jsontext import encode
from netd.codec.jsontypes import result_schema
from netd.config import SectionConfig, parse
from netd.interfaces import IDrainable, INetdService, IPublisher, IReloadable, IServiceKind, IStateful
from netd.state.state import LAZILY
from netd.testing.connections import FakeRemote
from netd.testing.recording import RecordingBus, WallClock
from netd.testing.state import MemoryDisk, MemoryState

__all__ = ["ServiceKindTests", "configured", "prepared", "reload", "result_of", "wired"]

OPERATION_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
"""A noun and a verb, of which command lines and forms can be made."""

OWN_NOUNS = ("board", "bus", "system")
"""The nouns of the daemon's own operations."""

LONG = 3600.0
"""Seconds after which a service that still wanted to dial would have done so."""


def configured(kind: IServiceKind, *lines: str) -> Any:
    """The ``Config`` of a section of *kind* with these lines, read as the daemon reads it.

    :raises netd.errors.ConfigErrors: with all mistakes in the lines.
    """
    text = "\n".join([f"[{kind.kind}]", *lines])
    [section] = parse(text, "test.ini", {kind.kind: kind.config}, {}, 0, "test").sections
    return section.config


def wired(
    kind: IServiceKind, config: SectionConfig | None = None, disk: MemoryDisk | None = None
) -> tuple[Any, Any, MemoryReactorClock, RecordingBus]:
    """Start a service of *kind* on a reactor that has no network.

    :param config: its section; the defaults without one.
    :param disk: the disk of its state, if that is to be kept. It is written when the reactor's clock advances.
    :returns: the service; the factory that it listens with, or None; the reactor, which is the clock too; and the bus, whose
        ``wall`` is a :class:`WallClock`.
    """
    reactor = MemoryReactorClock()
    bus = RecordingBus(WallClock(reactor))
    service: Any = kind.make_service(kind.config() if config is None else config, reactor, bus)
    service.privilegedStartService()
    if disk is not None:
        MemoryState(reactor, bus.wall, disk).join(f"{kind.kind}.{service.instance}", service)
    service.startService()
    servers = [*reactor.tcpServers, *reactor.unixServers, *reactor.sslServers]
    return service, servers[0][1] if servers else None, reactor, bus


def prepared(service: Any, config: SectionConfig) -> Change:
    """What *service* would do to go by *config*, with its objections: ``mistakes``."""
    change = Change()
    service.prepare(config, change)
    return change


def reload(service: Any, config: SectionConfig) -> Change:
    """Reload *service* with *config*, as the daemon does.

    :raises AssertionError: when the service refuses.
    """
    change = prepared(service, config)
    assert not change.mistakes, change.mistakes
    change.apply()
    change.finish()
    return change


def result_of(deferred: Deferred[Any]) -> Any:
    """The result of *deferred*.

    :raises AssertionError: when there is none yet. If *deferred* has failed, its exception is raised.
    """
    results: list[Any] = []
    failures: list[Any] = []
    deferred.addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    assert results, f"{deferred!r} has no result yet"
    return results[0]


class ServiceKindTests:
    """Tests of the rules that every kind must keep. Mix into a ``SynchronousTestCase`` and set :attr:`kind`.

    :cvar kind: the kind under test.
    :cvar options: lines of its section; needed if options are required.
    """

    kind: IServiceKind
    options: tuple[str, ...] = ()

    def test_provides_the_interfaces(self) -> None:
        """The daemon can use the kind and its services."""
        verifyObject(IServiceKind, self.kind)
        verifyObject(INetdService, self._make()[0])

    def test_building_touches_nothing(self) -> None:
        """Building a service neither listens, dials nor starts a clock: a configuration can be checked without side effects."""
        _service, reactor = self._make()
        assert not (reactor.tcpServers or reactor.unixServers or reactor.connectors or reactor.getDelayedCalls())

    def test_operations_carry_the_kind(self) -> None:
        """Operations are called ``noun.verb``, and say what they do and whose they are: consoles go by all three."""
        for operation in self._make()[0].operations():
            assert OPERATION_NAME.fullmatch(operation.name), f"{operation.name}: call it {self.kind.kind}.verb"
            assert operation.name.partition(".")[0] not in OWN_NOUNS, f"{operation.name}: the noun is the daemon's own"
            assert operation.kind == self.kind.kind, f"{operation.name}: say kind={self.kind.kind!r}, or use that as its noun"
            assert operation.summary, operation.name

    def test_events_carry_the_kind(self) -> None:
        """Events that a service declares are published under its own subjects, and have a schema by which consoles show them."""
        service = self._make()[0]
        own = f"{self.kind.kind}.{service.instance}."
        if IPublisher.providedBy(service):
            verifyObject(IPublisher, service)
            for event in service.events():
                assert event.subject.startswith(own), f"{event.subject}: call it {own}…"
                result_schema(event.event)  # raises for a class that JSON cannot express

    def test_begins_with_any_state(self) -> None:
        """A service that keeps something starts with an empty state, and again with what it has left there."""
        disk = MemoryDisk()
        for _ in range(2 if IStateful.providedBy(self._make()[0]) else 0):
            service, _factory, reactor, _bus = wired(self.kind, self._config(), disk)
            verifyObject(IStateful, service)
            service.stopService()
            reactor.advance(LAZILY)

    def test_stops_without_a_trace(self) -> None:
        """After a start and a stop no timer, no listener and no call is left."""
        service, factory, reactor, _bus = wired(self.kind, self._config())
        assert factory is None or IProtocolFactory.providedBy(factory)
        json.loads(encode(service.status()))
        result_of(service.stopService())
        reactor.advance(0)
        assert reactor.getDelayedCalls() == [], reactor.getDelayedCalls()
        assert not FakeRemote(reactor).is_called, FakeRemote(reactor).calls

    def test_goes_by_another_configuration(self) -> None:
        """A service that takes part in reloads can go by the configuration that it has, which changes nothing."""
        service, _factory, reactor, _bus = wired(self.kind, self._config())
        if IReloadable.providedBy(service):
            verifyObject(IReloadable, service)
            listeners = len(reactor.tcpServers)
            prepared(service, self._config()).discard()
            notes = reload(service, self._config()).notes
            assert (notes, len(reactor.tcpServers)) == ([], listeners), notes
        service.stopService()

    def test_leaves_its_remote(self) -> None:
        """A service that dials ends its connection when it stops, and dials no more."""
        service, _factory, reactor, _bus = wired(self.kind, self._config())
        remote = FakeRemote(reactor)
        if remote.calls:
            connection = remote.accept()
            stopped = service.stopService()
            reactor.advance(self._config().stop_timeout)
            assert connection.is_closing, "the connection stays open"
            connection.lose()
            result_of(stopped)
            reactor.advance(LONG)
            assert not remote.is_called, remote.calls
            assert reactor.getDelayedCalls() == [], reactor.getDelayedCalls()

    def test_pauses_and_resumes(self) -> None:
        """A service that takes part in drains dials nothing while it is paused, not even if it is started then."""
        self._pause_before_the_start()
        service, _factory, reactor, _bus = wired(self.kind, self._config())
        if IDrainable.providedBy(service):
            verifyObject(IDrainable, service)
            service.pause()
            result_of(service.finish())
            reactor.advance(LONG)
            assert not FakeRemote(reactor).is_called, FakeRemote(reactor).calls
            service.resume()
        service.stopService()

    def _pause_before_the_start(self) -> None:
        service, reactor = self._make()
        if not IDrainable.providedBy(service):
            return
        service.pause()
        started: Any = service
        started.privilegedStartService()
        started.startService()
        assert not FakeRemote(reactor).is_called, FakeRemote(reactor).calls
        service.resume()
        started.stopService()

    def _config(self) -> Any:
        return configured(self.kind, *self.options)

    def _make(self) -> tuple[Any, MemoryReactorClock]:
        reactor = MemoryReactorClock()
        return self.kind.make_service(self._config(), reactor, RecordingBus()), reactor
