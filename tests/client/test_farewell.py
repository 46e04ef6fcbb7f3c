"""How the clients hang up, on a clock of the test's own: nobody's last word is lost, and nobody is waited for over a second."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from netd.client.farewell_asyncio import FAREWELL, hang_up
from netd.client.feed import leave
from tests.client.test_relay_asyncio import FakeConnection, JumpingLoop


class Talker:
    """A socket whose other side says something every *pause* seconds, *times* times, and then hangs up."""

    def __init__(self, pause: float, times: int) -> None:
        self._pause = pause
        self._times = times
        self._timeout = 0.0
        self.now = 0.0
        self.calls: list[object] = []

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def settimeout(self, seconds: float) -> None:
        """Keep it."""
        assert seconds > 0
        self._timeout = seconds

    def recv(self, size: int) -> bytes:
        """The next that was said, if it comes in time."""
        self.now += min(self._pause, self._timeout)
        if self._pause > self._timeout:
            raise TimeoutError
        self._times -= 1
        return b"x" if self._times >= 0 else b""

    def shutdown(self, how: int) -> None:
        """Write it down."""
        self.calls.append(how)

    def close(self) -> None:
        """Write it down."""
        self.calls.append("close")


class LeaveTests(SynchronousTestCase):
    def leave(self, talker: Talker) -> float:
        """Seconds that it takes to leave *talker*."""
        leave(cast(socket.socket, talker), 1.0, talker.clock)
        self.assertEqual(talker.calls, [socket.SHUT_WR, socket.SHUT_RDWR, "close"])
        return talker.now

    def test_read_on(self) -> None:
        """The connection is closed when the other side has hung up, too."""
        self.assertAlmostEqual(self.leave(Talker(0.1, 3)), 0.4)

    def test_a_second(self) -> None:
        """Who talks without end, or says nothing, is left after a second."""
        self.assertAlmostEqual(self.leave(Talker(0.1, 1000)), 1.0)
        self.assertEqual(self.leave(Talker(60.0, 0)), 1.0)


class Connection(FakeConnection):
    """One whose other side does as the test says.

    :ivar told: what the streams were told.
    """

    def __init__(self, is_deaf: bool = False) -> None:
        super().__init__()
        self.is_deaf = is_deaf
        self.told: list[str] = []
        test = self

        class Streams(asyncio.Protocol):
            def pause_writing(self) -> None:
                test.told.append("pause")

            def resume_writing(self) -> None:
                test.told.append("resume")

            def connection_lost(self, error: Exception | None) -> None:
                test.told.append("lost")

        self._protocol = Streams()


class HangUpTests(SynchronousTestCase):
    def run_on_loop(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run to the end, where no other task is left."""

        async def run() -> None:
            await coroutine
            self.assertEqual(asyncio.all_tasks(), {asyncio.current_task()})

        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(run())

    def test_last_word(self) -> None:
        """The last word is said; who reads is woken; who waits to write hears of the end; and that is at once."""
        connection = Connection()

        async def run() -> None:
            streams = connection.open()
            reading = asyncio.create_task(streams[0].read(1))
            await asyncio.sleep(0)
            began = asyncio.get_running_loop().time()
            farewell = hang_up(*streams, b"goodbye")
            connection.get_protocol().pause_writing()
            connection.get_protocol().resume_writing()
            await farewell.wait()
            await farewell.wait()
            self.assertEqual(await reading, b"")
            self.assertEqual(asyncio.get_running_loop().time(), began)

        self.run_on_loop(run())
        self.assertEqual((connection.sent, connection.told), (b"goodbye", ["pause", "resume", "lost"]))

    def test_deaf(self) -> None:
        """Who does not hang up is waited for a second."""
        connection = Connection(is_deaf=True)

        async def run() -> None:
            began = asyncio.get_running_loop().time()
            await hang_up(*connection.open()).wait()
            self.assertAlmostEqual(asyncio.get_running_loop().time() - began, FAREWELL)

        self.run_on_loop(run())
        self.assertEqual(connection.told, ["lost"])

    def test_cancelled(self) -> None:
        """Who is cancelled while waiting does not wait any longer, and leaves no connection behind."""
        connection = Connection(is_deaf=True)

        async def run() -> None:
            began = asyncio.get_running_loop().time()
            waiting = asyncio.create_task(hang_up(*connection.open()).wait())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            self.assertTrue(waiting.cancelled())
            await asyncio.sleep(0)
            self.assertEqual(connection.told, ["lost"])
            self.assertEqual(asyncio.get_running_loop().time(), began)

        self.run_on_loop(run())

    def test_ended(self) -> None:
        """A connection that has ended need not be ended."""
        connection = Connection()
        connection.set_protocol(cast(asyncio.Protocol, None))
        self.run_on_loop(self.hang_up(connection))
        self.assertEqual((connection.sent, connection.closings), (b"", 0))

    def test_tls(self) -> None:
        """Where one side alone cannot be ended, the last word is said, and the other side's end waited for."""
        connection = Connection()
        connection.is_half = False
        self.run_on_loop(self.hang_up(connection))
        self.assertEqual((connection.sent, connection.closings, connection.told), (b"bye", 0, ["lost"]))

    async def hang_up(self, connection: Connection) -> None:
        """Hang up with a last word."""
        await hang_up(*connection.open(), b"bye").wait()
