"""A bounded number of threads for functions that block, with a bounded queue before them.

The queue stays in the reactor's thread. A function is handed over only when a thread is free, so that a function whose time limit
has passed meanwhile is never run. The threads are daemon threads, so a function that never returns does not keep the process from
ending.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from twisted.python.failure import Failure

__all__ = ["Task", "Threads", "start_thread"]


def start_thread(work: Callable[[], None]) -> None:
    """Run *work* in a new daemon thread."""
    threading.Thread(target=work, name="netd-worker", daemon=True).start()


class Task:
    """One function that waits for a thread, or runs in one.

    :param report: called in the reactor's thread with the value that the function returned, or a ``Failure``.
    :ivar is_wanted: when set to False, the function is not begun any more, and its result is not reported.
    :ivar is_begun: whether a thread has it.
    """

    __slots__ = ("function", "is_begun", "is_wanted", "report")

    def __init__(self, function: Callable[[], Any], report: Callable[[Any], None]) -> None:
        self.function = function
        self.report = report
        self.is_wanted = True
        self.is_begun = False


class Threads:
    """Runs functions in threads. All methods are called in the reactor's thread.

    :param reactor: provides ``IReactorFromThreads``.
    :param size: threads at most. Each is started when it is needed for the first time.
    :param most_waiting: functions that may wait for a thread.
    :param start: starts a thread.
    """

    def __init__(
        self,
        reactor: Any,
        size: int,
        most_waiting: int,
        start: Callable[[Callable[[], None]], None] = start_thread,
    ) -> None:
        self._reactor = reactor
        self._size = size
        self._most_waiting = most_waiting
        self._start = start
        self._handed: SimpleQueue[Task | None] = SimpleQueue()
        self._waiting: deque[Task] = deque()
        self._started = 0
        self._busy = 0

    @property
    def busy(self) -> int:
        """The number of threads that run a function."""
        return self._busy

    @property
    def waiting(self) -> int:
        """The number of functions that wait for a thread."""
        return sum(task.is_wanted for task in self._waiting)

    def run(self, function: Callable[[], Any], report: Callable[[Any], None]) -> Task | None:
        """Run *function* as soon as a thread is free, and report its result.

        :returns: None when too many functions wait already.
        """
        task = Task(function, report)
        if self._busy < self._size:
            self._hand_over(task)
            return task
        if len(self._waiting) >= self._most_waiting:
            self._waiting = deque(waiting for waiting in self._waiting if waiting.is_wanted)
        if len(self._waiting) >= self._most_waiting:
            return None
        self._waiting.append(task)
        return task

    def resize(self, size: int, most_waiting: int) -> None:
        """Apply other bounds. A thread that is one too many ends when its function has returned."""
        self._size, self._most_waiting = size, most_waiting
        while self._waiting and self._busy < size:
            self._hand_over_next()
        for _ in range(self._started - max(size, self._busy)):
            self._handed.put(None)
            self._started -= 1

    def stop(self) -> None:
        """Let the threads end, each when its function has returned."""
        self._waiting.clear()
        for _ in range(self._started):
            self._handed.put(None)
        self._started = 0

    def _hand_over_next(self) -> None:
        """Hand over the first waiting function that is still wanted, if there is one."""
        while self._waiting:
            following = self._waiting.popleft()
            if following.is_wanted:
                self._hand_over(following)
                break

    def _hand_over(self, task: Task) -> None:
        task.is_begun = True
        self._busy += 1
        if self._started < self._busy:
            self._started += 1
            self._start(self._work)
        self._handed.put(task)

    def _work(self) -> None:
        """Run functions until None comes. This is the loop of each thread."""
        while (task := self._handed.get()) is not None:
            try:
                outcome = task.function()
            except BaseException:
                outcome = Failure()
            self._reactor.callFromThread(self._returned, task, outcome)

    def _returned(self, task: Task, outcome: Any) -> None:
        self._busy -= 1
        if self._busy < self._size:
            self._hand_over_next()
        if self._started > max(self._size, self._busy):
            self._handed.put(None)
            self._started -= 1
        if task.is_wanted:
            task.report(outcome)
