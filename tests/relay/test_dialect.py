"""Tests of ``netd.relay.machine`` and ``netd.relay.exchange``: the second dialect, requests and the offline queue."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.relay.events import DevicePresence, DeviceRefused, DeviceSaid
from tests.relay.bench import Relay, Side, ask, event, field, frames, pairs


def told(side: Side) -> list[tuple[Any, ...]]:
    """What a controller was told since the last time: id, status, whether it is final, payload."""
    return [(e["id"], e["status"], e.get("final", False), payload) for e, payload in pairs(side.hear())]


class DeviceTests(SynchronousTestCase):
    """Devices that say who they are, and answer."""

    def setUp(self) -> None:
        self.relay = Relay()

    def test_welcome(self) -> None:
        """A device learns under which name, address and generation it is known."""
        side = self.relay.connect()
        [(welcome, payload)] = pairs(side.say(encode_frame(b'device {"name": "greenhouse", "later": 1}')))
        self.assertEqual((welcome["status"], welcome["name"], payload), ("welcome", "greenhouse", b""))
        self.assertEqual(welcome["address"], "('127.0.0.1', 50412)")
        self.assertTrue(side.is_device)

    def test_nameless(self) -> None:
        """A device may speak the second dialect without a name."""
        side = self.relay.connect()
        [(welcome, _)] = pairs(side.say(encode_frame(b"device {}")))
        self.assertEqual(welcome["name"], "")
        self.assertEqual(frames(self.relay.connect().say(event("|no target|"))), [b"('127.0.0.1', 50412),"])

    def test_pings(self) -> None:
        """A device that asks for it hears from the relay on that beat, until it is gone: so it knows when the relay is."""
        side = self.relay.connect()
        [(welcome, _)] = pairs(side.say(encode_frame(b'device {"name": "greenhouse", "ping": 15}')))
        self.assertEqual(welcome["ping"], 15)
        heard = []
        for _second in range(45):
            self.relay.advance(1)
            heard.append(pairs(side.hear()))
        ping = [({"status": "ping"}, b"")]
        self.assertEqual([second for second, told in enumerate(heard, 1) if told], [15, 30, 45])
        self.assertEqual([told for told in heard if told], [ping] * 3)
        side.peer.is_full = True
        self.relay.advance(15)
        self.assertEqual(side.hear(), b"")
        side.lose()
        self.assertEqual(self.relay.clock.getDelayedCalls(), [])

    def test_one_beat(self) -> None:
        """All devices are pinged on one beat, half a second early at most and never late; each at its own interval."""
        sides = {}
        for seconds in (15, 1, 2.9):
            sides[seconds] = self.relay.connect()
            sides[seconds].say(encode_frame(b'device {"ping": %a}' % seconds))
            self.relay.advance(0.25)
        self.assertEqual(len(self.relay.clock.getDelayedCalls()), 1)
        heard: dict[float, list[float]] = {seconds: [] for seconds in sides}
        for _eighth in range(128):
            self.relay.advance(0.125)
            for seconds, side in sides.items():
                heard[seconds] += [self.relay.clock.seconds()] * len(pairs(side.hear()))
        began = heard[15][0] - 15
        self.assertEqual([moment - began for moment in heard[1]], [float(second) for second in range(1, 17)])
        self.assertEqual([moment - began for moment in heard[2.9]], [3.0, 5.5, 8.0, 10.5, 13.0, 15.5])
        for side in sides.values():
            side.lose()
        self.assertEqual(self.relay.clock.getDelayedCalls(), [])

    def test_bounds_of_pings(self) -> None:
        """What is too often or too seldom is bounded, and the welcome says what there will be; without the wish there is none."""
        for asked, given in ((b"0.001", 1), (b"-5", 1), (b"2.5", 2.5), (b"1e9", 3600), (b"null", None)):
            side = self.relay.connect()
            [(welcome, _)] = pairs(side.say(encode_frame(b'device {"ping": %b}' % asked)))
            self.assertEqual(welcome.get("ping"), given)
            side.lose()

    def test_bad_hellos(self) -> None:
        """A hello that says nonsense is refused, and says why."""
        names = "the hello's names are 1 to 63 characters of A-Z a-z 0-9 _ -"
        aliases = "the hello's `aliases` is a list of at most 16 names"
        ping = "the hello's `ping` is a number of seconds"
        no_type = "unknown client type; a device says arduino, raspberrypi, a controller says python"
        hellos = {
            b"device {": "the hello is not JSON: Input data was truncated",
            b"device {}{}": "the hello is not JSON: JSON is malformed: trailing characters (byte 3)",
            b'device {"name": 5}': names,
            b'device {"name": "a b"}': names,
            b'device {"name": "' + b"x" * 64 + b'"}': names,
            b'device {"name": "a", "aliases": "b"}': aliases,
            b'device {"name": "a", "aliases": ["b c"]}': names,
            b'device {"aliases": ["b"]}': "the hello has aliases, but no name",
            b'device {"name": "a", "aliases": [' + b'"b",' * 16 + b'"b"]}': aliases,
            b'device {"name": "a", "ping": "often"}': ping,
            b'device {"name": "a", "ping": true}': ping,
            b"gadget {}": no_type,
            b"device": no_type,
            b"device x": no_type,
            b"python x": f"{no_type}; the length before it was wrong: lengths count bytes, not characters",
        }
        for hello, why in hellos.items():
            side = self.relay.connect()
            self.assertEqual(frames(side.say(encode_frame(hello))), [f"|error: {why}|".encode()])
            self.assertEqual(side.peer.closed, "unknown client type", hello)
        good = b'\xef\xbb\xbfdevice  {"name": "' + b"x" * 63 + b'", "aliases": [' + b'"b",' * 15 + b'"b"]}\0'
        self.relay.connect().say(encode_frame(good))
        self.assertIsNotNone(self.relay.exchange.devices.name_of("b"))

    def test_taking_a_name_over(self) -> None:
        """A device that comes back closes its own older connection, whose death later changes nothing."""
        old = self.relay.device(name="greenhouse")
        new = self.relay.device(name="greenhouse")
        self.assertEqual(old.peer.closed, "replaced by a newer connection of the same name")
        why = {"status": "error", "error": "another device took the name 'greenhouse'", "replaced": True}
        self.assertEqual(pairs(old.hear())[-1], (why, b""))
        self.assertEqual(self.relay.exchange.counts["replaced"], 1)
        old.lose()
        events = self.relay.bus.events("relay.main.presence.greenhouse")
        online = [(event.online, event.generation) for event in events if isinstance(event, DevicePresence)]
        generation = online[0][1]
        self.assertEqual(online, [(True, generation), (True, generation + 1)])
        self.assertRegex(str(getattr(events[-1], "reason", "")), r"^it took the name from 127\.0\.0\.1:[0-9]+$")
        self.assertIsNone(new.peer.closed)

    def test_a_name_that_is_held(self) -> None:
        """A stranger that says the name of a live device is denied it; the older one keeps it and is probed."""
        old = self.relay.device(name="door-lock")
        old.hear()
        stranger = self.relay.connect(host="10.0.0.66")
        told, _ = pairs(stranger.say(encode_frame(b'device {"name": "door-lock"}')))[0]
        self.assertEqual((told["status"], told["denied"]), ("error", True))
        self.assertEqual(
            told["error"],
            "the name 'door-lock' is held by the device at 127.0.0.1:50412 since 2023-11-14 22:30:00 UTC",
        )
        self.assertEqual((stranger.peer.closed, stranger.refused[0][0]), ("name held", "name held"))
        self.assertEqual((old.peer.closed, old.peer.probes, old.hear()), (None, 1, b""))
        [event_] = self.relay.bus.events("relay.main.refused")
        expected = DeviceRefused("door-lock", f"('10.0.0.66', {stranger.address()[1]})", "('127.0.0.1', 50412)", told["error"])
        self.assertEqual(event_, expected)
        self.assertEqual(self.relay.exchange.counts["denied"], 1)
        self.relay.connect().say(encode_frame(b"python") + field("door-lock") + encode_frame(b"open"))
        self.assertEqual((pairs(old.hear())[0][1], stranger.hear()), (b"open", b""))

    def test_a_new_address(self) -> None:
        """The same device is let in from its new address as soon as its old connection has been found dead."""
        old = self.relay.device(name="door-lock")
        self.relay.connect(host="10.0.0.66").say(encode_frame(b'device {"name": "door-lock"}'))
        old.lose()
        again = self.relay.connect(host="10.0.0.66")
        self.assertEqual(pairs(again.say(encode_frame(b'device {"name": "door-lock"}')))[0][0]["status"], "welcome")

    def test_from_an_old_controller(self) -> None:
        """A device of the second dialect gets what an old controller sends, with an envelope; its answer goes nowhere."""
        device = self.relay.device(name="greenhouse")
        device.hear()
        controller = self.relay.connect()
        self.assertEqual(frames(controller.say(event("greenhouse", b"water"))), [b"data succesfully sent"])
        [(envelope, payload)] = pairs(device.hear())
        self.assertEqual((payload, envelope["from"], envelope["deadline"]), (b"water", "('127.0.0.1', 50413)", 10.0))
        device.say(ask(b"done", id=envelope["id"], status="acknowledged"))
        self.assertEqual(controller.hear(), b"")
        self.assertEqual(self.relay.exchange.counts["answers_dropped"], 1)

    def test_news(self) -> None:
        """What a device says of its own accord is published."""
        device = self.relay.device(name="greenhouse")
        device.say(ask(b"21.5"), ask(b"\xfe", event="button"))
        news = self.relay.bus.events("relay.main.said.greenhouse")
        self.assertEqual(news, [DeviceSaid("greenhouse", "", "21.5", None), DeviceSaid("greenhouse", "button", None, b"\xfe")])

    def test_bad_envelopes(self) -> None:
        """An envelope that says nonsense ends the connection, in the dialect's own words."""
        bad = {
            ask(id=1): "an envelope's `status` is a string",
            ask(id=1, status="maybe"): "a device answers `acknowledged` or `failed`",
            ask(id=1, status=5): "an envelope's `status` is a string",
            ask(event=5): "an envelope's `event` is a string",
            ask(id=1, status="failed", error=5): "an envelope's `error` is a string",
            encode_frame(b"[]") + encode_frame(b""): "not a JSON object",
            encode_frame(b"{") + encode_frame(b""): "not JSON: Input data was truncated",
            b"70000".ljust(64): "70000 bytes announced, at most 65536 are taken",
        }
        for said, why in bad.items():
            device = self.relay.device(name="greenhouse")
            device.hear()
            self.assertEqual(pairs(device.say(said)), [({"status": "error", "error": why}, b"")])
            self.assertIsNotNone(device.peer.closed, said)


class ControllerTests(SynchronousTestCase):
    """Requests, and what becomes of them."""

    def setUp(self) -> None:
        self.relay = Relay()
        self.device = self.relay.device(name="greenhouse", aliases=["gh"])
        self.device.hear()
        self.controller = self.relay.controller()

    def _request(self, request_id: object = 7, to: str = "greenhouse", payload: bytes = b"water", **more: Any) -> None:
        self.controller.conversation.receive(ask(payload, id=request_id, to=to, **more))
        self.relay.end_turn()

    def _device_id(self) -> int:
        [(envelope, _)] = pairs(self.device.hear())
        identifier: int = envelope["id"]
        return identifier

    def test_welcome(self) -> None:
        """A controller of the second dialect is welcomed with the address that it is known by."""
        said = self.relay.connect().say(encode_frame(b"controller {}"))
        self.assertEqual(pairs(said), [({"status": "welcome", "address": "('127.0.0.1', 50414)"}, b"")])

    def test_acknowledged(self) -> None:
        """Sent, then acknowledged with the device's answer; binary both ways."""
        self._request(payload=b"\x00\xff")
        self.assertEqual(told(self.controller), [(7, "sent", False, b"")])
        [(envelope, payload)] = pairs(self.device.hear())
        self.assertEqual(payload, b"\x00\xff")
        self.device.say(ask(b"\xfe", id=envelope["id"], status="acknowledged"))
        self.assertEqual(told(self.controller), [(7, "acknowledged", True, b"\xfe")])
        self.relay.advance(100)
        self.assertEqual(self.controller.hear(), b"")

    def test_refused(self) -> None:
        """A device that refuses says why."""
        self._request()
        self.device.say(ask(b"log", id=self._device_id(), status="failed", error="no water"))
        [_, (envelope, payload)] = pairs(self.controller.hear())
        self.assertEqual((envelope["status"], envelope["error"], payload), ("failed", "no water", b"log"))
        self._request()
        self.device.say(ask(id=self._device_id(), status="failed"))
        self.assertEqual(pairs(self.controller.hear())[1][0]["error"], "the device refused")

    def test_expired(self) -> None:
        """Past the deadline it is expired, and a later answer is dropped and counted."""
        self._request(deadline=2.5)
        identifier = self._device_id()
        self.relay.advance(2.5)
        self.assertEqual(told(self.controller), [(7, "sent", False, b""), (7, "expired", True, b"")])
        self.device.say(ask(b"late", id=identifier, status="acknowledged"))
        self.assertEqual(self.controller.hear(), b"")
        self.assertEqual(self.relay.exchange.counts["answers_dropped"], 1)

    def test_disconnected(self) -> None:
        """A device that goes away fails what it had not answered."""
        self._request()
        self.device.lose()
        [_, (envelope, _)] = pairs(self.controller.hear())
        self.assertEqual((envelope["status"], envelope["error"]), ("failed", "the device disconnected"))
        self.assertEqual(self.relay.clock.getDelayedCalls(), [])

    def test_slow_device(self) -> None:
        """That it was sent is told when the device's connection has taken it all."""
        self.device.peer.is_full = True
        self._request()
        self.assertEqual(told(self.controller), [])
        self.device.drain()
        self.assertEqual(told(self.controller), [(7, "sent", False, b"")])

    def test_full_device(self) -> None:
        """A device that does not read what was sent before fails the request at once."""
        self.device.peer.accepts = False
        self._request()
        [(envelope, _)] = pairs(self.controller.hear())
        self.assertEqual((envelope["status"], envelope["error"]), ("failed", "the device does not read what was sent before"))

    def test_unknown(self) -> None:
        """No such device."""
        self._request(to="nobody")
        [(envelope, _)] = pairs(self.controller.hear())
        self.assertEqual((envelope["status"], envelope["error"]), ("failed", "no such device"))

    def test_over_at_once(self) -> None:
        """A request that has its last word at once is not outstanding: it takes no place, and its id is free."""
        relay = Relay(max_outstanding=2)
        controller = relay.controller()
        said = pairs(controller.say(ask(id=1, to="nobody") * 3 + ask(id=2, to="nobody")))
        self.assertEqual([(e["id"], e["error"]) for e, _ in said], [(1, "no such device")] * 3 + [(2, "no such device")])

    def test_old_device(self) -> None:
        """To a device of the first dialect, "sent" is the last word."""
        old = self.relay.device()
        self._request(to=old.conversation.link.address)  # type: ignore[union-attr]
        self.assertEqual(old.hear(), encode_frame(b"water"))
        self.assertEqual(told(self.controller), [(7, "sent", True, b"")])

    def test_answers_out_of_order(self) -> None:
        """Requests are told apart by their ids; a text is as good as a number."""
        self._request("a")
        first = self._device_id()
        self._request("b")
        second = self._device_id()
        self.controller.hear()
        self.device.say(ask(b"2", id=second, status="acknowledged") + ask(b"1", id=first, status="acknowledged"))
        self.assertEqual(told(self.controller), [("b", "acknowledged", True, b"2"), ("a", "acknowledged", True, b"1")])

    def test_repeated_id(self) -> None:
        """An id that is outstanding cannot be used again; afterwards it can."""
        self._request()
        self._request()
        self.assertEqual([one[1:3] for one in told(self.controller)], [("sent", False), ("failed", True)])
        # The failure was told of the second use; the first goes on and frees the id.
        [(envelope, _)] = pairs(self.device.hear())
        self.device.say(ask(id=envelope["id"], status="acknowledged"))
        self._request()
        self.assertEqual([one[1] for one in told(self.controller)], ["acknowledged", "sent"])

    def test_to_the_last_member(self) -> None:
        """Who asks is told to the device; refusals and lists carry their ids, their words and no payload; halves are seconds."""
        self._request(deadline=0.5)
        [(asked, _)] = pairs(self.device.hear())
        self.assertEqual((asked["from"], asked["deadline"]), ("('127.0.0.1', 50413)", 0.5))
        self.controller.hear()
        self._request()
        told = {"id": 7, "status": "failed", "final": True, "error": "this id is outstanding"}
        self.assertEqual(pairs(self.controller.hear()), [(told, b"")])
        [(listed, payload)] = pairs(self.controller.say(ask(id="all", list=True)))
        self.assertEqual((listed["id"], listed["status"], listed["final"], payload), ("all", "list", True, b""))

    def test_too_many_outstanding(self) -> None:
        """Unanswered requests of one controller are bounded; others reach the same device meanwhile."""
        relay = Relay(max_outstanding=2)
        device, controller, other = relay.device(name="d"), relay.controller(), relay.controller()
        device.hear()
        said = pairs(controller.say(b"".join(ask(id=n, to="d") for n in range(3))))
        self.assertEqual([e["error"] for e, _ in said if e["status"] == "failed"], ["too many outstanding requests"])
        self.assertEqual([e["status"] for e, _ in pairs(other.say(ask(id=1, to="d")))], ["sent"])
        self.assertEqual(len(pairs(device.hear())), 3)

    def test_list(self) -> None:
        """A list tells names, aliases, presence and last seen, of absent devices too."""
        self.relay.advance(60)
        self.device.lose()
        old = self.relay.device()
        [(envelope, _)] = pairs(self.controller.say(ask(id=8, list=True)))
        online, away = envelope["devices"]
        self.assertEqual((envelope["status"], envelope["final"]), ("list", True))
        self.assertEqual((online["address"], online["online"], online["answers"]), (old.conversation.link.address, True, False))  # type: ignore[union-attr]
        self.assertEqual(
            (away["name"], away["online"], away["last_seen"], away["aliases"]),
            ("greenhouse", False, self.relay.bus.wall(), ["gh"]),
        )

    def test_long_lists_wait_for_their_reader(self) -> None:
        """Who asks for long lists faster than it reads them is read no further, gets each once, and fills no memory."""
        for port in range(1, 1001):
            self.relay.connect(port=port).say(encode_frame(b"arduino"))
        self.controller.peer.is_full = True
        self.controller.conversation.receive(b"".join(ask(id=number, list=True) for number in range(20)))
        self.relay.end_turn()
        heard = [self.controller.hear()]
        self.assertLess(len(heard[0]), 1_300_000)
        self.assertFalse(self.controller.peer.is_reading)
        for _ in range(6):
            heard += [self.controller.drain()]
            self.relay.advance(0)
            heard += [self.controller.hear()]
        self.assertEqual([told["id"] for told, _ in pairs(b"".join(heard))], [*range(20)])
        self.assertTrue(self.controller.peer.is_reading)

    def test_bad_envelopes(self) -> None:
        """Nonsense ends the connection with an error envelope."""
        no_id = "an envelope's `id` is a whole number or a string of at most 64 characters"
        no_deadline = "an envelope's `deadline` is a number of seconds above 0"
        bad = {
            ask(to="x"): no_id,
            ask(id=True, to="x"): no_id,
            ask(id="x" * 65, to="x"): no_id,
            ask(id=1.5, to="x"): no_id,
            ask(id=1): "an envelope's `to` is a string",
            ask(id=1, to=5): "an envelope's `to` is a string",
            ask(id=1, to="x", deadline="soon"): no_deadline,
            ask(id=1, to="x", deadline=0): no_deadline,
            ask(id=1, to="x", deadline=True): no_deadline,
        }
        for said, why in bad.items():
            controller = self.relay.controller()
            self.assertEqual(pairs(controller.say(said)), [({"status": "error", "error": why}, b"")])
            self.assertIsNotNone(controller.peer.closed, said)
        controller = self.relay.controller()
        [(answer, _)] = pairs(controller.say(ask(id="x" * 64, to="x")))
        self.assertEqual((answer["id"], answer["error"]), ("x" * 64, "no such device"))

    def test_deadlines_are_bounded(self) -> None:
        """Nobody can make the relay remember a request for ever."""
        self._request(deadline=1e12)
        self.relay.advance(3600)
        self.assertEqual(told(self.controller)[-1][1], "expired")

    def test_malformed_target(self) -> None:
        """A target that can name nothing fails that request, and no other."""
        self._request(to="\x1b")
        told = {"id": 7, "status": "failed", "final": True, "error": "the target holds control characters"}
        self.assertEqual(pairs(self.controller.hear()), [(told, b"")])
        self.assertIsNone(self.controller.peer.closed)

    def test_gone_controllers_leave_nothing(self) -> None:
        """What a controller had asked for is forgotten when it goes: no clock, nothing at the device."""
        self._request(deadline=3600)
        self.controller.lose()
        self.assertEqual(self.relay.clock.getDelayedCalls(), [])
        self.assertEqual(self.device.conversation.link.requests, {})  # type: ignore[union-attr]

    def test_payloads_are_let_go(self) -> None:
        """A request that was handed over no longer holds its payload, however long its answer takes."""
        self._request()
        [request] = self.device.conversation.link.requests.values()  # type: ignore[union-attr]
        self.assertEqual(request.payload, b"")

    def test_sent_in_a_busy_turn(self) -> None:
        """That a request was sent is told even when more was queued for its device after the flush of that turn."""
        self.device.peer.is_full = True
        self._request()
        self.device.peer.is_full = False
        self.device.conversation.drained()
        self.assertEqual(told(self.controller), [])
        self.relay.end_turn()
        self.assertEqual(told(self.controller), [(7, "sent", False, b"")])

    def test_gone_controller(self) -> None:
        """What becomes of a request whose controller has gone is told to nobody, and harms nobody."""
        self._request()
        identifier = self._device_id()
        self.controller.lose()
        self.device.say(ask(id=identifier, status="acknowledged"))
        self.assertIsNone(self.device.peer.closed)


class OfflineQueueTests(SynchronousTestCase):
    """Messages for a named device that is away."""

    def setUp(self) -> None:
        self.relay = Relay(queue_for=60.0, queue_size=10)
        self.relay.device(name="greenhouse").lose()
        self.controller = self.relay.controller()
        self.old = self.relay.connect()

    def test_off_by_default(self) -> None:
        """Without the queue an absent device fails at once, and old controllers do not find it."""
        relay = Relay()
        relay.device(name="greenhouse").lose()
        [(envelope, _)] = pairs(relay.controller().say(ask(id=1, to="greenhouse")))
        self.assertEqual((envelope["status"], envelope["error"]), ("failed", "the device is away"))
        self.assertEqual(frames(relay.connect().say(event("greenhouse", b"x"))), [b"|target not found|"])

    def test_kept_and_delivered(self) -> None:
        """Queued, then sent when the device comes back, then acknowledged; in order."""
        self.assertEqual(frames(self.old.say(event("greenhouse", b"1"))), [b"|queued|"])
        self.controller.conversation.receive(ask(b"2", id=7, to="greenhouse"))
        self.assertEqual(told(self.controller), [(7, "queued", False, b"")])
        device = self.relay.device(name="greenhouse")
        _welcome, first, second = pairs(device.hear())
        self.assertEqual((first[1], second[1]), (b"1", b"2"))
        self.assertEqual(told(self.controller), [(7, "sent", False, b"")])
        device.say(ask(b"ok", id=second[0]["id"], status="acknowledged"))
        self.assertEqual(told(self.controller), [(7, "acknowledged", True, b"ok")])

    def test_expires(self) -> None:
        """What waits too long is expired, and not delivered."""
        self.controller.conversation.receive(ask(b"2", id=7, to="greenhouse"))
        self.controller.conversation.receive(ask(b"3", id=8, to="greenhouse", deadline=5))
        self.relay.advance(5)
        self.relay.advance(55)
        self.assertEqual(
            [one[:2] for one in told(self.controller)], [(7, "queued"), (8, "queued"), (8, "expired"), (7, "expired")]
        )
        self.assertEqual(len(pairs(self.relay.device(name="greenhouse").hear())), 1)
        self.assertEqual(self.relay.clock.getDelayedCalls(), [])

    def test_clock_that_is_set(self) -> None:
        """Neither deadlines nor the queue go by the wall clock: an hour back or forth is no second more or less."""
        for step in (-3600, 3600):
            self.controller.conversation.receive(ask(b"2", id=7, to="greenhouse"))
            self.controller.conversation.receive(ask(b"3", id=8, to="greenhouse", deadline=5))
            self.relay.bus.wall.step(step)  # type: ignore[attr-defined]
            self.relay.advance(4)
            self.assertEqual([one[1] for one in told(self.controller)], ["queued", "queued"])
            self.relay.advance(1)
            self.relay.advance(55)
            self.assertEqual([one[:2] for one in told(self.controller)], [(8, "expired"), (7, "expired")])

    def test_what_is_left_though_the_clock_was_set(self) -> None:
        """A device is told the seconds that are left, though the wall clock was set while the message waited."""
        for step in (-3600, 3600):
            self.controller.conversation.receive(ask(b"2", id=7, to="greenhouse", deadline=10))
            self.relay.bus.wall.step(step)  # type: ignore[attr-defined]
            self.relay.advance(9)
            device = self.relay.device(name="greenhouse")
            [_, (envelope, _)] = pairs(device.hear())
            self.assertAlmostEqual(envelope["deadline"], 1.0)
            device.say(ask(b"ok", id=envelope["id"], status="acknowledged"))
            self.assertEqual(told(self.controller)[-1][1], "acknowledged")
            device.lose()

    def test_a_deadline_counts_from_receipt(self) -> None:
        """A deadline goes on running while the message waits, and the device is told what is left of it."""
        self.controller.conversation.receive(ask(b"2", id=7, to="greenhouse", deadline=10))
        self.relay.advance(9)
        device = self.relay.device(name="greenhouse")
        [_, (envelope, _)] = pairs(device.hear())
        self.assertAlmostEqual(envelope["deadline"], 1.0)
        self.relay.advance(1)
        self.assertEqual(told(self.controller)[-1][1], "expired")

    def test_outlives_its_sender(self) -> None:
        """A message that was queued is delivered after its sender has gone."""
        self.controller.conversation.receive(ask(b"2", id=7, to="greenhouse"))
        self.controller.lose()
        self.assertEqual(pairs(self.relay.device(name="greenhouse").hear())[1][1], b"2")

    def test_more_than_may_be_outstanding(self) -> None:
        """However much waited, all of it is delivered."""
        relay = Relay(queue_for=60.0, max_outstanding=2)
        relay.device(name="greenhouse").lose()
        relay.connect().say(b"".join(event("greenhouse", b"%d" % n) for n in range(6)))
        self.assertEqual(len(pairs(relay.device(name="greenhouse").hear())), 7)

    def test_bounded(self) -> None:
        """The queue of one device holds so many bytes, and no more."""
        self.assertEqual(frames(self.old.say(event("greenhouse", b"x" * 11))), [b"|target not found|"])
        self.assertEqual(frames(self.old.say(event("greenhouse", b"x" * 10))), [b"|queued|"])
        self.assertEqual(frames(self.old.say(event("greenhouse", b"x"))), [b"|target not found|"])

    def test_only_for_known_names(self) -> None:
        """Nothing is kept for a name that no device ever said."""
        self.assertEqual(frames(self.old.say(event("nobody", b"x"))), [b"|target not found|"])
