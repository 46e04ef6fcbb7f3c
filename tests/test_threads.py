"""Tests of ``netd.threads``, with threads that run when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netd.threads import Threads


class ThreadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.started: list[Callable[[], None]] = []
        self.calls: list[tuple[Any, ...]] = []
        self.told: list[Any] = []
        self.threads = Threads(self, 2, 2, self.started.append)

    def callFromThread(self, *call: Any) -> None:  # noqa: N802 - in place of the reactor
        """The reactor is to call this."""
        self.calls.append(call)

    def deliver(self) -> None:
        """The reactor hears of what has returned."""
        while self.calls:
            function, *arguments = self.calls.pop(0)
            function(*arguments)

    def test_result(self) -> None:
        """What a function returns or raises is told in the reactor's thread."""
        self.threads.run(lambda: 1, self.told.append)
        self.threads.run(lambda: 1 // 0, self.told.append)
        self.assertEqual((len(self.started), self.threads.busy), (2, 2))
        self.threads.stop()
        self.started[0]()
        self.assertEqual(self.told, [])
        self.deliver()
        self.assertEqual(self.told[0], 1)
        self.assertIsInstance(self.told[1], Failure)
        self.told[1].trap(ZeroDivisionError)
        self.assertEqual(self.threads.busy, 0)

    def test_exit(self) -> None:
        """A function that wants to end the program ends itself."""

        def leave() -> None:
            raise SystemExit

        self.threads.run(leave, self.told.append)
        self.threads.stop()
        self.started[0]()
        self.deliver()
        self.told[0].trap(SystemExit)

    def test_bounds(self) -> None:
        """As many run as there are threads, as many wait as may, further ones are refused."""
        tasks = [self.threads.run(lambda: None, self.told.append) for _ in range(4)]
        self.assertEqual((len(self.started), self.threads.busy, self.threads.waiting), (2, 2, 2))
        self.assertNotIn(None, tasks)
        self.assertIsNone(self.threads.run(lambda: None, self.told.append))

    def test_more_threads(self) -> None:
        """With more threads, those that wait begin."""
        for _ in range(4):
            self.threads.run(lambda: None, self.told.append)
        self.threads.resize(3, 9)
        self.assertEqual((len(self.started), self.threads.busy, self.threads.waiting), (3, 3, 1))
        self.assertIsNotNone(self.threads.run(lambda: None, self.told.append))

    def test_fewer_threads(self) -> None:
        """With fewer, none begins while too many are busy, and the last thread ends when it has nothing to do."""
        for name in "ab":
            self.threads.run(lambda name=name: name, self.told.append)
        self.threads.resize(1, 9)
        self.threads.run(lambda: "c", self.told.append)
        task = self.threads._handed.get()
        assert task is not None
        self.threads._returned(task, task.function())
        self.assertEqual((self.told, self.threads.busy, self.threads.waiting), (["a"], 1, 1))
        self.started[0]()  # runs the other one, and is then told to end
        self.deliver()
        self.assertEqual((self.told, self.threads.busy, self.threads.waiting), (["a", "b"], 1, 0))

    def test_idle_threads(self) -> None:
        """Threads that do nothing end at once."""
        self.threads.run(lambda: "a", self.told.append)
        task = self.threads._handed.get()
        assert task is not None
        self.threads._returned(task, task.function())
        self.threads.resize(0, 2)
        self.started[0]()
        self.assertEqual((self.told, self.threads.busy), (["a"], 0))

    def test_unwanted(self) -> None:
        """A function that nobody waits for any more is not begun, and makes room; one that is begun is not told."""
        ran: list[str] = []
        tasks = [self.threads.run(lambda name=name: ran.append(name), self.told.append) for name in "abcd"]
        for task in tasks[1:3]:
            assert task is not None
            task.is_wanted = False
        self.assertEqual(self.threads.waiting, 1)
        self.assertIsNotNone(self.threads.run(lambda: ran.append("e"), self.told.append))
        for _ in range(3):
            self.threads._handed.put(None)
            self.started[0]()
            self.deliver()
        self.assertEqual((ran, len(self.told)), (["a", "b", "d", "e"], 3))
        self.assertEqual((self.threads.busy, self.threads.waiting), (0, 0))

    def test_a_thread_is_used_again(self) -> None:
        """No more threads are started than run at once."""
        for _ in range(3):
            self.threads.run(lambda: None, self.told.append)
            self.threads._handed.put(None)
            self.started[0]()
            self.deliver()
        self.assertEqual((len(self.started), len(self.told)), (1, 3))
