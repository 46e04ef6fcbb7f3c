"""Tests of ``netd.command.execution``: whatever a function does, there is one outcome, in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netd.command.execution import CommandOutcome, CommandStatus, Execution
from netd.errors import InvalidArguments
from netd.log import LogLimiter
from netd.testing import RecordingBus
from netd.threads import Threads
from tests.command.bench import made

CALLER = "10.0.0.7:50000"


def never() -> Deferred[None]:
    """Never return."""
    return Deferred()


class ExecutionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = RecordingBus()
        self.started: list[Callable[[], None]] = []
        self.outcomes: list[CommandOutcome] = []
        self.threads = Threads(self, 1, 1, self.started.append)
        limiter = LogLimiter(self.clock.seconds)
        self.execution = Execution(self.clock, self.threads, 4.0, self.bus, "command.main.run", limiter)  # type: ignore[arg-type]
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self._observe)
        self.addCleanup(globalLogPublisher.removeObserver, self._observe)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:  # noqa: N802 - in place of the reactor
        """The reactor calls at once: the threads of these tests are its own."""
        function(*arguments)

    def _observe(self, logged: Any) -> None:
        self.lines.append(formatEvent(logged))

    def run_(self, function: Callable[..., Any], arguments: dict[str, Any] | None = None, **options: Any) -> None:
        """Run *function* as a command."""
        outcome = self.execution.run(made(function, "x", **options), arguments or {}, self.outcomes.append, lambda: CALLER)
        if outcome is not None:
            self.outcomes.append(outcome)

    def outcome(self) -> CommandOutcome:
        """The one outcome there is."""
        self.assertEqual(len(self.outcomes), 1)
        return self.outcomes.pop()

    def error(self) -> str:
        """The one outcome's error; the log has it, too."""
        outcome = self.outcome()
        self.assertEqual(outcome.status, CommandStatus.ERROR)
        self.flushLoggedErrors()
        return outcome.error

    def test_plain(self) -> None:
        """A plain function's result is there at once."""
        self.run_(lambda a: a + 1, {"a": 1})
        self.assertEqual(self.outcome(), CommandOutcome(CommandStatus.SUCCESS, 2))

    def test_deferred(self) -> None:
        """A Deferred's result is the function's."""
        waiting: Deferred[int] = Deferred()
        self.run_(lambda: waiting)
        self.run_(lambda: succeed(1))
        self.assertEqual(self.outcome().result, 1)
        self.assertEqual(self.execution.open, 1)
        waiting.callback(2)
        self.assertEqual((self.outcome().result, self.execution.open), (2, 0))

    def test_coroutine(self) -> None:
        """A coroutine may await Deferreds."""
        waiting: Deferred[int] = Deferred()

        async def wait() -> int:
            return 1 + await waiting

        self.run_(wait)
        waiting.callback(2)
        self.assertEqual(self.outcome().result, 3)

    def test_raises(self) -> None:
        """An exception's text is the error, wherever it is raised; where it has none, its name is."""

        async def coroutine() -> None:
            raise ValueError("in a coroutine")

        class Unspeakable(Exception):
            def __str__(self) -> str:
                raise ValueError

        def leave() -> None:
            raise SystemExit

        def silent() -> None:
            raise KeyError

        def unspeakable() -> None:
            raise Unspeakable

        for function, text in (
            (lambda: {}["lamp"], "lamp"),
            (lambda: fail(ValueError("in a Deferred")), "in a Deferred"),
            (coroutine, "in a coroutine"),
            (silent, "KeyError"),
            (leave, "SystemExit"),
            (unspeakable, "Unspeakable"),
        ):
            self.run_(function)
            self.assertEqual(text.strip("'"), self.error().strip("'"))

    def test_log_is_limited(self) -> None:
        """A function that raises again and again is logged with its traceback once a minute."""
        for _ in range(5):
            self.run_(lambda: 1 // 0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.outcomes), 5)

    def test_never(self) -> None:
        """A function that never returns is an outcome when its time is up; what it still does goes nowhere."""
        cancelled: list[object] = []
        stubborn: Deferred[None] = Deferred(cancelled.append)

        async def stay() -> None:
            while True:
                try:
                    await Deferred()
                except CancelledError:
                    cancelled.append(None)

        self.run_(lambda: stubborn)
        self.run_(stay)
        self.clock.advance(4)
        self.assertEqual([outcome.status for outcome in self.outcomes], [CommandStatus.EXPIRED] * 2)
        self.assertEqual((self.outcomes[0].error, len(cancelled)), ("x did not return within 4 s (`timeout`)", 2))
        self.assertEqual(len([line for line in self.lines if "did not return within 4 s" in line]), 1)

    def test_late(self) -> None:
        """A result that comes after the time is up is dropped."""
        late: Deferred[int] = Deferred(lambda _: None)
        late.cancel = lambda: None  # type: ignore[method-assign]
        self.run_(lambda: late)
        self.clock.advance(4)
        late.callback(1)
        self.assertEqual(self.outcome().status, CommandStatus.EXPIRED)

    def test_thread(self) -> None:
        """A blocking function runs in a thread, a coroutine there with an asyncio loop of its own."""

        async def sleep() -> str:
            await asyncio.sleep(0)
            return "slept"

        self.run_(lambda: 1, blocking=True)
        self.run_(sleep, blocking=True)
        self.assertEqual(self.outcomes, [])
        self.threads._handed.put(None)
        self.started[0]()
        self.assertEqual([outcome.result for outcome in self.outcomes], [1])
        self.outcomes.clear()
        self.threads.stop()
        self.started[0]()
        self.assertEqual(self.outcome().result, "slept")

    def test_refuses(self) -> None:
        """What a function refuses is the caller's fault: it gets the reason, and the log no traceback."""

        def refuse(volts: float) -> None:
            raise InvalidArguments(f"volts: {volts} is above 5")

        self.run_(refuse, {"volts": 7})
        self.assertEqual(self.outcome(), CommandOutcome(CommandStatus.ERROR, error="volts: 7 is above 5"))
        self.assertEqual([], self.flushLoggedErrors())

    def test_thread_raises(self) -> None:
        """What a blocking function raises is an error, too."""
        self.run_(lambda: 1 // 0, blocking=True)
        self.threads.stop()
        self.started[0]()
        self.assertIn("division", self.error())

    def test_thread_that_does_not_return(self) -> None:
        """When all threads are stuck, those who wait are told that theirs was not run, and it never is."""
        ran: list[int] = []
        self.run_(lambda: ran.append(1), blocking=True)
        self.run_(lambda: ran.append(2), blocking=True)
        self.run_(lambda: ran.append(3), blocking=True)
        self.assertEqual(self.outcome().error, "too many commands wait for a thread (`max_waiting`); try again later")
        self.clock.advance(4)
        stuck, waiting = self.outcomes
        self.assertEqual(stuck.error, "x did not return within 4 s (`timeout`)")
        self.assertEqual(waiting.error, "no thread was free for x within 4 s (`timeout`): it was not run")
        for _ in range(2):
            self.threads._handed.put(None)
            self.started[0]()
        self.assertEqual((ran, len(self.outcomes)), ([1], 2))

    def test_asyncio_in_the_reactor(self) -> None:
        """A coroutine that awaits asyncio without a loop is told the remedy."""

        async def sleep() -> None:
            await asyncio.sleep(1)

        self.run_(sleep)
        self.assertIn("marked as blocking", self.error())

    def test_held_up(self) -> None:
        """A function that keeps everyone waiting is named in the log, with its place, its time and the remedy."""
        self.run_(lambda: self.clock.advance(0.04))
        self.assertEqual([line for line in self.lines if "held up" in line], [])
        for _ in range(3):
            self.run_(lambda: self.clock.advance(0.25))
        [line] = [line for line in self.lines if "held up" in line]
        self.assertIn("test_execution.py:", line)
        self.assertIn("held up everything for 0.250 s: mark it as blocking", line)

    def test_published(self) -> None:
        """Each run is on the bus: which command, how it ended, how long it took, who asked for it; no secret."""
        self.run_(lambda: 1)
        self.assertEqual(self.bus.messages, [])  # nobody would see it
        self.bus.subscribe("command.>", lambda _: None)
        waiting: Deferred[None] = Deferred()
        self.run_(lambda secret: waiting, {"secret": "s"})
        self.clock.advance(1.5)
        waiting.callback(None)
        self.run_(lambda: 1 // 0)
        self.run_(never)
        self.clock.advance(4)
        self.flushLoggedErrors()
        asked = {"command_id": "x", "from": CALLER}
        by_zero, late = "integer division or modulo by zero", "x did not return within 4 s (`timeout`)"
        self.assertEqual(
            self.bus.events("command.main.run"),
            [
                {**asked, "arguments": {"secret": "…"}, "outcome": "success", "error": "", "seconds": 1.5, "time": 0.0},
                {**asked, "arguments": {}, "outcome": "error", "error": by_zero, "seconds": 0.0, "time": 0.0},
                {**asked, "arguments": {}, "outcome": "expired", "error": late, "seconds": 4.0, "time": 0.0},
            ],
        )
        self.assertEqual(self.execution.counts, {"success": 2, "error": 1, "expired": 1})
