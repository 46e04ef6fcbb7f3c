"""Tests of ``netd.relay.service``, ``config`` and ``protocol``: a relay from its section, without a network."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.connection.protocol import LINES
from netd.errors import InvalidArguments, NoSuchTarget, NotPermitted, OperationFailed
from netd.kinds import ServiceKind
from netd.operations import Role
from netd.relay.config import Config
from netd.relay.results import SendResult
from netd.testing import Connection, ServiceKindTests, connect, make_caller, reload, result_of, wired
from tests.relay.bench import ask, event, frames, pairs

KIND = ServiceKind("relay", "netd.relay")

CONSOLE = make_caller()


class RelayKindTests(ServiceKindTests, SynchronousTestCase):
    """The relay keeps what every kind of service must keep."""

    kind = KIND


class ServiceBench(SynchronousTestCase):
    """A relay from its section."""

    def _start(self, **options: Any) -> None:
        self.service, self.factory, self.reactor, self.bus = wired(KIND, Config(**options))
        self.addCleanup(self._leaves_nothing)

    def setUp(self) -> None:
        self._start()

    def _leaves_nothing(self) -> None:
        for connection in list(self.factory.connections):
            connection.connectionLost(_done())
        result_of(self.service.stopService())
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def _device(self, port: int = 50412, **hello: Any) -> Connection:
        device = connect(self.factory, self.reactor, port=port)
        device.say(encode_frame(b"raspberrypi") if not hello else _hello(hello))
        return device

    def _told(self, deferred: Deferred[dict[str, Any]]) -> list[dict[str, Any]]:
        outcomes: list[dict[str, Any]] = []
        deferred.addCallback(outcomes.append)
        return outcomes


class RelayServiceTests(ServiceBench):
    """Operations, status, and connections as the reactor makes them."""

    def test_old_programs(self) -> None:
        """An old device and an old controller find each other through the shells."""
        device = self._device()
        controller = connect(self.factory, self.reactor, port=50413)
        target = "('127.0.0.1', 50412)"
        self.assertEqual(frames(controller.say(event("|no target|"))), [b"('127.0.0.1', 50412),"])
        self.assertEqual(frames(controller.say(event(target, b"water"))), [b"data succesfully sent"])
        self.assertEqual(frames(device.heard()), [b"water"])
        device.lose()
        self.assertEqual(frames(controller.say(event(target, b"water"))), [b"|target not found|"])

    def test_one_write_per_turn(self) -> None:
        """All that one turn brings for a device, and for a controller, is one write each; a header never travels alone."""
        device, controller = self._device(), connect(self.factory, self.reactor, port=50413)
        for side in (device, controller):
            writes: list[bytes] = []
            side.transport.write = writes.append  # type: ignore[method-assign]
            side.writes = writes  # type: ignore[attr-defined]
        controller.say(event("127.0.0.1:50412", b"1") + event("127.0.0.1:50412", b"22") + event("|no target|"))
        self.assertEqual([len(writes) for writes in (device.writes, controller.writes)], [1, 1])  # type: ignore[attr-defined]

    def test_answers_that_are_not_read(self) -> None:
        """A controller that does not read its answers is not read from, until it does."""
        controller = connect(self.factory, self.reactor)
        producer = controller.transport.producer
        producer.pauseProducing()
        controller.say(event("|no target|") * 800)
        self.assertEqual(controller.transport.producerState, "paused")
        producer.resumeProducing()
        self.assertEqual(controller.transport.producerState, "producing")
        self.assertEqual(len(frames(controller.heard())), 800)

    def test_a_device_that_stops_reading(self) -> None:
        """A device that takes nothing for the stall timeout is cut; who waited is told; nothing is left of it."""
        device, controller = self._device(), connect(self.factory, self.reactor, port=50413)
        device.transport.producer.pauseProducing()
        self.assertEqual(controller.say(event("127.0.0.1:50412", b"water")), b"")
        self.reactor.pump([1] * 8)
        self.assertTrue(device.is_closing)
        device.lose()
        self.assertEqual(frames(controller.heard()), [b"|device disconnected|"])

    def test_a_device_that_reads_again(self) -> None:
        """A device that takes its bytes in time gets them all, and its controller hears so then."""
        device, controller = self._device(), connect(self.factory, self.reactor, port=50413)
        device.transport.producer.pauseProducing()
        controller.say(event("127.0.0.1:50412", b"water"))
        self.reactor.advance(7)
        device.transport.producer.resumeProducing()
        self.assertEqual(frames(device.heard()), [b"water"])
        self.assertEqual(frames(controller.heard()), [b"data succesfully sent"])

    def test_silence_is_closed(self) -> None:
        """A connection that says nothing is kept for an hour, and an identified one for ever."""
        silent, device = connect(self.factory, self.reactor, port=1), self._device()
        self.reactor.advance(3599)
        self.assertFalse(silent.is_closing)
        self.reactor.advance(1)
        self.assertTrue(silent.is_closing)
        self.reactor.advance(100_000)
        self.assertFalse(device.is_closing)

    def test_clock_of_the_first_event(self) -> None:
        """From its first byte on, a connection has the login timeout; it may have been silent for as long as it liked."""
        slow = connect(self.factory, self.reactor, port=1)
        self.reactor.advance(1000)
        slow.say(b"6 ")
        self.reactor.advance(7.9)
        self.assertFalse(slow.is_closing)
        self.reactor.advance(0.1)
        self.assertTrue(slow.is_closing)

    def test_one_address_that_connects_again_and_again(self) -> None:
        """A device that comes and goes fills some lines of the log a minute, and not a line each time."""
        with capturedLogs() as events:
            for port in range(1, 101):
                device = connect(self.factory, self.reactor, port=port)
                device.say(encode_frame(b"raspberrypi"))
                device.lose()
        self.assertEqual(2 * LINES, len([event for event in events if event.get("service") == self.factory.name]))

    def test_bad_input_is_counted(self) -> None:
        """A refusal shows in the status."""
        connect(self.factory, self.reactor).say(b"?" * 64)
        self.assertEqual(self.service.status().counters["refused"], {"bad header": 1})

    def test_outcomes_are_counted(self) -> None:
        """The status tells what became of messages, in either dialect, and how many wait for devices that are away."""
        self._start(queue_for=60.0)
        self._device(name="greenhouse")
        self.service.send(CONSOLE, "greenhouse", "hi", wait=False)
        connect(self.factory, self.reactor, port=7).say(event("greenhouse", b"hi"))
        self._device(name="cellar", port=8).lose()
        self.service.send(CONSOLE, "cellar", "hi", wait=False)
        self.reactor.advance(0)
        status = self.service.status()
        self.assertEqual((status.queued, status.counters["outcomes"]), (1, {"sent": 1}))
        self.reactor.advance(61)
        status = self.service.status()
        self.assertEqual((status.queued, status.counters["outcomes"]), (0, {"sent": 1, "expired": 2}))

    def test_devices(self) -> None:
        """Consoles see who is there, and who was."""
        self._device(name="greenhouse").lose()
        self._device(port=50500)
        online, away = self.service.devices(CONSOLE).rows
        self.assertEqual((online.address, online.online), ("('127.0.0.1', 50500)", True))
        self.assertEqual((away.name, away.online), ("greenhouse", False))
        self.assertEqual(self.service.status().devices, 1)

    def test_two_of_one_name(self) -> None:
        """Who reads the log learns that two devices push each other out, once a minute and not each time; so does the status."""
        with capturedLogs() as logged:
            for port in range(50412, 50416):
                self._device(port=port, name="greenhouse")
        (told,) = [event for event in logged if "took its name" in event["log_format"]]
        self.assertEqual((told["name"], told["other"]), ("greenhouse", "127.0.0.1:50412"))
        self.assertEqual(self.service.status().counters["replaced"], 3)
        with capturedLogs() as logged:
            self.reactor.advance(60)
            self._device(port=50416, name="greenhouse")
            self._device(port=50417, name="cellar")
        self.assertEqual([event["skipped"] for event in logged if "took its name" in event["log_format"]], [2])

    def test_an_old_device_of_that_name(self) -> None:
        """A device of the first dialect that loses its name is closed without a word: it would take it for a message."""
        self._start(host_names=(("greenhouse", "127.0.0.1"),))
        old = self._device()
        self._device(port=50413, name="greenhouse")
        self.assertEqual((frames(old.heard()), old.is_closing), ([], True))

    def test_send(self) -> None:
        """A console's request goes to the device and brings its answer."""
        device = self._device(name="greenhouse")
        outcomes = self._told(self.service.send(CONSOLE, "greenhouse", text="water"))
        [(envelope, payload)] = pairs(device.heard())
        self.assertEqual((payload, envelope["from"], outcomes), (b"water", "console", []))
        device.say(ask(b"\xff", id=envelope["id"], status="acknowledged"))
        self.assertEqual(outcomes, [SendResult("acknowledged", answer=b"\xff")])

    def test_send_without_waiting(self) -> None:
        """Who does not wait for the answer hears that it was sent."""
        self._device(name="greenhouse")
        outcomes = self._told(self.service.send(CONSOLE, "greenhouse", base64="/w==", wait=False))
        self.reactor.advance(0)
        self.assertEqual(outcomes, [SendResult("sent")])
        self.reactor.advance(10)

    def test_send_to_an_old_device(self) -> None:
        """Sent is all that there is to know of an old device."""
        device = self._device()
        outcomes = self._told(self.service.send(CONSOLE, "127.0.0.1:50412", text=""))
        self.assertEqual(frames(device.heard()), [b""])
        self.assertEqual(outcomes, [SendResult("sent")])

    def test_confined(self) -> None:
        """A token for some devices lists these, and sends to these; of others it does not even learn whether they are there."""
        for port, name in enumerate(("panel", "greenhouse", "cellar"), 50412):
            self._device(port=port, name=name, aliases=[f"{name}-of-old"])
        self._device(port=50500)
        self._device(port=50600, name="attic", aliases=["loft"]).lose()
        panel = make_caller(Role.OPERATOR, ("relay.*.*.panel", "relay.main.*.127-0-0-1", "relay.main.*.attic"))
        listed = [device.name or device.address for device in self.service.devices(panel).rows]
        self.assertEqual(listed, ["panel", "('127.0.0.1', 50500)", "attic"])
        for target in ("panel", "panel-of-old", "127.0.0.1:50412", "127.0.0.1:50500"):
            self.assertEqual([], self._told(self.service.send(panel, target, text="on", deadline=0.1))[1:], target)
        for target in ("greenhouse", "greenhouse-of-old", "127.0.0.1:50413", "127.0.0.1:1", "nobody"):
            why = str(self.assertRaises(NotPermitted, self.service.send, panel, target, text="on"))
            seen = "relay.*.*.panel, relay.main.*.127-0-0-1, relay.main.*.attic"
            self.assertEqual(why, f"{target!r} is none of the devices of this token, which sees {seen}")
        for target in ("attic", "loft"):
            self.assertEqual("the device is away", result_of(self.service.send(panel, target, text="on")).error)
        watcher = make_caller(Role.OPERATOR, ("relay.main.presence.>",))
        self.assertEqual(5, len(self.service.devices(watcher).rows))
        self.assertRaises(NotPermitted, self.service.send, watcher, "panel", text="on")
        self.reactor.advance(1)

    def test_send_expires(self) -> None:
        """A device that does not answer is no success."""
        self._device(name="greenhouse")
        outcomes = self._told(self.service.send(CONSOLE, "greenhouse", text="x", deadline=2.0))
        self.reactor.advance(2)
        self.assertEqual(outcomes, [SendResult("expired", "the deadline passed", known="yes")])

    def test_send_cancelled(self) -> None:
        """A console that gives up while it waits disturbs nothing."""
        device = self._device(name="greenhouse")
        deferred = self.service.send(CONSOLE, "greenhouse", text="x")
        deferred.addErrback(lambda _: None)
        deferred.cancel()
        [(envelope, _)] = pairs(device.heard())
        device.say(ask(id=envelope["id"], status="acknowledged"))
        self.assertFalse(device.is_closing)

    def test_send_wrongly(self) -> None:
        """What cannot be sent is refused with the reason."""
        self._device(name="greenhouse")
        self.assertRaises(NoSuchTarget, result_of, self.service.send(CONSOLE, "nobody", text="x"))
        self.assertRaises(InvalidArguments, self.service.send, CONSOLE, "", text="x")
        self.assertRaises(InvalidArguments, self.service.disconnect, "\x1b")
        for wrong in (
            {},
            {"text": "x", "base64": ""},
            {"base64": "?"},
            {"text": "x", "deadline": 0.0},
            {"text": "x" * 2_000_000},
        ):
            self.assertRaises(InvalidArguments, self.service.send, CONSOLE, "greenhouse", **wrong)

    def test_host_alone(self) -> None:
        """Who names a device by its host alone is told that an address has a port."""
        self._device()
        for target, address in (("127.0.0.1", "127.0.0.1:PORT"), ("::1", "[::1]:PORT"), ("[::1]", "[::1]:PORT")):
            why = f"no device '{target}' is connected (an address is host and port: {address})"
            failed = self.assertRaises(NoSuchTarget, result_of, self.service.send(CONSOLE, target, text="x"))
            self.assertEqual(f"{why}; `relay.devices` lists them", str(failed))
            self.assertEqual(why, str(self.assertRaises(NoSuchTarget, self.service.disconnect, target)))

    def test_another_node(self) -> None:
        """Who names a node that has no such device is told what the name alone would mean."""
        failed = self.assertRaises(NoSuchTarget, result_of, self.service.send(CONSOLE, "oven@B", text="x"))
        self.assertIn("no device 'oven@B' is connected to node B: 'oven' alone means the node that has it", str(failed))

    def test_disconnect(self) -> None:
        """An operator can send a device away."""
        device = self._device(name="greenhouse")
        self.assertEqual(self.service.disconnect("greenhouse").name, "greenhouse")
        self.assertTrue(device.is_closing)
        self.assertRaises(NoSuchTarget, self.service.disconnect, "nobody")

    def test_forget(self) -> None:
        """A named device that is away can be forgotten: no list names it, nothing waits for it or is kept of it."""
        self._leaves_nothing()
        self._start(queue_for=60.0)
        device = self._device(name="pump", aliases=["p"])
        self.assertRaisesRegex(OperationFailed, "is connected; `relay.disconnect` ends", self.service.forget, CONSOLE, "pump")
        device.lose()
        told = self._told(self.service.send(CONSOLE, "pump", "on", deadline=30.0))
        [queued] = self._told(self.service.send(CONSOLE, "pump", "on"))  # kept for a minute, which nobody waits for
        self.assertEqual((queued.status, told), ("queued", []))
        self.assertEqual(result_of(self.service.forget(CONSOLE, "p")).name, "pump")
        self.assertEqual([(one.status, one.error) for one in told], [("failed", "the device was forgotten")])
        self.assertEqual(self.service.devices(CONSOLE).rows, [])
        self.assertEqual(self.bus.last("relay.*.*.pump"), [])
        self.assertEqual(self.service._exchange.queues.size, 0)
        for name in ("pump", "p", "127.0.0.1:7"):
            self.assertRaisesRegex(NoSuchTarget, "no device .* is known", self.service.forget, CONSOLE, name)

    def test_forget_by_whom(self) -> None:
        """A token that does not see a device cannot forget it, nor learn whether there is one."""
        self._device(name="pump").lose()
        confined = make_caller(Role.OPERATOR, subjects=("relay.main.*.lamp",))
        for name in ("pump", "nobody"):
            self.assertRaises(NotPermitted, self.service.forget, confined, name)
        self.assertRaises(NoSuchTarget, self.service.forget, confined, "lamp")

    def test_names_from_the_configuration(self) -> None:
        """Hosts named in the INI have their names, words and limits are the INI's."""
        self._leaves_nothing()
        self._start(host_names=(("shed", "10.0.0.9"),), device_words=("esp32",), controller_words=("matlab",), max_payload=4)
        device = connect(self.factory, self.reactor, host="::ffff:10.0.0.9", port=7)
        device.say(encode_frame(b"esp32"))
        controller = connect(self.factory, self.reactor)
        said = event("shed", b"1234").replace(b"python", b"matlab")
        self.assertEqual(frames(controller.say(said)), [b"data succesfully sent"])
        [answer] = frames(controller.say(event("shed", b"12345").replace(b"python", b"matlab")))
        self.assertTrue(answer.startswith(b"|error: 5 bytes announced, at most 4"), answer)

    def test_log_lines(self) -> None:
        """A connection's end is one line that says who, how long, how much and why; the bad bytes are escaped."""
        from twisted.logger import formatEvent, globalLogPublisher

        lines: list[str] = []

        def observe(logged: Any) -> None:
            lines.append(formatEvent(logged))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        bad = connect(self.factory, self.reactor, port=9)
        bad.say(b"\x1b[2J" * 40)
        bad.lose()
        refused, left = lines
        self.assertIn(r"\x1b[2J", refused)
        self.assertNotIn("\x1b", refused)
        self.assertIn("127.0.0.1:9 left after 0.0 s, 160 bytes in", left)
        self.assertTrue(left.endswith("bad header"), left)


class OptionTests(ServiceBench):
    """Each option has its own effect, and no other's."""

    def setUp(self) -> None:
        self._start(
            login_timeout=3.0,
            frame_timeout=5.0,
            answer_timeout=7.0,
            max_deadline=11.0,
            queue_for=13.0,
            stall_timeout=17.0,
            max_outstanding=2,
            queue_size=1500,
            device_queue=70_000,
            max_payload=80_000,
        )

    def _lasts(self, seconds: float, connection: Connection) -> None:
        self.reactor.pump([seconds - 0.1])
        self.assertFalse(connection.is_closing)
        self.reactor.pump([0.2])
        self.assertTrue(connection.is_closing)

    def test_half_a_frame(self) -> None:
        """The first frame has the login timeout, an event the frame timeout."""
        newcomer = connect(self.factory, self.reactor, port=1)
        newcomer.say(encode_frame(b"python")[:70])
        self._lasts(3, newcomer)
        controller = connect(self.factory, self.reactor, port=2)
        controller.say(event("|no target|") + event("nobody", b"water")[:-1])
        self._lasts(5, controller)

    def test_deadlines(self) -> None:
        """A request without a deadline has the answer timeout; no deadline is longer than the longest."""
        self._device(name="pump")
        for deadline, seconds in ((None, 7), (100.0, 11), (2.0, 2)):
            told = self._told(self.service.send(CONSOLE, "pump", "on", deadline=deadline))
            self.reactor.pump([seconds - 0.1])
            self.assertEqual(told, [])
            self.reactor.pump([0.2])
            self.assertEqual([outcome.status for outcome in told], ["expired"])

    def test_offline_queue(self) -> None:
        """A message to a device that is away is kept for its own time, within its own size."""
        self._device(name="pump").lose()
        controller = connect(self.factory, self.reactor, port=2)
        self.assertEqual(frames(controller.say(event("pump", b"x" * 1500))), [b"|queued|"])
        self.assertEqual(frames(controller.say(event("pump", b"x"))), [b"|target not found|"])
        self.reactor.pump([13.1])
        self.assertEqual(frames(controller.say(event("pump", b"x"))), [b"|queued|"])
        self.reactor.pump([13.1])

    def test_what_waits(self) -> None:
        """A device that reads nothing is sent no more than its queue holds, and is cut after the stall timeout."""
        device, controller = self._device(), connect(self.factory, self.reactor, port=50413)
        device.transport.producer.pauseProducing()
        self.assertEqual(controller.say(event("127.0.0.1:50412", b"x" * 60_000)), b"")
        other = connect(self.factory, self.reactor, port=50414)
        [answer] = frames(other.say(event("127.0.0.1:50412", b"x" * 20_000)))
        self.assertIn(b"does not read", answer)
        self.reactor.pump([1] * 16)
        self.assertFalse(device.is_closing)
        self.reactor.pump([1] * 2)
        self.assertTrue(device.is_closing)

    def test_outstanding(self) -> None:
        """One controller has so many unanswered requests, and each has so long a payload."""
        self._device(name="pump")
        controller = connect(self.factory, self.reactor, port=50413)
        controller.say(encode_frame(b"controller {}"))
        said = pairs(controller.say(b"".join(ask(id=number, to="pump") for number in range(3))))
        self.assertEqual([told["id"] for told, _ in said if told["status"] == "failed"], [2])
        other = connect(self.factory, self.reactor, port=50414)
        other.say(event("|no target|"))
        [answer] = frames(other.say(event("127.0.0.1:50412") + b"80001".ljust(64)))
        self.assertIn(b"at most 80000", answer)


def _hello(hello: dict[str, Any]) -> bytes:
    from netd.codec.jsontext import encode

    return encode_frame(b"device " + encode(hello))


def _done() -> Any:
    from twisted.internet.error import ConnectionDone
    from twisted.python.failure import Failure

    return Failure(ConnectionDone())


class ReloadTests(ServiceBench):
    """Options that change while devices and controllers are connected."""

    def test_limits(self) -> None:
        """Longest payload, waiting room of a device, and time-outs are those of the new options, for who is connected, too."""
        device = self._device()
        controller = connect(self.factory, self.reactor, port=50413)
        target = "('127.0.0.1', 50412)"
        reload(self.service, Config(max_payload=4, device_queue=70_000, frame_timeout=2.0))
        self.assertEqual(frames(controller.say(event(target, b"1234"))), [b"data succesfully sent"])
        self.assertEqual(device.protocol.peer._bounds.size, 70_000)
        with capturedLogs():
            controller.say(event(target, b"12345"))
        self.assertTrue(controller.is_closing)
        half = connect(self.factory, self.reactor, port=50414)
        half.say(event(target, b"1")[:-1])
        reload(self.service, Config(frame_timeout=9.0))
        device.lose()

    def test_repeated_prefix(self) -> None:
        """A client type that is one no longer is none for a controller that has repeated itself either."""
        device = self._device()
        controller = connect(self.factory, self.reactor, port=50413)
        target = "('127.0.0.1', 50412)"
        controller.say(event(target, b"1"))
        reload(self.service, Config(controller_words=("matlab",)))
        with capturedLogs():
            controller.say(event(target, b"2") * 2)
        self.assertTrue(controller.is_closing)
        self.assertEqual(frames(device.heard()), [b"1"])

    def test_names(self) -> None:
        """A list has names from the next one on; hosts have names for devices that connect from now on."""
        before = self._device()
        controller = connect(self.factory, self.reactor, port=50413)
        self.assertEqual(frames(controller.say(event("|no target|"))), [b"('127.0.0.1', 50412),"])
        reload(self.service, Config(list_format="names", host_names=(("shed", "127.0.0.1"),)))
        self.assertEqual(frames(controller.say(event("|no target|"))), [b"127.0.0.1:50412,"])
        after = self._device(port=50415)
        self.assertEqual(frames(controller.say(event("|no target|"))), [b"127.0.0.1:50412,shed,"])
        before.lose()
        after.lose()
