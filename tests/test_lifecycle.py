"""Tests of ``netd.lifecycle``: what draining, its deadline and resuming ask of the services, and what is told of them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from netd.codec.jsontext import to_plain
from netd.errors import InvalidArguments, NetdError, OperationFailed
from netd.interfaces import IConsole, IDrainable
from netd.lifecycle import STATE, Lifecycle, ServingState, state_on
from netd.operations import OperationTable
from netd.testing import RecordingBus, WallClock, result_of


@implementer(IDrainable)
class Relay:
    """A service that writes down what it is asked for.

    :ivar done: all of that.
    :ivar error: why it cannot accept again.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.finished: Deferred[None] = Deferred()
        self.error: NetdError | None = None

    def status(self) -> dict[str, Any]:
        return {"connections": 3}

    def pause(self) -> None:
        self.done.append("pause")

    def finish(self) -> Deferred[None]:
        self.done.append("finish")
        self.finished = Deferred()
        return self.finished

    def resume(self) -> None:
        self.done.append("resume")
        if self.error is not None:
            raise self.error


@implementer(IConsole)
class Console(Relay):
    """A console: it could be drained, and is not."""

    def use_operations(self, table: OperationTable) -> None:
        """It has no use for them here."""


class Broken(Relay):
    """A service that fails when it is to end."""

    def finish(self) -> Deferred[None]:
        raise ValueError("as asked")


class Timer:
    """A service that takes no part: it accepts nobody."""

    def status(self) -> dict[str, Any]:
        return {}


class LifecycleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = RecordingBus(WallClock(self.clock))
        self.now = self.bus.wall()
        self.relay, self.console = Relay(), Console()
        self.services: list[Any] = [self.relay, self.console, Timer()]
        self.lifecycle = Lifecycle(lambda: self.services, self.bus, self.clock)
        self.lifecycle.start()

    def tearDown(self) -> None:
        self.lifecycle.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def state(self) -> dict[str, Any]:
        """What is told of it."""
        return to_plain(self.lifecycle.describe())

    def told(self) -> list[Any]:
        """What was published, as plain values."""
        return [to_plain(event) for event in self.bus.events(STATE)]

    def test_serving(self) -> None:
        """A daemon that has started serves, and whoever comes later finds that on the bus."""
        self.assertEqual({"state": "serving", "draining": None}, self.state())
        self.assertEqual([{"state": "serving", "since": self.now, "until": None}], self.told())
        found = state_on(self.bus)
        assert found is not None
        self.assertIs(ServingState.SERVING, found.state)

    def test_no_daemon(self) -> None:
        """A service on its own finds nothing."""
        self.assertIsNone(state_on(RecordingBus()))

    def test_drain(self) -> None:
        """Without a deadline, what is open goes on for good; consoles, and services that accept nobody, are left alone."""
        self.lifecycle.drain()
        self.clock.advance(1e6)
        told = {"state": "draining", "draining": {"since": self.now, "left": None, "connections": 3}}
        self.assertEqual((told, ["pause"], []), (self.state(), self.relay.done, self.console.done))
        self.assertEqual({"state": "draining", "since": self.now, "until": None}, self.told()[-1])

    def test_deadline(self) -> None:
        """With one, the time that is left is told, and then what is open is ended; the daemon stays drained."""
        told = to_plain(self.lifecycle.drain(30.0))
        self.assertEqual({"since": self.now, "left": 30.0, "connections": 3}, told["draining"])
        self.assertEqual({"state": "draining", "since": self.now, "until": self.now + 30}, self.told()[-1])
        self.clock.advance(29)
        self.assertEqual((1.0, ["pause"]), (self.state()["draining"]["left"], self.relay.done))
        self.clock.advance(1)
        self.assertEqual((0.0, ["pause", "finish"]), (self.state()["draining"]["left"], self.relay.done))
        self.clock.advance(1e6)
        self.assertEqual("draining", self.state()["state"])

    def test_another_deadline(self) -> None:
        """A second drain sets another deadline, earlier or later, or takes it away; nothing is paused twice."""
        self.lifecycle.drain(30.0)
        self.clock.advance(20)
        self.lifecycle.drain(60.0)
        self.assertEqual({"state": "draining", "since": self.now, "until": self.now + 80}, self.told()[-1])
        self.clock.advance(59)
        self.assertEqual(["pause"], self.relay.done)
        self.lifecycle.drain()
        self.clock.advance(1e6)
        self.lifecycle.drain(0.0)
        self.clock.advance(0)
        self.assertEqual(["pause", "finish"], self.relay.done)
        self.lifecycle.drain(5.0)  # there is nothing left to be ended
        self.assertEqual(0.0, self.state()["draining"]["left"])
        self.clock.advance(5)
        self.assertEqual(["pause", "finish"], self.relay.done)

    def test_bad_deadline(self) -> None:
        """A deadline in the past, or after all calendars, is none, and nothing has changed."""
        for within in (-1.0, float("nan"), 1e12):
            self.assertRaises(InvalidArguments, self.lifecycle.drain, within)
        self.assertEqual("serving", self.state()["state"])

    def test_resume(self) -> None:
        """Taken back before the deadline, nothing was ended."""
        self.lifecycle.drain(30.0)
        self.clock.advance(10)
        self.assertEqual({"state": "serving", "draining": None}, to_plain(result_of(self.lifecycle.resume())))
        self.clock.advance(1e6)
        self.assertEqual(["pause", "resume"], self.relay.done)
        self.assertEqual({"state": "serving", "since": self.now + 10, "until": None}, self.told()[-1])

    def test_resume_what_serves(self) -> None:
        """Resuming a daemon that serves changes nothing."""
        result_of(self.lifecycle.resume())
        self.assertEqual(1, len(self.told()))

    def test_resume_after_the_deadline(self) -> None:
        """Resuming waits until what is being ended has ended, so that what comes anew is not ended with it."""
        self.lifecycle.drain(1.0)
        self.clock.advance(1)
        resumed, again = self.lifecycle.resume(), self.lifecycle.resume()
        self.assertEqual(["pause", "finish"], self.relay.done)
        resumed.cancel()
        self.failureResultOf(resumed)  # who asked has gone; it is the other's turn
        self.relay.finished.callback(None)
        self.assertEqual("serving", self.successResultOf(again).state.value)
        self.assertEqual(["pause", "finish", "resume"], self.relay.done)
        self.lifecycle.drain(1.0)
        self.clock.advance(1)
        self.relay.finished.callback(None)
        self.assertEqual("serving", result_of(self.lifecycle.resume()).state.value)

    def test_drain_after_resume(self) -> None:
        """The last order counts: a daemon that is drained while it waits to resume stays drained, and who resumed is told."""
        self.lifecycle.drain(0.0)
        self.clock.advance(0)
        resumed = self.lifecycle.resume()
        self.lifecycle.drain()
        self.assertIn("drained again", str(self.failureResultOf(resumed, OperationFailed).value))
        self.relay.finished.callback(None)
        self.assertEqual(("draining", ["pause", "finish"]), (self.state()["state"], self.relay.done))
        self.assertEqual("serving", result_of(self.lifecycle.resume()).state.value)

    def test_service_that_fails(self) -> None:
        """A service that fails at its end keeps nobody from resuming."""
        self.services.append(Broken())
        self.lifecycle.drain(1.0)
        self.clock.advance(1)
        self.relay.finished.callback(None)
        self.assertEqual("serving", result_of(self.lifecycle.resume()).state.value)
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    def test_endpoint_that_is_taken(self) -> None:
        """Where an endpoint is not to be had, whoever resumes reads why; all else serves, and another resume tries the rest."""
        self.lifecycle.drain()
        self.relay.error = NetdError("[relay] cannot listen on tcp:5050: taken")
        other = Relay()
        self.services.append(other)
        why = str(self.failureResultOf(self.lifecycle.resume(), OperationFailed).value)
        self.assertEqual(
            why,
            "[relay] cannot listen on tcp:5050: taken\nEverything else accepts connections again; another resume tries the rest.",
        )
        self.assertEqual(("serving", ["resume"]), (self.state()["state"], other.done))
        self.relay.error = None
        self.assertEqual("serving", result_of(self.lifecycle.resume()).state.value)

    def test_newcomers(self) -> None:
        """A service that a reload adds accepts nobody while the daemon drains; a console does."""
        new, console = Relay(), Console()
        self.lifecycle.admit(new)  # type: ignore[arg-type]  # as much of a service as is needed here
        self.lifecycle.drain()
        for service in (new, console, Timer()):
            self.lifecycle.admit(service)  # type: ignore[arg-type]
        self.assertEqual((["pause"], []), (new.done, console.done))

    def test_stop(self) -> None:
        """A daemon that stops ends everything by itself: no deadline is left, and nothing can be taken back."""
        self.lifecycle.drain(30.0)
        self.lifecycle.stop()
        self.clock.advance(30)
        self.assertEqual((["pause"], {"state": "stopping", "draining": None}), (self.relay.done, self.state()))
        self.assertRaises(OperationFailed, self.lifecycle.drain)
        self.assertRaises(OperationFailed, self.lifecycle.resume)

    def test_stop_while_it_ends(self) -> None:
        """Who waits to resume meanwhile is told."""
        self.lifecycle.drain(0.0)
        self.clock.advance(0)
        resumed = self.lifecycle.resume()
        self.lifecycle.stop()
        self.relay.finished.callback(None)
        self.assertEqual("netd is stopping", str(self.failureResultOf(resumed, OperationFailed).value))
