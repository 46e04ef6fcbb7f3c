"""How the clients hang up, on a clock of the test's own: nobody's last word is lost, and nobody is waited for over a second."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from netd.client.feed_messages import FEED, ConnectionLost
from netd.client.way import FAREWELL
from netd.client.way_asyncio import Deadline, StreamConnection
from netd.client.way_sockets import SocketConnection, Surroundings, carry_out
from tests.client.sockets import MemorySocket, waiter
from tests.client.test_relay_asyncio import FakeConnection, JumpingLoop


class Talker(MemorySocket):
    """A socket whose other side says something every *pause* seconds, *times* times, and then hangs up.

    :ivar calls: how this side hung up.
    """

    def __init__(self, pause: float, times: int) -> None:
        super().__init__()
        self._pause = pause
        self._times = times
        self.now = 0.0
        self.calls: list[object] = []

    def wait(self, seconds: float | None, is_writing: bool) -> bool:
        """Until the next is said, if that comes in time."""
        assert seconds is not None and not is_writing
        self.now += min(self._pause, seconds)
        return self._pause <= seconds

    def recv(self, size: int) -> bytes:
        """The next that was said."""
        self._times -= 1
        return b"x" if self._times >= 0 else b""

    def shutdown(self, how: int) -> None:
        """Write it down."""
        self.calls.append(how)

    def close(self) -> None:
        """Write it down."""
        self.calls.append("close")


class LeaveTests(SynchronousTestCase):
    def leave(self, talker: Talker, last_word: bytes = b"") -> float:
        """Seconds that it takes to leave *talker*."""
        surroundings = Surroundings(clock=lambda: talker.now, waiter=waiter)
        connection = SocketConnection(cast(socket.socket, talker), FEED, surroundings)
        connection.last_word = last_word
        carry_out(connection.leave())
        carry_out(connection.leave())
        self.assertEqual(talker.calls, [socket.SHUT_WR, socket.SHUT_RDWR, "close"])
        self.assertRaises(ConnectionLost, carry_out, connection.send(b"x"))
        self.assertRaises(ConnectionLost, carry_out, connection.receive())
        self.assertEqual(talker.sent, last_word)
        return talker.now

    def test_read_on(self) -> None:
        """The last word is said, and the connection closed when the other side has hung up, too."""
        self.assertAlmostEqual(self.leave(Talker(0.1, 3), b"goodbye"), 0.4)

    def test_a_second(self) -> None:
        """Who talks without end, or says nothing, is left after a second."""
        self.assertAlmostEqual(self.leave(Talker(0.1, 1000)), 1.0)
        self.assertEqual(self.leave(Talker(60.0, 0)), 1.0)

    def test_in_vain(self) -> None:
        """A plan that needs an event loop is told so, not waited for."""
        self.assertRaises(RuntimeError, carry_out, asyncio.sleep(1))


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
            leaving = StreamConnection(streams, FEED)
            leaving.last_word = b"goodbye"
            await leaving.leave()
            cast(asyncio.Protocol, connection.get_protocol()).pause_writing()
            cast(asyncio.Protocol, connection.get_protocol()).resume_writing()
            await leaving.end()
            await leaving.end()
            self.assertEqual((await reading, leaving.has_ended), (b"", True))
            self.assertEqual(asyncio.get_running_loop().time(), began)

        self.run_on_loop(run())
        self.assertEqual((connection.sent, connection.told), (b"goodbye", ["pause", "resume", "lost"]))

    def test_deaf(self) -> None:
        """Who does not hang up is waited for a second."""
        connection = Connection(is_deaf=True)

        async def run() -> None:
            began = asyncio.get_running_loop().time()
            await self.hang_up(connection, b"")
            self.assertAlmostEqual(asyncio.get_running_loop().time() - began, FAREWELL)

        self.run_on_loop(run())
        self.assertEqual(connection.told, ["lost"])

    def test_cancelled(self) -> None:
        """Who is cancelled while waiting does not wait any longer, and leaves no connection behind."""
        connection = Connection(is_deaf=True)

        async def run() -> None:
            began = asyncio.get_running_loop().time()
            waiting = asyncio.create_task(self.hang_up(connection, b""))
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

    async def hang_up(self, connection: Connection, last_word: bytes = b"bye") -> None:
        """Hang up with a last word."""
        leaving = StreamConnection(connection.open(), FEED)
        leaving.last_word = last_word
        await leaving.end()  # it was not left
        await leaving.leave()
        await leaving.leave()
        await leaving.end()


class DeadlineTests(SynchronousTestCase):
    """What Pythons before 3.11 wait by."""

    def run_on_loop(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run to the end."""
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(coroutine)

    def test_in_time(self) -> None:
        """What ends in time, or has all time, ends as it does."""

        async def run() -> None:
            for seconds in (2.0, None):
                async with Deadline(seconds):
                    await asyncio.sleep(1)

        self.run_on_loop(run())

    def test_late(self) -> None:
        """What takes longer is cancelled when its time is over."""

        async def run() -> None:
            began = asyncio.get_running_loop().time()
            with self.assertRaises(asyncio.TimeoutError):
                async with Deadline(2.0):
                    await asyncio.sleep(5)
            self.assertEqual(asyncio.get_running_loop().time() - began, 2.0)

        self.run_on_loop(run())

    def test_cancelled(self) -> None:
        """Whoever is cancelled by somebody else is cancelled."""

        async def wait() -> None:
            async with Deadline(2.0):
                await asyncio.sleep(5)

        async def run() -> None:
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(1)
            waiting.cancel()
            await asyncio.wait([waiting])
            self.assertTrue(waiting.cancelled())

        self.run_on_loop(run())
