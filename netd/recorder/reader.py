"""Answers questions about the past in a thread of its own, one after the other, so that none of them holds up the daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred, fail

from netd.errors import Gone, NotInTime, OperationFailed
from netd.recorder.archive import Archive
from netd.threads import Task, Threads

__all__ = ["MOST_QUESTIONS", "PastReader"]

MOST_QUESTIONS = 32
"""Questions that may wait for another."""

DEADLINE = 30.0
"""Seconds in which a question is answered, or given up."""

T = TypeVar("T")


class _Question:
    """One question. *is_over* is set in the reactor's thread, and looked at in the reader's."""

    __slots__ = ("asked", "is_over", "task")

    def __init__(self) -> None:
        self.is_over = False
        self.task: Task | None = None
        self.asked: Deferred[Any] = Deferred(self.give_up)

    def give_up(self, _deferred: object = None) -> None:
        """Have the thread stop working on it, or not begin."""
        self.is_over = True
        if self.task is not None and not self.task.is_begun:
            self.task.is_wanted = False


class PastReader:
    """The reader of one recorder.

    :param reactor: provides ``IReactorTime`` and ``IReactorFromThreads``.
    :param directory: that of the parts and the catalog.
    :param threads: one thread, with place for :data:`MOST_QUESTIONS`.
    """

    def __init__(self, reactor: Any, directory: Path, threads: Threads) -> None:
        self._reactor = reactor
        self._threads = threads
        self._archive = Archive(directory, self._is_over)
        self._questions: set[_Question] = set()
        self._current: _Question | None = None
        self._is_settling = False
        self._is_stopped = False

    @property
    def unreadable(self) -> dict[str, str]:
        """For each part that could not be read, the reason."""
        return dict(self._archive.unreadable)

    def take_damaged(self) -> list[tuple[str, str]]:
        """Return the parts that turned out to be damaged since the last call, each with the reason."""
        damaged = self._archive.damaged
        return [damaged.popitem() for _ in range(len(damaged))]

    def ask(self, answer: Callable[[Archive], T]) -> Deferred[T]:
        """Call *answer* in the thread, and return a Deferred of what it returns. Cancelling the Deferred gives the question up.

        The Deferred fails with :class:`netd.errors.OperationFailed` if too many questions wait.
        """
        if self._is_stopped:
            return fail(Gone("netd stops"))
        question = _Question()
        question.task = self._threads.run(lambda: self._answer(question, answer), lambda outcome: self._told(question, outcome))
        if question.task is None:
            return fail(OperationFailed(f"{MOST_QUESTIONS} questions about the past wait already; ask again in a moment"))
        self._questions.add(question)
        deadline = self._reactor.callLater(DEADLINE, self._too_late, question)

        def ended(result: Any) -> Any:
            self._questions.discard(question)
            if deadline.active():
                deadline.cancel()
            return result

        return cast("Deferred[T]", question.asked.addBoth(ended))

    def release(self, path: Path) -> None:
        """Close the connection to a part as soon as no question needs it. May be called in any thread."""
        self._archive.unwanted.add(path.name)
        self._reactor.callFromThread(self._settle)

    def stop(self) -> Deferred[None]:
        """Give up all questions, and close all files."""
        self._is_stopped = True
        for question in list(self._questions):
            question.give_up()
            if not question.asked.called:
                question.asked.errback(Gone("netd stops"))
        stopped: Deferred[None] = Deferred()

        def closed(_outcome: object) -> None:
            self._threads.stop()
            stopped.callback(None)

        self._threads.run(self._archive.close, closed)
        return stopped

    def _settle(self) -> None:
        """Have the parts let go that somebody needs alone: hundreds can go at once, and take one place in the queue together."""
        if self._archive.unwanted and not (self._is_settling or self._is_stopped):
            self._is_settling = self._threads.run(self._archive.settle, self._settled) is not None

    def _settled(self, _outcome: object) -> None:
        self._is_settling = False
        self._settle()

    def _answer(self, question: _Question, answer: Callable[[Archive], T]) -> T:
        """Work on a question, in the thread."""
        self._current = question
        try:
            self._archive.check()
            return answer(self._archive)
        finally:
            self._current = None

    def _is_over(self) -> bool:
        return self._current is not None and self._current.is_over

    def _told(self, question: _Question, outcome: Any) -> None:
        if not question.asked.called:  # otherwise it was given up
            question.asked.callback(outcome)

    def _too_late(self, question: _Question) -> None:
        question.give_up()
        if not question.asked.called:
            question.asked.errback(NotInTime(f"the question took longer than {DEADLINE:g} s; ask for less, or for fewer points"))
