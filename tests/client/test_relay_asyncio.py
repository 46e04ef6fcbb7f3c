"""The relay's asyncio clients, on an event loop whose clock jumps, against servers that live in memory."""

from __future__ import annotations

import asyncio
import json
import logging
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from netd.client import relay, relay_messages
from netd.client.relay_asyncio import AsyncController, AsyncDevice, AsyncMessage, AsyncSurroundings
from tests.client.test_relay import WELCOME, WELCOME_ENVELOPE, message
from tests.client.test_relay_frames import frames
from tests.client.transports import Transport

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, lets the loop's clock jump to when the next timer is due."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "this would wait for ever"
        self.now += timeout
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop without real time."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class FakeConnection(Transport):
    """A connection to a server in memory; stands in for the client's StreamWriter.

    :param arriving: what the server sends before anything was sent to it.
    :param react: called with what the client wrote, each time; what it returns arrives next.
    :param hangs_up: whether the server closes after *arriving*, instead of being silent.
    """

    def __init__(self, arriving: bytes = b"", react: Callable[[bytes], bytes] = lambda _: b"", hangs_up: bool = False) -> None:
        super().__init__()
        self._arriving = arriving
        self._react = react
        self._hangs_up = hangs_up
        self.sent = b""
        self.breaks: OSError | None = None

    def open(self) -> Streams:
        """The client's end."""
        self.reader = asyncio.StreamReader()
        self.reader.feed_data(self._arriving)
        if self._hangs_up:
            self.hang_up()
        return self.reader, cast(asyncio.StreamWriter, self)

    def hang_up(self) -> None:
        """The server closes."""
        self.reader.feed_eof()

    def write(self, written: bytes) -> None:
        self.sent += written
        answer = self._react(written)
        if answer:
            self.reader.feed_data(answer)

    async def drain(self) -> None:
        if self.breaks is not None:
            raise self.breaks

    def is_closing(self) -> bool:
        return self.is_closed


class AsyncTests(SynchronousTestCase):
    """Runs coroutines on a loop without real time."""

    def setUp(self) -> None:
        self.opened: list[FakeConnection] = []
        self.records: list[logging.LogRecord] = []
        log, collect = logging.getLogger("netd.client.relay"), logging.Handler()
        collect.emit = self.records.append  # type: ignore[method-assign]
        self.patch(log, "handlers", [collect])
        self.patch(log, "propagate", False)

    def run_on_loop(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run to the end; a task's error that nobody saw fails the test."""
        complaints: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context))
            runner.run(coroutine)
        self.assertEqual(complaints, [])

    def surroundings(self, *connections: FakeConnection | Exception) -> AsyncSurroundings:
        """Hand out *connections* in order."""
        coming = list(connections)

        async def connect(host: str, port: int) -> Streams:
            assert (host, port) == ("relay.test", 5050)
            await asyncio.sleep(0)
            connection = coming.pop(0)
            if isinstance(connection, Exception):
                raise connection
            self.opened.append(connection)
            return connection.open()

        return AsyncSurroundings(connect, chance=lambda: 1.0)

    def device(self, *connections: FakeConnection | Exception, **options: Any) -> AsyncDevice:
        """A device that meets *connections*."""
        return AsyncDevice("relay.test", 5050, surroundings=self.surroundings(*connections), **options)

    def controller(self, *connections: FakeConnection | Exception, dialect: str = "auto") -> AsyncController:
        """A controller that meets *connections*."""
        return AsyncController("relay.test", 5050, dialect, surroundings=self.surroundings(*connections))


def now() -> float:
    """The loop's clock, from 0."""
    return asyncio.get_running_loop().time() - 1000.0


async def take(device: AsyncDevice, count: int) -> list[AsyncMessage]:
    """The next *count* messages; then the device is closed."""
    messages = []
    async for received in device:
        messages.append(received)
        if len(messages) == count:
            device.close()
    return messages


class AsyncDeviceTests(AsyncTests):
    """A device for asyncio."""

    def test_run_with_function_and_coroutine(self) -> None:
        """``receive`` may be either; what it returns is the answer, what it raises is the reason of a failure."""
        requests = message({"id": 1}, b"ping") + message({"id": 2}, b"") + message({"id": 3}, b"hot")
        replies = (
            message({"id": 1, "status": "acknowledged"}, b"pong")
            + message({"id": 2, "status": "acknowledged"})
            + message({"id": 3, "status": "failed", "error": "too hot"})
        )

        def receive(payload: bytes) -> str | None:
            if payload == b"hot":
                raise ValueError("too hot")
            return "pong" if payload else None

        async def receive_later(payload: bytes) -> str | None:
            await asyncio.sleep(1)
            return receive(payload)

        async def scenario(each: Callable[[bytes], Any], connection: FakeConnection) -> None:
            device = self.device(connection, name="gh")
            asyncio.get_running_loop().call_later(10, device.close)
            await device.run(each)

        for each in (receive, receive_later):
            connection = FakeConnection(WELCOME + requests)
            self.run_on_loop(scenario(each, connection))
            self.assertEqual(connection.sent, frames(b'device {"name": "gh", "ping": 15}') + replies)
        self.assertTrue(all(record.exc_info for record in self.records))

    def test_messages_answered_in_any_order(self) -> None:
        """A program may work on several messages at a time."""
        connection = FakeConnection(WELCOME + message({"id": 1, "from": "x", "deadline": 2.5}, b"a") + message({"id": 2}, b"b"))

        async def scenario() -> None:
            async with self.device(connection) as device:
                messages = device.__aiter__()
                first, second = await anext(messages), await anext(messages)
                self.assertEqual((first.payload, first.sender, first.deadline), (b"a", "x", 2.5))
                self.assertTrue(await second.answer("2"))
                self.assertTrue(await first.fail("no", b"1"))
            self.assertFalse(await first.answer(b"late"))

        self.run_on_loop(scenario())
        replies = message({"id": 2, "status": "acknowledged"}, b"2") + message({"id": 1, "status": "failed", "error": "no"}, b"1")
        self.assertEqual(connection.sent, frames(b'device {"ping": 15}') + replies)

    def test_impatient_program(self) -> None:
        """A program that stops waiting in the middle of a message, and then waits again, loses neither message nor connection."""
        whole = message({"notice": 1}) + message({"id": 1}, b"a")
        for cut in range(1, len(whole)):
            connection = FakeConnection(WELCOME + whole[:cut])

            async def scenario(cut: int = cut, connection: FakeConnection = connection) -> None:
                async with self.device(connection) as device:
                    with self.assertRaises(TimeoutError):
                        await asyncio.wait_for(anext(device.__aiter__()), 1)
                    connection.reader.feed_data(whole[cut:])
                    self.assertEqual((await anext(device.__aiter__())).payload, b"a")

            self.run_on_loop(scenario())

    def test_reconnects_with_backoff(self) -> None:
        """A relay that is away is asked for ever, ever more rarely; after a connection that lasted, soon again."""
        lost: list[tuple[str, float]] = []
        lasting = FakeConnection(WELCOME)

        async def scenario() -> None:
            device = self.device(
                ConnectionRefusedError("refused"),
                UnicodeError("bad name"),
                TimeoutError(),
                FakeConnection(WELCOME, hangs_up=True),
                lasting,
                FakeConnection(WELCOME + message({"id": 1}, b"a")),
                on_disconnect=lambda reason, delay: lost.append((reason, delay)),
            )
            asyncio.get_running_loop().call_later(100, lasting.hang_up)
            self.assertEqual([received.payload for received in await take(device, 1)], [b"a"])
            self.assertEqual(now(), 100.5)

        # The fifth connection exists only once it is dialled: 7.5 s of backoff come first.
        self.run_on_loop(scenario())
        self.assertEqual([delay for _, delay in lost], [0.5, 1.0, 2.0, 4.0, 0.5])
        reach = "cannot reach the relay at relay.test:5050: "
        self.assertEqual(
            [reason for reason, _ in lost[:3]], [reach + "refused", reach + "bad name", reach + "it did not answer in time"]
        )

    def test_broken_streams(self) -> None:
        """Garbage, error texts and the relay's complaint each end that connection, with the reason, not the device."""
        reasons: list[str] = []
        connections = [FakeConnection(WELCOME + arriving) for arriving in (b"x" * 64, frames(b"|error: slow|"))]
        complaining = FakeConnection(WELCOME + message({"status": "error", "error": "drained"}))
        good = FakeConnection(WELCOME + message({"id": 1}))

        async def scenario() -> None:
            await take(self.device(*connections, complaining, good, on_disconnect=lambda reason, _: reasons.append(reason)), 1)

        self.run_on_loop(scenario())
        for reason, part in zip(reasons, ("not a frame header", "|error: slow|", "said: drained"), strict=True):
            self.assertIn(part, reason)
        self.assertTrue(all(connection.is_closed for connection in self.opened))

    def test_name_taken(self) -> None:
        """A device whose name another one takes says so, and comes back after half a minute, not at once."""
        taken = FakeConnection(WELCOME + message({"status": "error", "error": "another took it", "replaced": True}))
        lost: list[tuple[str, float]] = []

        async def scenario() -> None:
            good = FakeConnection(WELCOME + message({"id": 1}))
            await take(self.device(taken, good, on_disconnect=lambda *told: lost.append(told)), 1)

        self.run_on_loop(scenario())
        self.assertEqual(lost, [("the relay said: another took it", 30.0)])

    def test_name_held(self) -> None:
        """A device whose name somebody else holds says who, and asks again a minute later."""
        held = FakeConnection(message({"status": "error", "error": "somebody holds it", "denied": True}))
        lost: list[tuple[str, float]] = []

        async def scenario() -> None:
            good = FakeConnection(WELCOME + message({"id": 1}))
            await take(self.device(held, good, on_disconnect=lambda *told: lost.append(told)), 1)

        self.run_on_loop(scenario())
        self.assertEqual(lost, [("the relay refused: somebody holds it", 75.0)])

    def test_reset(self) -> None:
        """A connection that is reset is made anew."""
        connection = FakeConnection(WELCOME)

        async def scenario() -> None:
            device = self.device(connection, FakeConnection(WELCOME + message({"id": 1})))
            asyncio.get_running_loop().call_later(5, lambda: connection.reader.set_exception(OSError("reset")))
            await take(device, 1)

        self.run_on_loop(scenario())
        self.assertIn("broke: reset", self.records[0].getMessage())

    def test_say(self) -> None:
        """News is published while there is a connection; without one, or over a broken one, the program is told."""
        connection = FakeConnection(WELCOME + message({"id": 1}))
        welcomes: list[relay.Welcome] = []

        async def scenario() -> None:
            async with self.device(connection, on_connect=welcomes.append) as device:
                self.assertFalse(await device.say("too early"))
                await anext(device.__aiter__())
                self.assertTrue(await device.say("21.5", event="temperature"))
                connection.breaks = BrokenPipeError()
                self.assertFalse(await device.say("x"))

        self.run_on_loop(scenario())
        self.assertIn(message({"event": "temperature"}, b"21.5"), connection.sent)
        self.assertEqual(welcomes, [("netd", "gh", "('127.0.0.1', 1)", 7, None)])

    def test_relay_that_is_gone(self) -> None:
        """A device that only reads connects again when three pings are missing; one that hears them stays."""
        first = FakeConnection(message({**WELCOME_ENVELOPE, "ping": 15}))
        second = FakeConnection(WELCOME + message({"id": 1}, b"a"))
        reasons: list[tuple[str, float]] = []

        async def scenario() -> None:
            loop = asyncio.get_running_loop()
            for moment in (15, 30):
                loop.call_later(moment, lambda: first.reader.feed_data(message({"status": "ping"})))
            device = self.device(first, second, on_disconnect=lambda reason, _delay: reasons.append((reason, now())))
            self.assertEqual([received.payload for received in await take(device, 1)], [b"a"])

        self.run_on_loop(scenario())
        self.assertEqual(reasons, [("the relay gave no sign of life for 45 s", 75)])

    def test_close_ends_every_wait(self) -> None:
        """``close()`` ends the loop at once: while connecting, unwelcome, connected, or waiting for the next attempt."""
        for after, connections, dialect in (
            (2, [FakeConnection()], "netd"),
            (10, [FakeConnection(WELCOME)], "auto"),
            (10, [FakeConnection()], "old"),
            (6, [OSError(), OSError(), OSError(), OSError()], "auto"),
        ):

            async def scenario(after: int = after, connections: list[Any] = connections, dialect: str = dialect) -> None:
                device = self.device(*connections, dialect=dialect)
                asyncio.get_running_loop().call_later(after, device.close)
                self.assertEqual(await take(device, 1), [])
                self.assertEqual((now(), await take(device, 1)), (after, []))

            self.run_on_loop(scenario())
        self.assertTrue(all(connection.is_closed for connection in self.opened))

    def test_close_while_connecting(self) -> None:
        """A device that is closed while it connects leaves the relay alone."""
        connection = FakeConnection(WELCOME)

        async def scenario() -> None:
            async def connect(host: str, port: int) -> Streams:
                device.close()
                return connection.open()

            device = AsyncDevice("relay.test", 5050, surroundings=AsyncSurroundings(connect))
            self.assertEqual(await take(device, 1), [])

        self.run_on_loop(scenario())
        self.assertEqual((connection.sent, connection.is_closed), (b"", True))

    def test_old_server(self) -> None:
        """An old server is found out after three seconds, remembered, and served; answers to it go nowhere."""
        silent = FakeConnection()
        old = [FakeConnection(frames(b"a"), hangs_up=True), FakeConnection(frames(b"b"))]

        async def scenario() -> None:
            device = self.device(silent, *old)
            messages = device.__aiter__()
            first, second = await anext(messages), await anext(messages)
            self.assertEqual((first.payload, second.payload, await first.answer(b"x")), (b"a", b"b", False))
            self.assertEqual((now(), silent.is_closed), (3.5, True))
            self.assertTrue(await device.say(b"news", event="button"))
            device.close()

        self.run_on_loop(scenario())
        self.assertEqual(
            [connection.sent for connection in old],
            [frames(b"raspberrypi", b"|disconnect|"), frames(b"raspberrypi", b"news", b"|disconnect|")],
        )

    def test_an_upgraded_server_is_noticed(self) -> None:
        """When nobody listened in between, the next server is asked in the new dialect again."""
        new = FakeConnection(WELCOME + message({"id": 1}, b"b"))

        async def scenario() -> None:
            old = FakeConnection(frames(b"a"), hangs_up=True)
            messages = await take(self.device(FakeConnection(hangs_up=True), old, ConnectionRefusedError(), new), 2)
            self.assertEqual([received.payload for received in messages], [b"a", b"b"])

        self.run_on_loop(scenario())
        self.assertEqual(new.sent, frames(b'device {"ping": 15}'))

    def test_what_is_no_welcome(self) -> None:
        """A hang-up, an error text and other JSON mean an old server as well."""
        for first in (
            FakeConnection(hangs_up=True),
            FakeConnection(frames(b"|error: what?|")),
            FakeConnection(message({"hi": 1})),
        ):

            async def scenario(first: FakeConnection = first) -> None:
                messages = await take(self.device(first, FakeConnection(frames(b"a"))), 1)
                self.assertEqual((messages[0].payload, now()), (b"a", 0))

            self.run_on_loop(scenario())

    def test_fixed_dialect_does_not_fall_back(self) -> None:
        """A program that insists on the new dialect is told that the server does not speak it."""

        async def scenario() -> None:
            await take(
                self.device(FakeConnection(hangs_up=True), FakeConnection(WELCOME + message({"id": 1})), dialect="netd"), 1
            )

        self.run_on_loop(scenario())
        self.assertIn("closed the connection before its welcome: it may want TLS (cafile)", self.records[0].getMessage())

    def test_bad_arguments(self) -> None:
        """What cannot be is refused when the program starts."""
        self.assertRaises(ValueError, AsyncDevice, "h", 1, "a b")
        self.assertRaises(ValueError, AsyncDevice, "h", 0)


def final(number: int, status: str, payload: bytes = b"", **members: Any) -> bytes:
    """The relay's last word about a request."""
    return message({"id": number, "status": status, "final": True, **members}, payload)


def request_of(written: bytes) -> tuple[dict[str, Any], bytes]:
    """The envelope and payload that a client wrote in one go."""
    decoder = relay_messages.FrameDecoder()
    decoder.feed(written)
    envelope, payload = iter(decoder.next_frame, None)
    return cast("dict[str, Any]", json.loads(envelope)), payload


class AsyncControllerTests(AsyncTests):
    """A controller for asyncio."""

    def server(self, answer: Callable[[dict[str, Any], bytes], bytes]) -> FakeConnection:
        """A netd that welcomes and then answers each request by *answer*."""

        def react(written: bytes) -> bytes:
            return WELCOME if written == frames(b"controller {}") else answer(*request_of(written))

        return FakeConnection(react=react)

    def test_concurrent_requests(self) -> None:
        """Requests that wait at the same time share one connection, and each gets its own answer, in any order."""
        waiting: list[bytes] = []

        def answer(envelope: dict[str, Any], payload: bytes) -> bytes:
            waiting.insert(
                0, message({"id": envelope["id"], "status": "sent"}) + final(envelope["id"], "acknowledged", payload.upper())
            )
            return b"".join(waiting) if len(waiting) == 3 else b""

        async def scenario() -> None:
            async with self.controller(self.server(answer)) as controller:
                outcomes = await asyncio.gather(*(controller.send("gh", payload, deadline=2.5) for payload in ("a", "b", "c")))
            self.assertEqual(outcomes, [relay.Outcome("acknowledged", payload) for payload in (b"A", b"B", b"C")])

        self.run_on_loop(scenario())
        self.assertEqual(len(self.opened), 1)
        self.assertIn(message({"id": 1, "to": "gh", "deadline": 2.5}, b"a"), self.opened[0].sent)

    def test_devices_and_connect(self) -> None:
        """The list says what there is, and ``connect`` asks the same of one device."""
        entries = [{"name": "gh", "address": "('127.0.0.1', 1)", "online": True}]

        async def scenario() -> None:
            listing = self.server(lambda envelope, _: message({"id": envelope["id"], "status": "list", "devices": entries}))
            async with self.controller(listing) as controller:
                (device,) = await controller.devices()
                self.assertEqual((str(device), await controller.connect(device)), ("gh", "('127.0.0.1', 1)"))
                with self.assertRaisesRegex(relay.NoSuchDevice, "attic: target not found"):
                    await controller.connect("attic")

        self.run_on_loop(scenario())

    def test_broken_after_writing_is_unknown(self) -> None:
        """A connection that breaks leaves all its requests unknown, repeats none, and the next call connects again."""
        first, second = FakeConnection(WELCOME), self.server(lambda envelope, _: final(envelope["id"], "sent"))

        async def scenario() -> None:
            async with self.controller(first, second) as controller:
                asyncio.get_running_loop().call_later(5, first.hang_up)
                for outcome in await asyncio.gather(*(controller.send("gh", b"x") for _ in range(2))):
                    self.assertEqual(outcome.status, "failed")
                    self.assertIn("closed the connection; it is unknown whether this reached gh", outcome.error)
                self.assertNotIn(b"x", second.sent)
                self.assertEqual((await controller.send("gh", b"y")).status, "sent")
            self.assertTrue(first.is_closed and second.is_closed)

        self.run_on_loop(scenario())

    def test_broken_while_writing(self) -> None:
        """A connection that breaks under the request's feet is no different."""
        server = self.server(lambda envelope, _: final(envelope["id"], "sent"))

        async def scenario() -> None:
            async with self.controller(server) as controller:
                await controller.send("gh", b"x")
                server.breaks = BrokenPipeError("gone")
                self.assertIn("gone; it is unknown", (await controller.send("gh", b"x")).error)

        self.run_on_loop(scenario())

    def test_silent_relay(self) -> None:
        """A request is given up on a minute after its deadline; others on the connection go on, and a late answer harms none."""

        def answer(envelope: dict[str, Any], _: bytes) -> bytes:
            return (
                b"" if envelope["to"] == "slow" else final(1, "sent") + final("x", "sent") + final(envelope["id"], "acknowledged")
            )  # type: ignore[arg-type]

        async def scenario() -> None:
            async with self.controller(self.server(answer)) as controller:
                outcome = await controller.send("slow", b"x", deadline=5)
                self.assertEqual((outcome.status, now()), ("failed", 65))
                self.assertIn("did not answer in time; it is unknown", outcome.error)
                self.assertEqual((await controller.send("gh", b"x")).status, "acknowledged")

        self.run_on_loop(scenario())
        self.assertEqual(len(self.opened), 1)

    def test_said_twice(self) -> None:
        """A relay that says its last word twice harms neither this request nor the connection."""

        async def scenario() -> None:
            async with self.controller(self.server(lambda envelope, _: 2 * final(envelope["id"], "sent"))) as controller:
                self.assertEqual([(await controller.send("gh", b"x")).status for _ in range(2)], ["sent", "sent"])

        self.run_on_loop(scenario())

    def test_close_ends_what_waits(self) -> None:
        """Closing ends outstanding requests at once, and opens nothing more."""

        async def scenario() -> None:
            controller = self.controller(FakeConnection(WELCOME))
            sending = asyncio.create_task(controller.send("gh", b"x"))
            await asyncio.sleep(1)
            await controller.close()
            outcome = await sending
            self.assertEqual(now(), 1)
            self.assertIn("this client was closed; it is unknown", outcome.error)
            with self.assertRaisesRegex(relay.NotConnected, "this client was closed"):
                await controller.send("gh", b"x")

        self.run_on_loop(scenario())

    def test_refused_and_unreachable(self) -> None:
        """Where nothing was sent, the program gets an error that says why."""
        refusing = FakeConnection(message({"status": "error", "error": "full"}))

        async def scenario() -> None:
            async with self.controller(ConnectionRefusedError("no"), refusing) as controller:
                with self.assertRaisesRegex(relay.NotConnected, "cannot reach the relay at relay.test:5050: no"):
                    await controller.send("gh", b"x")
                with self.assertRaisesRegex(relay.Refused, "full"):
                    await controller.devices()
            self.assertTrue(refusing.is_closed)

        self.run_on_loop(scenario())

    def test_bad_arguments(self) -> None:
        """What cannot be sent is refused before there is a connection."""

        async def refused(sending: Awaitable[object], error: type[Exception]) -> None:
            with self.assertRaises(error):
                await sending

        async def scenario() -> None:
            controller = self.controller()
            await refused(controller.send("gh", bytes(10_000_000)), ValueError)
            await refused(controller.send("gh", b"", -1), ValueError)
            await refused(controller.send("gh", cast(bytes, 5)), TypeError)

        self.run_on_loop(scenario())
        self.assertEqual(self.opened, [])

    def test_old_server(self) -> None:
        """Each event goes to an old server on a connection of its own, several at a time if need be."""
        answers = (b"('127.0.0.1', 1),", b"|connected to ('127.0.0.1', 1)|", b"data succesfully sent", b"|target not found|")

        async def scenario() -> None:
            async with self.controller(FakeConnection(), *(FakeConnection(frames(answer)) for answer in answers)) as controller:
                (device,) = await controller.devices()
                self.assertEqual(now(), 3)
                self.assertEqual(await controller.connect(device), "('127.0.0.1', 1)")
                outcomes = await asyncio.gather(controller.send(device, b"x"), controller.send("nobody", b""))
                self.assertEqual([outcome.status for outcome in outcomes], ["sent", "failed"])

        self.run_on_loop(scenario())
        target, python, goodbye = b"('127.0.0.1', 1)".ljust(64), frames(b"python"), frames(b"|disconnect|")
        self.assertEqual(self.opened[3].sent, python + target + frames(b"x") + goodbye)
        self.assertEqual([connection.closings for connection in self.opened], [1] * 5)

    def test_silent_old_server(self) -> None:
        """An old server that never answers is waited for 40 s, or until the controller is closed."""

        async def scenario() -> None:
            async with self.controller(FakeConnection(), FakeConnection(), dialect="old") as controller:
                outcome = await controller.send("nobody", b"x")
                self.assertIn("did not answer in time; it is unknown", outcome.error)
                self.assertEqual(now(), 40)
                sending = asyncio.create_task(controller.send("nobody", b"x"))
                await asyncio.sleep(1)
                await controller.close()
                self.assertIn("unknown", (await sending).error)
                self.assertEqual(now(), 41)

        self.run_on_loop(scenario())

    def test_bad_target_leaves_no_connection_behind(self) -> None:
        """A target that is refused is not written, and its connection is closed."""
        connection = FakeConnection()

        async def scenario() -> None:
            with self.assertRaises(ValueError):
                await self.controller(connection, dialect="old").send("5041", b"x")

        self.run_on_loop(scenario())
        self.assertEqual((connection.sent, connection.is_closed), (frames(b"|disconnect|"), True))
