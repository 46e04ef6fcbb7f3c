"""A loop of asyncio without Twisted's reactor on it, for tests of the link: the test runs it until something is true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.process import PATIENCE

__all__ = ["LoopCase", "LoopReactor"]


class _Call:
    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, act: Callable[[], object]) -> None:
        self._act = act
        self._handle = loop.call_later(seconds, self._run)
        self._is_active = True

    def _run(self) -> None:
        self._is_active = False
        self._act()

    def active(self) -> bool:
        return self._is_active

    def getTime(self) -> float:  # noqa: N802 - as of Twisted's
        return self._handle.when()

    def cancel(self) -> None:
        assert self._is_active
        self._is_active = False
        self._handle.cancel()


class LoopReactor:
    """The clock of a reactor: the loop's.

    :ivar worst: the longest time in which the loop did nothing for others, while :meth:`watch` was at work.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.worst = 0.0

    def seconds(self) -> float:
        return self._loop.time()

    def callLater(self, seconds: float, act: Callable[..., object], *arguments: Any, **named: Any) -> _Call:  # noqa: N802
        return _Call(self._loop, seconds, lambda: act(*arguments, **named))

    async def watch(self) -> None:
        """Measure how late timers are, less the time in which the machine let other processes run."""
        while True:
            due, others = self._loop.time() + 0.02, _waited_for_processor()
            await asyncio.sleep(0.02)
            self.worst = max(self.worst, self._loop.time() - due - _waited_for_processor() + others)


def _waited_for_processor() -> float:
    """The seconds in which this thread could have run, but others did."""
    return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


class LoopCase:
    """To be mixed into a test case: a loop, which ends with nothing left on it."""

    addCleanup: Any  # noqa: N815 - of the test case
    assertEqual: Any  # noqa: N815

    def make_loop(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        asyncio.set_event_loop(self.loop)  # the tests call the link between runs of the loop; under a reactor it always runs
        self.reactor = LoopReactor(self.loop)
        self.addCleanup(self._close)

    def _close(self) -> None:
        self.run_for(0.01)
        left = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
        self.loop.close()
        asyncio.set_event_loop(None)
        self.assertEqual([], left)

    def run_for(self, seconds: float) -> None:
        """Run the loop for so long."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def run_until(self, what: Callable[[], object], seconds: float = PATIENCE) -> float:
        """Run the loop until *what* is true; return the seconds that it took."""

        async def wait() -> None:
            due = self.loop.time() + seconds
            while not what():
                assert self.loop.time() < due, f"it is not so within {seconds:g} s"
                await asyncio.sleep(0.005)

        began = self.loop.time()
        self.loop.run_until_complete(wait())
        return self.loop.time() - began

    def result(self, deferred: Any) -> Any:
        """Run the loop until *deferred* has fired; return its result, or the exception with which it has failed."""
        results: list[Any] = []
        deferred.addCallbacks(results.append, lambda failure: results.append(failure.value))
        self.run_until(lambda: results)
        return results[0]
