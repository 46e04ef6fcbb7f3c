"""The blocking device and controller, against servers that live in memory: no sockets, no threads, no time."""

from __future__ import annotations

import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from netd.client import relay
from netd.client.tls import ClientTls
from tests.client.sockets import MemorySocket, waiter
from tests.client.test_relay_frames import frames

WELCOME_ENVELOPE = {"status": "welcome", "name": "gh", "address": "('127.0.0.1', 1)", "generation": 7}


def message(envelope: dict[str, Any], payload: bytes = b"") -> bytes:
    """An envelope and its payload as a server sends them."""
    return frames(json.dumps(envelope).encode(), payload)


WELCOME = message(WELCOME_ENVELOPE)


class FakeSocket(MemorySocket):
    """The client's end of a connection to a server in memory.

    :param arriving: what comes, in order, before anything was sent: bytes, or an error.
    :param react: called with what the client sent, each time; what it returns arrives next.
    :param hangs_up: whether the server closes when nothing more arrives, instead of being silent.
    """

    def __init__(
        self, *arriving: bytes | OSError, react: Callable[[bytes], bytes] = lambda _: b"", hangs_up: bool = True
    ) -> None:
        super().__init__()
        self.arriving = list(arriving)
        self.react = react
        self.hangs_up = hangs_up
        self.world: World

    def take(self, content: bytes) -> None:
        super().take(content)
        answer = self.react(content)
        if answer:
            self.arriving.append(answer)

    def wait(self, seconds: float | None, is_writing: bool) -> bool:
        if self.arriving or self.hangs_up:
            return True
        assert seconds is not None, "this would wait for ever"
        self.world.now += seconds
        return False

    def recv(self, size: int) -> bytes:
        if self.is_closed:
            raise OSError("bad file descriptor")
        if self.arriving:
            received = self.arriving.pop(0)
            if isinstance(received, OSError):
                raise received
            return received
        if not self.hangs_up:
            raise BlockingIOError
        return b""


class World:
    """Surroundings in memory: the connections to come, in order, then the end of the world."""

    def __init__(self, *connections: FakeSocket | Exception) -> None:
        self.connections = list(connections)
        self.opened: list[FakeSocket] = []
        self.pauses: list[float] = []
        self.now = 1000.0
        self.surroundings = relay.Surroundings(
            self.connect, lambda: self.now, chance=lambda: 1.0, pause=self.pause, waiter=waiter
        )

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Hand out the next connection."""
        assert (host, port) == ("relay.test", 5050)
        connection = self.connections.pop(0)
        if isinstance(connection, Exception):
            raise connection
        connection.world = self
        self.opened.append(connection)
        return cast(socket.socket, connection)

    def pause(self, closed: threading.Event, seconds: float) -> None:
        """Let time pass; a device for which no connection is left is closed."""
        self.pauses.append(seconds)
        self.now += seconds
        if not self.connections:
            closed.set()


class QuietTests(SynchronousTestCase):
    """Tests whose devices log warnings by design."""

    def setUp(self) -> None:
        self.records: list[logging.LogRecord] = []
        log = logging.getLogger("netd.client.relay")
        collect = logging.Handler()
        collect.emit = self.records.append  # type: ignore[method-assign]
        self.patch(log, "handlers", [collect])
        self.patch(log, "propagate", False)

    def device(self, world: World, **options: Any) -> relay.Device:
        """A device in *world*."""
        return relay.Device("relay.test", 5050, surroundings=world.surroundings, **options)

    def controller(self, world: World, dialect: str = "auto") -> relay.Controller:
        """A controller in *world*."""
        return relay.Controller("relay.test", 5050, dialect, surroundings=world.surroundings)


class DeviceTests(QuietTests):
    """A device that speaks with a netd."""

    def test_answers_and_acknowledges(self) -> None:
        """What ``receive`` returns is the answer to that request; None is an empty one."""
        arriving = (
            message({"id": 31, "from": "x", "deadline": 2.5}, b"ping") + message({"id": 32}, b"") + message({"id": 33}, b"t")
        )
        connection = FakeSocket(WELCOME, arriving)
        answers = {b"ping": b"pong", b"": None, b"t": "grün"}
        self.device(World(connection), name="gh").run(lambda payload: cast("bytes | str | None", answers[payload]))
        self.assertEqual(
            connection.sent,
            frames(b'device {"name": "gh", "ping": 15}')
            + message({"id": 31, "status": "acknowledged"}, b"pong")
            + message({"id": 32, "status": "acknowledged"})
            + message({"id": 33, "status": "acknowledged"}, "grün".encode()),
        )

    def test_an_exception_is_a_failure_with_its_message(self) -> None:
        """A controller reads why; the device's log has the traceback; the next message is still received."""
        connection = FakeSocket(WELCOME, message({"id": 1}, b"a"), message({"id": 2}, b"b"))
        errors = {b"a": ValueError("too hot"), b"b": KeyError()}

        def receive(payload: bytes) -> bytes:
            raise errors[payload]

        self.device(World(connection)).run(receive)
        refusals = message({"id": 1, "status": "failed", "error": "too hot"}) + message(
            {"id": 2, "status": "failed", "error": "KeyError"}
        )
        self.assertTrue(connection.sent.endswith(refusals))
        self.assertEqual([record.exc_info[0] for record in self.records if record.exc_info], [ValueError, KeyError])

    def test_an_answer_that_is_none(self) -> None:
        """A ``receive`` that returns a number is told so, and so is the controller."""
        connection = FakeSocket(WELCOME, message({"id": 1}))
        self.device(World(connection)).run(lambda _: 5)  # type: ignore[arg-type, return-value]
        self.assertIn(b"bytes or str, not int", connection.sent)

    def test_iterating(self) -> None:
        """A program that prefers a loop sees who asks and how long they wait, and answers or refuses when it likes."""
        connection = FakeSocket(
            WELCOME, message({"id": 1, "from": "('10.0.0.1', 9)", "deadline": 2.5}, b"a") + message({"id": 2}, b"b")
        )
        device = self.device(World(connection))
        first = next(iter(device))
        self.assertEqual((first.payload, first.sender, first.deadline), (b"a", "('10.0.0.1', 9)", 2.5))
        second = next(iter(device))
        self.assertTrue(second.fail("no", b"!"))
        self.assertTrue(first.answer())
        replies = message({"id": 2, "status": "failed", "error": "no"}, b"!") + message({"id": 1, "status": "acknowledged"})
        self.assertTrue(connection.sent.endswith(replies))

    def test_answer_after_the_connection_went(self) -> None:
        """An answer never travels by another connection than its question: the relay's ids are that connection's own."""
        first, second = FakeSocket(WELCOME, message({"id": 1}, b"a")), FakeSocket(WELCOME, message({"id": 1}, b"b"))
        messages = iter(self.device(World(first, second)))
        asked, _ = next(messages), next(messages)
        first.broken = BrokenPipeError()
        self.assertFalse(asked.answer(b"late"))
        self.assertNotIn(b"late", second.sent)

    def test_what_is_no_request_is_passed_over(self) -> None:
        """A newer relay's notices without an id do not reach the program."""
        connection = FakeSocket(WELCOME, message({"notice": 1}, b"?") + message({"id": 1}, b"a"))
        self.assertEqual([received.payload for received in self.device(World(connection))], [b"a"])

    def test_reconnects_with_backoff(self) -> None:
        """A relay that is away, or hangs up at once, is asked again for ever, more and more rarely; the program learns why."""
        refused, brief = ConnectionRefusedError("refused"), FakeSocket(WELCOME)
        world = World(refused, refused, socket.gaierror("no such name"), brief, refused)
        lost: list[tuple[str, float]] = []
        device = self.device(world, on_disconnect=lambda reason, delay: lost.append((reason, delay)))
        self.assertEqual(list(device), [])
        self.assertEqual(world.pauses, [0.5, 1.0, 2.0, 4.0, 8.0])
        self.assertEqual([delay for _, delay in lost], world.pauses)
        self.assertEqual(lost[0][0], "cannot reach the relay at relay.test:5050: refused")
        self.assertEqual(lost[3][0], "the relay closed the connection")
        self.assertTrue(brief.is_closed)

    def test_a_connection_that_lasted_resets_the_backoff(self) -> None:
        """After a day of good service, one lost connection is made up for at once."""
        world = World(OSError(), OSError(), FakeSocket(WELCOME, message({"id": 1})))
        device = self.device(world)

        def receive(_: bytes) -> None:
            world.now += 86_400

        device.run(receive)
        self.assertEqual(world.pauses, [0.5, 1.0, 0.5])

    def test_bad_host_name(self) -> None:
        """A name that cannot be a host's is reported like any other that cannot be reached."""
        world = World(UnicodeError("label too long"))
        reasons: list[str] = []
        list(self.device(world, on_disconnect=lambda reason, _: reasons.append(reason)))
        self.assertEqual(reasons, ["cannot reach the relay at relay.test:5050: label too long"])

    def test_broken_streams(self) -> None:
        """Garbage, an error text, a reset and the relay's complaint each end that connection, not the device; it says why."""
        reasons: list[str] = []
        world = World(
            *(
                FakeSocket(WELCOME, arriving)
                for arriving in (
                    b"x" * 64,
                    frames(b"|error: slow|"),
                    OSError("reset"),
                    message({"status": "error", "error": "drained"}),
                )
            )
        )
        list(self.device(world, on_disconnect=lambda reason, _: reasons.append(reason)))
        for reason, part in zip(reasons, ("not a frame header", "|error: slow|", "broke: reset", "said: drained"), strict=True):
            self.assertIn(part, reason)

    def test_name_taken(self) -> None:
        """A device whose name another one takes says so, and comes back after half a minute, not at once."""
        taken = message({"status": "error", "error": "another device took the name 'gh'", "replaced": True})
        reasons: list[tuple[str, float]] = []
        world = World(FakeSocket(WELCOME, taken), FakeSocket(WELCOME, message({"id": 1}, b"a")))
        device = self.device(world, on_disconnect=lambda *told: reasons.append(told))
        self.assertEqual([received.payload for received in device], [b"a"])
        self.assertEqual(reasons[0], ("the relay said: another device took the name 'gh'", 30.0))
        self.assertEqual(world.pauses[0], 30.0)

    def test_relay_that_is_gone(self) -> None:
        """A device that only reads connects again when three pings are missing; one that hears them stays."""
        welcome, ping = message({**WELCOME_ENVELOPE, "ping": 15}), message({"status": "ping"})
        reasons: list[str] = []
        world = World(
            FakeSocket(welcome, ping, ping, message({"id": 1}, b"a"), ping, hangs_up=False), FakeSocket(WELCOME, hangs_up=True)
        )
        device = self.device(world, on_disconnect=lambda reason, _delay: reasons.append(reason))
        self.assertEqual([received.payload for received in device], [b"a"])
        self.assertEqual(reasons[0], "the relay gave no sign of life for 45 s")
        self.assertGreaterEqual(world.now, 1045)

    def test_pings_by_choice(self) -> None:
        """A program says how often its device asks for a sign of life, or that it wants none; what no relay grants is refused."""
        for ping, hello in ((2.5, b'device {"ping": 2.5}'), (None, b"device {}")):
            server = FakeSocket(WELCOME)
            list(self.device(World(server), ping=ping))
            self.assertEqual(server.sent, frames(hello))
        self.assertRaises(ValueError, self.device, World(), ping=0)

    def test_name_held(self) -> None:
        """A device whose name somebody else holds says who, and asks again a minute later, in the same dialect."""
        held = message({"status": "error", "error": "the name 'gh' is held by …", "denied": True})
        reasons: list[tuple[str, float]] = []
        world = World(FakeSocket(held), FakeSocket(WELCOME, message({"id": 1}, b"a")))
        device = self.device(world, on_disconnect=lambda *told: reasons.append(told))
        self.assertEqual([received.payload for received in device], [b"a"])
        self.assertEqual(reasons[0], ("the relay refused: the name 'gh' is held by …", 75.0))

    def test_on_connect(self) -> None:
        """A program learns what the relay calls it, each time."""
        welcomes: list[relay.Welcome] = []
        list(self.device(World(FakeSocket(WELCOME), FakeSocket(WELCOME)), on_connect=welcomes.append))
        self.assertEqual(welcomes, [("netd", "gh", "('127.0.0.1', 1)", 7, None)] * 2)

    def test_refused(self) -> None:
        """A relay that refuses is asked again later, in the same dialect; its reason is told."""
        refusing = FakeSocket(message({"status": "error", "error": "full"}))
        world = World(refusing, FakeSocket(WELCOME, message({"id": 1}, b"a")))
        self.assertEqual([received.payload for received in self.device(world)], [b"a"])
        self.assertTrue(refusing.is_closed)
        self.assertEqual(self.records[0].getMessage(), "the relay refused: full; next attempt in 0.5 s")

    def test_say(self) -> None:
        """News is published while there is a connection; without one the program is told, not stopped."""
        connection = FakeSocket(WELCOME)
        said: list[bool] = []
        device = self.device(World(connection), on_connect=lambda _: said.append(device.say("21.5", event="temperature")))
        self.assertFalse(device.say(b"too early"))
        list(device)
        self.assertEqual(said, [True])
        self.assertTrue(connection.sent.endswith(message({"event": "temperature"}, b"21.5")))
        self.assertFalse(device.say(b"too late"))

    def test_close_ends_iterating(self) -> None:
        """``close()`` ends the loop at once, and no further connection is made."""
        connection = FakeSocket(WELCOME, message({"id": 1}))
        world = World(connection, FakeSocket(WELCOME))
        with self.device(world) as device:
            device.run(lambda _: device.close())
            self.assertTrue(connection.is_closed)
        self.assertEqual((world.pauses, len(world.connections)), ([], 1))
        self.assertEqual(list(device), [])

    def test_close_while_connecting(self) -> None:
        """A device that is closed while it connects leaves the relay alone."""
        connection = FakeSocket(WELCOME)
        world = World(connection)

        def connect(host: str, port: int, seconds: float) -> socket.socket:
            device.close()
            return world.connect(host, port, seconds)

        surroundings = world.surroundings._replace(connect=connect)
        device = relay.Device("relay.test", 5050, surroundings=surroundings)
        self.assertEqual(list(device), [])
        self.assertEqual((connection.sent, connection.is_closed), (b"", True))

    def test_close_while_waiting_for_the_welcome(self) -> None:
        """A device that is closed before it is welcome does not come back in the old dialect."""

        def react(_: bytes) -> bytes:
            device.close()
            return b""

        world = World(FakeSocket(react=react), FakeSocket())
        device = self.device(world)
        self.assertEqual(list(device), [])
        self.assertEqual(len(world.opened), 1)

    def test_bad_arguments(self) -> None:
        """What cannot be is refused when the program starts, not when it first connects."""
        for options in ({"name": "a b"}, {"aliases": [""]}, {"dialect": "new"}):
            self.assertRaises(ValueError, relay.Device, "h", 1, **options)
        for port in (0, 65536):
            with self.assertRaisesRegex(ValueError, "port: .* is not between 1 and 65535"):
                relay.Device("h", port)


class OldDeviceTests(QuietTests):
    """A device at an old server."""

    def test_payloads_come_and_answers_go_nowhere(self) -> None:
        """An old server's frames are received; nothing is sent that it would take for a client type, but goodbye."""
        connection = FakeSocket(frames(b"a", b""))
        welcomes: list[relay.Welcome] = []
        received: list[bytes] = []
        device = self.device(World(connection), dialect="old", on_connect=welcomes.append)
        device.run(lambda payload: received.append(payload) or b"answer")  # type: ignore[func-returns-value]
        self.assertEqual((received, welcomes), ([b"a", b""], [relay.Welcome("old")]))
        self.assertEqual(connection.sent, frames(b"raspberrypi", b"|disconnect|"))

    def test_answer_tells_that_it_cannot_travel(self) -> None:
        """A program can see that nobody reads its answer."""
        received = next(iter(self.device(World(FakeSocket(frames(b"a"))), dialect="old")))
        self.assertEqual(
            (received.answer(b"x"), received.fail("x"), received.sender, received.deadline), (False, False, None, None)
        )

    def test_goodbye_to_a_server_that_is_gone(self) -> None:
        """Saying goodbye to nobody is no error."""
        connection = FakeSocket(frames(b"a"))
        device = self.device(World(connection), dialect="old")
        next(iter(device))
        connection.broken = BrokenPipeError()
        device.close()
        self.assertTrue(connection.is_closed)

    def test_close_does_not_cut_into_a_frame(self) -> None:
        """Goodbye is said after the frame that another thread is in the middle of."""
        connection = FakeSocket(frames(b"a"))
        device = self.device(World(connection), dialect="old")
        next(iter(device))
        closing = threading.Thread(target=device.close)

        def close(_: bytes) -> bytes:
            connection.react = lambda _: b""
            closing.start()
            return b""

        connection.react = close
        device.say(b"news")
        closing.join()
        self.assertEqual(connection.sent, frames(b"raspberrypi", b"news", b"|disconnect|"))

    def auto(self, first: FakeSocket) -> World:
        """A device with dialect ``auto`` meets *first*, then an old server thrice."""
        world = World(first, *(FakeSocket(frames(b"a")) for _ in range(3)))
        self.payloads = [received.payload for received in self.device(world, name="gh")]
        return world

    def test_auto_falls_back(self) -> None:
        """Silence for 3 s, a hang-up, an error text, garbage and other JSON all mean an old server, which is then served."""
        for first in (
            FakeSocket(hangs_up=False),
            FakeSocket(),
            FakeSocket(OSError("reset")),
            FakeSocket(frames(b"|error: what?|")),
            FakeSocket(b"x" * 64),
            FakeSocket(message({"hi": 1})),
        ):
            world = self.auto(first)
            self.assertEqual(self.payloads, [b"a"] * 3)
            self.assertTrue(first.is_closed)
            self.assertEqual(
                [c.sent for c in world.opened],
                [frames(b'device {"name": "gh", "ping": 15}')] + [frames(b"raspberrypi", b"|disconnect|")] * 3,
            )
            self.assertEqual(world.pauses, [0.5, 1.0, 2.0])

    def test_silence_costs_three_seconds(self) -> None:
        """A silent old server is given up on after 3 s, once."""
        world = self.auto(FakeSocket(hangs_up=False))
        self.assertEqual(world.now, 1000 + 3 + sum(world.pauses))

    def test_a_welcome_in_drops(self) -> None:
        """Three seconds are for the whole welcome: a server that dribbles is not waited for."""
        drops = FakeSocket(hangs_up=False)

        def recv(_: int) -> bytes:
            drops.world.now += 1.0
            return b" "

        drops.recv = recv  # type: ignore[method-assign]
        self.assertEqual(self.auto(drops).now, 1000 + 3 + 3.5)

    def test_an_upgraded_server_is_noticed(self) -> None:
        """When nobody listened in between, the next server is asked in the new dialect again."""
        new = FakeSocket(WELCOME, message({"id": 1}, b"b"))
        world = World(FakeSocket(), FakeSocket(frames(b"a")), ConnectionRefusedError(), new)
        self.assertEqual([received.payload for received in self.device(world)], [b"a", b"b"])
        self.assertTrue(new.sent.startswith(frames(b'device {"ping": 15}')))

    def test_who_hangs_up_twice_is_no_old_server(self) -> None:
        """A relay that hangs up on both dialects has another reason: nothing says that the device is connected."""
        connected: list[Any] = []
        self.assertEqual(list(self.device(World(FakeSocket(), FakeSocket()), on_connect=connected.append)), [])
        self.assertEqual(connected, [])
        self.assertIn("it may want TLS (cafile), or its log says why", self.records[0].getMessage())

    def test_who_takes_the_old_word_is_an_old_server(self) -> None:
        """A relay that hangs up on the new dialect, and is silent in the old one, is an old server without a message yet."""
        connected: list[Any] = []
        device = self.device(World(FakeSocket(), FakeSocket(hangs_up=False)), on_connect=connected.append)
        with self.assertRaisesRegex(AssertionError, "would wait for ever"):
            list(device)
        self.assertEqual([welcome.dialect for welcome in connected], ["old"])

    def test_over_tls_no_server_is_old(self) -> None:
        """Who hangs up within TLS does so because of a certificate, or of access."""
        device = self.device(World(FakeSocket()))
        device._way.tls = ClientTls("ca.pem")
        device._way.tls.context = lambda: None  # type: ignore[method-assign]
        list(device)
        self.assertIn("no welcome: the relay closed the connection", self.records[0].getMessage())

    def test_fixed_dialect_does_not_fall_back(self) -> None:
        """A program that insists on the new dialect is told that the server does not speak it."""
        world = World(FakeSocket())
        list(self.device(world, dialect="netd"))
        self.assertIn("closed the connection before its welcome: it may want TLS (cafile)", self.records[0].getMessage())


class ControllerTests(QuietTests):
    """A controller that speaks with a netd."""

    def server(self, *answers: bytes, hangs_up: bool = False) -> FakeSocket:
        """A netd that welcomes, then gives one of *answers* for each request."""
        reactions = [WELCOME, *answers]
        return FakeSocket(react=lambda _: reactions.pop(0) if reactions else b"", hangs_up=hangs_up)

    def test_send(self) -> None:
        """A request waits for the last word about itself: neither early words nor late answers to others are taken for it."""
        other = message({"id": 99, "status": "acknowledged", "final": True}, b"another's")
        early = message({"id": 1, "status": "queued", "final": False}) + message({"id": 1, "status": "sent"})
        server = self.server(other + early + message({"id": 1, "status": "acknowledged", "final": True}, b"pong"))
        with self.controller(World(server)) as controller:
            self.assertEqual(controller.send("gh", "ping", deadline=2.5), relay.Outcome("acknowledged", b"pong"))
        self.assertEqual(server.sent, frames(b"controller {}") + message({"id": 1, "to": "gh", "deadline": 2.5}, b"ping"))
        self.assertTrue(server.is_closed)

    def test_one_connection_for_many_requests(self) -> None:
        """Requests follow one another on one connection, each with its own id."""
        server = self.server(*(message({"id": n, "status": "sent", "final": True}) for n in (1, 2)))
        controller = self.controller(World(server))
        self.assertEqual([controller.send("gh", b"").status for _ in range(2)], ["sent", "sent"])

    def test_devices_and_connect(self) -> None:
        """The list says what there is, an entry of it can be sent to, and ``connect`` asks the same of one device."""
        entries = [{"name": "gh", "address": "('127.0.0.1', 1)", "online": True}]
        server = self.server(
            message({"id": 1, "status": "list", "devices": entries}),
            message({"id": 2, "status": "failed", "error": "hot", "final": True}, b"99"),
            message({"id": 3, "status": "list", "devices": entries}),
        )
        controller = self.controller(World(server))
        (device,) = controller.devices()
        self.assertEqual(controller.send(device, b"x"), relay.Outcome("failed", b"99", "hot"))
        self.assertEqual(controller.connect(device), "('127.0.0.1', 1)")
        self.assertIn(message({"id": 2, "to": "gh"}, b"x") + message({"id": 3, "list": True}), server.sent)

    def test_broken_after_writing_is_unknown(self) -> None:
        """When the connection breaks once the request was written, nobody pretends to know; and it is not sent twice."""
        for breaking in (b"", b"x" * 64, frames(b"|error: slow|"), message({"status": "error", "error": "drained"})):
            world = World(self.server(breaking, hangs_up=True), self.server(message({"id": 2, "status": "sent", "final": True})))
            controller = self.controller(world)
            outcome = controller.send("gh", b"x")
            self.assertEqual(outcome.status, "failed")
            self.assertIn("it is unknown whether this reached gh", outcome.error)
            self.assertEqual(len(world.opened), 1)
            self.assertTrue(world.opened[0].is_closed)
            self.assertEqual(controller.send("gh", b"y").status, "sent")
            self.assertNotIn(message({"id": 1, "to": "gh"}, b"x"), world.opened[1].sent)

    def test_broken_while_writing(self) -> None:
        """A connection that breaks under the request's feet is no different."""
        server = self.server(message({"id": 1, "status": "sent", "final": True}))
        controller = self.controller(World(server))
        controller.send("gh", b"x")
        server.broken = BrokenPipeError("gone")
        self.assertIn("gone; it is unknown", controller.send("gh", b"x").error)

    def test_restarted_relay(self) -> None:
        """A relay that restarted since the last request costs nothing: that is noticed before the next is written."""
        first, second = (self.server(message({"id": n, "status": "sent", "final": True})) for n in (1, 2))
        for ending in (b"", OSError("reset")):
            world = World(first, second)
            controller = self.controller(world)
            controller.send("gh", b"x")
            first.arriving.append(ending)
            self.assertEqual(controller.send("gh", b"y").status, "sent")
            first, second = (self.server(message({"id": n, "status": "sent", "final": True})) for n in (1, 2))

    def test_late_answers_between_requests(self) -> None:
        """What arrives while nobody waits neither gets lost in the middle nor is taken for the next answer."""
        server = self.server(*(message({"id": n, "status": "sent", "final": True}) for n in (1, 2)))
        controller = self.controller(World(server))
        controller.send("gh", b"x")
        late = message({"id": 1, "status": "acknowledged", "final": True}, b"late")
        server.arriving += [late[:70], late[70:]]
        self.assertEqual(controller.send("gh", b"y"), relay.Outcome("sent"))

    def test_silent_relay(self) -> None:
        """A relay that does not answer is given up on a minute after the deadline; the outcome is unknown."""
        world = World(self.server())
        outcome = self.controller(world).send("gh", b"x", deadline=5)
        self.assertEqual(outcome.status, "failed")
        self.assertIn("did not answer in time; it is unknown", outcome.error)
        self.assertEqual(world.now, 1000 + 65)

    def test_not_connected(self) -> None:
        """Where nothing was sent, the program gets an error that says so, and the next call tries anew.

        An uncaught one prints a single traceback: its last line says all that its cause says.
        """
        server = self.server(message({"id": 1, "status": "sent", "final": True}))
        controller = self.controller(World(ConnectionRefusedError("refused"), server))
        with self.assertRaisesRegex(relay.NotConnected, "cannot reach the relay at relay.test:5050: refused") as caught:
            controller.send("gh", b"x")
        self.assertNotIn("The above exception", "".join(traceback.format_exception(caught.exception)))
        self.assertEqual(controller.send("gh", b"x").status, "sent")

    def test_refused(self) -> None:
        """The relay's refusal is an error with its reason."""
        refusing = FakeSocket(message({"status": "error", "error": "full"}))
        with self.assertRaisesRegex(relay.Refused, "full"):
            self.controller(World(refusing)).devices()
        self.assertTrue(refusing.is_closed)

    def test_closed(self) -> None:
        """A closed controller says so and opens nothing."""
        world = World(self.server(message({"id": 1, "status": "sent", "final": True})))
        controller = self.controller(world)
        controller.send("gh", b"x")
        controller.close()
        with self.assertRaisesRegex(relay.NotConnected, "this client was closed"):
            controller.send("gh", b"x")
        self.assertEqual(len(world.opened), 1)

    def test_bad_arguments(self) -> None:
        """What cannot be sent is refused before there is a connection."""
        controller = self.controller(World())
        self.assertRaises(ValueError, controller.send, "gh", bytes(10_000_000))
        self.assertRaises(ValueError, controller.send, "gh", b"", -1)
        self.assertRaises(TypeError, controller.send, "gh", 5)

    def test_target_too_long_for_an_envelope(self) -> None:
        """A target of 64 KiB is refused; the connection stays good for the next request."""
        server = self.server(message({"id": 2, "status": "sent", "final": True}))
        controller = self.controller(World(server))
        self.assertRaises(ValueError, controller.send, "x" * 70_000, b"")
        self.assertEqual(controller.send("gh", b"").status, "sent")


class OldControllerTests(QuietTests):
    """A controller at an old server."""

    TARGET = b"('127.0.0.1', 50412)".ljust(64)

    def test_each_event(self) -> None:
        """List, connect and send do what they did, each on a connection of its own that ends with goodbye."""
        world = World(
            FakeSocket(frames(b"('127.0.0.1', 50412),")),
            FakeSocket(frames(b"|connected to ('127.0.0.1', 50412)|")),
            FakeSocket(frames(b"data succesfully sent")),
            FakeSocket(frames(b"|target not found|")),
        )
        controller = self.controller(world, "old")
        (device,) = controller.devices()
        self.assertEqual(controller.connect(device), "('127.0.0.1', 50412)")
        self.assertEqual(controller.send("127.0.0.1:50412", "hello"), relay.Outcome("sent"))
        self.assertEqual(controller.send("nobody", b""), relay.Outcome("failed", error="target not found"))
        python, goodbye = frames(b"python"), frames(b"|disconnect|")
        self.assertEqual(
            [connection.sent for connection in world.opened],
            [
                python + b"|no target|".ljust(64) + goodbye,
                python + self.TARGET + frames(b"conecting") + goodbye,
                python + self.TARGET + frames(b"hello") + goodbye,
                python + b"nobody".ljust(64) + frames(b"") + goodbye,
            ],
        )

    def test_second_answer_is_not_the_next_events(self) -> None:
        """An old server that answers twice does not make the next event look as if it had succeeded."""
        world = World(
            FakeSocket(frames(b"data succesfully sent", b"data succesfully sent")), FakeSocket(frames(b"|target not found|"))
        )
        controller = self.controller(world, "old")
        self.assertEqual(controller.send("127.0.0.1:1", b"x").status, "sent")
        self.assertEqual(controller.send("127.0.0.1:2", b"x").status, "failed")

    def test_answer_in_two_segments(self) -> None:
        """An old server's header and payload come apart."""
        answer = frames(b"data succesfully sent")
        self.assertEqual(
            self.controller(World(FakeSocket(answer[:64], answer[64:])), "old").send("127.0.0.1:1", b"x").status, "sent"
        )

    def test_server_that_dies_of_the_event(self) -> None:
        """An old server's thread that crashes on a dead device leaves an outcome that says that nobody knows."""
        outcome = self.controller(World(FakeSocket()), "old").send("127.0.0.1:1", b"x")
        self.assertIn("closed the connection; it is unknown whether this reached 127.0.0.1:1", outcome.error)

    def test_silence(self) -> None:
        """An old server that never answers is waited for 40 s."""
        world = World(FakeSocket(hangs_up=False))
        self.assertRaises(relay.NotInTime, self.controller(world, "old").devices)
        self.assertEqual(world.now, 1040)

    def test_bad_target_leaves_no_connection_behind(self) -> None:
        """A target that is refused is not written, and its connection is closed."""
        connection = FakeSocket()
        self.assertRaises(ValueError, self.controller(World(connection), "old").send, "5041", b"x")
        self.assertEqual((connection.sent, connection.is_closed), (frames(b"|disconnect|"), True))

    def test_auto(self) -> None:
        """An old server is found out once; the events after that go straight to it."""
        world = World(FakeSocket(hangs_up=False), *(FakeSocket(frames(b"|no raspberrypies|")) for _ in range(2)))
        controller = self.controller(world)
        self.assertEqual(controller.dialect, "")
        self.assertEqual([controller.devices(), controller.devices()], [[], []])
        self.assertEqual((world.now, controller.dialect), (1003, "old"))
