"""A recorder whose threads are the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from netd.interfaces import IBus, IServiceKind
from netd.message import Message
from netd.operations import Caller
from netd.recorder.config import Config
from netd.recorder.reader import PastReader
from netd.recorder.service import RecorderService, settings_of
from netd.recorder.store import Store
from netd.testing import RecordingBus, WallClock, configured, make_caller, result_of
from tests.recorder.place import MORNING, SameThread

SUBJECT = "session.main.greenhouse.temp"


@implementer(IServiceKind)
class RecorderKind:
    """Makes recorders that write and read in the thread of the test.

    :ivar threads: the thread of the newest writer, *asking* that of the newest reader.
    """

    kind = "recorder"
    config = Config

    def __init__(self) -> None:
        self.threads = SameThread()
        self.asking = SameThread()

    def make_service(self, config: Config, reactor: Any, bus: IBus) -> RecorderService:
        """See :class:`netd.interfaces.IServiceKind`."""
        self.threads, self.asking = SameThread(), SameThread()
        reactor.callFromThread = lambda function, *arguments: function(*arguments)
        reader: Any = PastReader(reactor, config.place, self.asking)  # type: ignore[arg-type]
        store = Store(config.place, settings_of(config), reactor, bus.wall, reader.release, self.threads)
        return RecorderService(config, store, reader, reactor, bus)


class RecorderTestCase(SynchronousTestCase):
    """The fixture of tests with a whole recorder on real files."""

    options: tuple[str, ...] = ()
    begun = MORNING + 43_200

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.kind = RecorderKind()
        self.start()

    def start(self, *options: str) -> None:
        """Start a recorder with these options."""
        config = configured(self.kind, f"folder = {self.folder}", *self.options, *options)
        self.reactor = MemoryReactorClock()
        wall = WallClock(self.reactor)
        wall.offset = self.begun
        self.bus = RecordingBus(wall)
        self.service = self.kind.make_service(config, self.reactor, self.bus)
        self.service.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Stop it; no timer and no subscription is left."""
        if self.service.running:
            result_of(self.service.stopService())
            self.reactor.advance(0)
            self.assertEqual(self.reactor.getDelayedCalls(), [])
            self.assertFalse(self.bus.wants("session.main.a.b"))

    def restart(self, *options: str, after: float = 0.0) -> None:
        """Stop it, and start another on the same files, *after* so many seconds."""
        self.begun = self.bus.wall() + after
        self.stop()
        self.start(*options)

    def publish(self, event: object, subject: str = SUBJECT, **members: Any) -> None:
        """Publish an event."""
        self.bus.publish(Message(subject, event, **members))

    def call(self, verb: str, *arguments: Any, caller: Caller | None = None, **named: Any) -> Any:
        """The result of an operation ``history.…``.

        :raises Exception: the one with which it failed.
        """
        [operation] = [one for one in self.service.operations() if one.name == f"history.{verb}"]
        if operation.caller is not None:
            named["caller"] = (caller or make_caller()).calling(operation.action)
            return self.outcome(operation.function(**dict(zip(operation_arguments(operation), arguments, strict=False)), **named))
        return self.outcome(operation.function(*arguments, **named))

    def outcome(self, answer: Any) -> Any:
        """The result of a Deferred that has one."""
        return result_of(answer) if isinstance(answer, Deferred) else answer


def operation_arguments(operation: Any) -> list[str]:
    """The names of the arguments of *operation*."""
    return [argument.name for argument in operation.arguments]
