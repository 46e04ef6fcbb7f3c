"""Tests of ``netd.relay.machine``: the first dialect, as on the wire page."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.relay.events import DevicePresence, DeviceSaid, DeviceSent
from netd.relay.grammar import RelayInput
from netd.relay.machine import AHEAD, RelayConversation, RelayState
from tests.relay.bench import Relay, Side, ask, event, field, frames

ADDRESS = "('127.0.0.1', 50412)"


class SlowConversation(RelayConversation):
    """The reference: every event by the grammar, none in a burst."""

    __slots__ = ()

    def _burst(self, received: bytes, at: int, size: int) -> int:
        return at


class FirstDialectTests(SynchronousTestCase):
    """Old devices and controllers."""

    def setUp(self) -> None:
        self.relay = Relay()
        self.device = self.relay.device()
        self.controller = self.relay.connect()

    def test_list(self) -> None:
        """A controller gets every connected device's address, each followed by a comma."""
        self.assertEqual(frames(self.controller.say(event("|no target|"))), [b"('127.0.0.1', 50412),"])
        self.relay.connect(port=50499).say(encode_frame(b"arduino"))
        self.assertEqual(frames(self.controller.say(event("|no target|"))), [b"('127.0.0.1', 50412),('127.0.0.1', 50499),"])

    def test_list_of_nobody(self) -> None:
        """Without a device the list says so in the old words; a device that left is not listed."""
        self.device.lose()
        self.assertEqual(frames(self.controller.say(event("|no target|"))), [b"|no raspberrypies|"])

    def test_connect(self) -> None:
        """Connecting is answered with the address, and the device hears nothing of it."""
        self.assertEqual(frames(self.controller.say(event(ADDRESS, b"conecting"))), [b"|connected to ('127.0.0.1', 50412)|"])
        self.assertEqual(self.device.hear(), b"")
        for target in ("127.0.0.1:50412", ADDRESS.replace(" ", "")):
            self.assertEqual(frames(self.controller.say(event(target, b"conecting"))), [b"|connected to ('127.0.0.1', 50412)|"])

    def test_send(self) -> None:
        """The device gets header and payload byte for byte as the controller wrote them."""
        header = b"5" + b" " * 63
        self.assertEqual(frames(self.controller.say(event(ADDRESS, b"water"))), [b"data succesfully sent"])
        self.assertEqual(self.device.hear(), header + b"water")
        odd = b"0000005".ljust(64)
        self.controller.say(encode_frame(b"python") + field(ADDRESS) + odd + b"water")
        self.assertEqual(self.device.hear(), odd + b"water")

    def test_padding_with_nul(self) -> None:
        """A controller in C pads with NULs, and is served; the device gets spaces, which is all that one in Python can read."""
        word, target = b"python".ljust(64, b"\0"), ADDRESS.encode().ljust(64, b"\0")
        start = b"64".ljust(64, b"\0") + word
        self.assertEqual(frames(self.controller.say(start + b"|no target|".ljust(64, b"\0"))), [b"('127.0.0.1', 50412),"])
        for _ in range(2):
            send = start + target + b"5".ljust(64, b"\0") + b"wat\0\0"
            self.assertEqual(frames(self.controller.say(send)), [b"data succesfully sent"])
            self.assertEqual(self.device.hear(), encode_frame(b"wat\0\0"))
        device = self.relay.connect()
        device.say(b"12".ljust(64, b"\0") + b"raspberrypi\0")
        self.assertTrue(device.is_device)

    def test_empty_payload(self) -> None:
        """Nothing can be sent too, and is answered."""
        self.assertEqual(frames(self.controller.say(event(ADDRESS, b""))), [b"data succesfully sent"])
        self.assertEqual(self.device.hear(), encode_frame(b""))

    def test_unknown_target(self) -> None:
        """An unknown device is an answer, and the connection goes on."""
        for target in ("('127.0.0.1', 5041)", "('127.0.0.1', 504123)", "nobody"):
            self.assertEqual(frames(self.controller.say(event(target, b"water"))), [b"|target not found|"])
        self.assertEqual(frames(self.controller.say(event("nobody", b"conecting"))), [b"|target not found|"])
        self.assertEqual(frames(self.controller.say(event(ADDRESS, b"water"))), [b"data succesfully sent"])

    def test_malformed_target(self) -> None:
        """A target field that names nothing is an error, after which the connection closes."""
        [answer] = frames(self.controller.say(encode_frame(b"python") + b"\xff" * 64 + encode_frame(b"x")))
        self.assertTrue(answer.startswith(b"|error: the target is not UTF-8"), answer)
        self.assertEqual(self.controller.peer.closed, "malformed target")

    def test_device_breaks_while_sending(self) -> None:
        """A device whose connection breaks before it took the frame is not reported as sent to."""
        self.device.peer.is_full = True
        self.assertEqual(self.controller.say(event(ADDRESS, b"water")), b"")
        self.device.lose()
        self.assertEqual(frames(self.controller.hear()), [b"|device disconnected|"])

    def test_slow_device(self) -> None:
        """While a device is slow to take its frame, its controller waits for the answer, in order, and is not read from."""
        self.device.peer.is_full = True
        self.assertEqual(self.controller.say(event(ADDRESS, b"1") + event("|no target|") + event("nobody", b"2")), b"")
        self.assertFalse(self.controller.peer.is_reading)
        self.device.drain()
        answers = [b"data succesfully sent", b"('127.0.0.1', 50412),", b"|target not found|"]
        self.assertEqual(frames(self.controller.hear()), answers)
        self.assertTrue(self.controller.peer.is_reading)

    def test_nobody_else_waits_for_a_slow_device(self) -> None:
        """Another controller reaches another device meanwhile."""
        other_device = self.relay.device()
        self.device.peer.is_full = True
        self.controller.say(event(ADDRESS, b"1"))
        other = self.relay.connect()
        target = other_device.conversation.link.address  # type: ignore[union-attr]
        self.assertEqual(frames(other.say(event(target, b"2"))), [b"data succesfully sent"])

    def test_full_device(self) -> None:
        """A device for which too much waits already is an error at once."""
        self.controller.say(event(ADDRESS, b"1"))
        self.device.peer.accepts = False
        for _ in range(2):
            [answer] = frames(self.controller.say(event(ADDRESS, b"2")))
            self.assertTrue(answer.startswith(b"|error: the device does not read"), answer)
        self.assertIsNone(self.controller.peer.closed)

    def test_a_burst_to_a_full_device(self) -> None:
        """Each frame of a burst is answered, when all of them are refused at once, too."""
        self.controller.say(event(ADDRESS, b"1"))
        self.device.peer.accepts = False
        answers = frames(self.controller.say(event(ADDRESS, b"2") + event(ADDRESS, b"3") + event(ADDRESS, b"4")))
        self.assertEqual(answers, [b"|error: the device does not read what was sent before|"] * 3)

    def test_goodbye(self) -> None:
        """Goodbye closes cleanly, for controllers and for devices."""
        self.controller.say(event(ADDRESS, b"1") + encode_frame(b"|disconnect|"))
        self.assertEqual((self.controller.peer.closed, self.controller.refused), ("said goodbye", []))
        self.device.say(encode_frame(b"|disconnect|"))
        self.assertEqual((self.device.peer.closed, self.device.refused), ("said goodbye", []))
        went = self.relay.bus.events("relay.main.presence.127-0-0-1")[-1]
        assert isinstance(went, DevicePresence)
        self.assertEqual((went.online, went.reason), (False, "said goodbye"))
        roles = [side.conversation.role.value for side in (self.controller, self.device)]
        self.assertEqual(roles, ["first-dialect controller", "first-dialect device"])

    def test_a_controller_may_become_a_device(self) -> None:
        """A connection that listed first may then register, as with the old server."""
        self.controller.say(event("|no target|") + encode_frame(b"raspberrypi"))
        self.assertIn(b"50413", self.relay.connect().say(event("|no target|")))

    def test_what_an_old_device_says(self) -> None:
        """An old device that sends a frame is heard on the bus."""
        self.device.say(encode_frame(b"21.5"), encode_frame(b"\xff"))
        [said, binary] = self.relay.bus.events("relay.main.said.127-0-0-1")
        self.assertEqual(said, DeviceSaid(ADDRESS, "", "21.5", None))
        self.assertEqual(binary, DeviceSaid(ADDRESS, "", None, b"\xff"))

    def test_presence(self) -> None:
        """Coming and going is published, with one generation for both."""
        since = self.relay.bus.wall()
        self.relay.advance(5)
        self.device.lose()
        came, went = self.relay.bus.events("relay.main.presence.127-0-0-1")
        assert isinstance(came, DevicePresence) and isinstance(went, DevicePresence)
        self.assertEqual((came.online, went.online, went.reason), (True, False, "its connection closed"))
        self.assertEqual(came.generation, went.generation)
        self.assertEqual((came.last_seen, went.last_seen), (since, since + 5))

    def test_last_seen(self) -> None:
        """A device was seen last when its last byte came, not when it was found to be gone."""
        self.relay.advance(60)
        self.device.peer.quiet = 42.0
        self.device.lose()
        [*_, went] = self.relay.bus.events("relay.main.presence.127-0-0-1")
        assert isinstance(went, DevicePresence)
        self.assertEqual(went.last_seen, self.relay.bus.wall() - 42)

    def test_what_is_sent_can_be_watched(self) -> None:
        """Who subscribes sees what is sent to a device; the burst and the first of it alike."""
        seen: list[object] = []
        self.relay.bus.subscribe("relay.main.sent.>", lambda message: seen.append(message.event))
        self.controller.say(event(ADDRESS, b"1") + event(ADDRESS, b"2") + event(ADDRESS, b"\xff"))
        self.assertEqual(
            seen, [DeviceSent(ADDRESS, "1", None), DeviceSent(ADDRESS, "2", None), DeviceSent(ADDRESS, None, b"\xff")]
        )

    def test_a_device_that_comes_back_in_a_burst(self) -> None:
        """A controller that repeats itself notices that its device has gone."""
        self.controller.say(event(ADDRESS, b"1"))
        self.device.lose()
        self.assertEqual(frames(self.controller.say(event(ADDRESS, b"2"))), [b"|target not found|"])

    def test_another_device_instead(self) -> None:
        """A controller that repeats itself is not misled by another device that comes as its own goes."""
        self.controller.say(event(ADDRESS, b"1"))
        self.device.lose()
        self.relay.device()
        self.assertEqual(frames(self.controller.say(event(ADDRESS, b"2"))), [b"|target not found|"])

    def test_mistake_behind_a_burst(self) -> None:
        """What was said before a mistake in the same read is sent and answered, as if it had come alone."""
        self.controller.say(event(ADDRESS, b"1"))
        self.device.hear()
        bad = encode_frame(b"python") + field(ADDRESS) + b"?" * 64
        answers = frames(self.controller.say(event(ADDRESS, b"2") + event(ADDRESS, b"3") + bad))
        self.assertEqual(answers[:2], [b"data succesfully sent"] * 2)
        self.assertTrue(answers[2].startswith(b"|error: "))
        self.assertEqual(frames(self.device.hear()), [b"2", b"3"])

    def test_a_reader_held_by_a_slow_device(self) -> None:
        """Long lists, a send to a slow device, and more behind them: all are answered once the device reads."""
        for port in range(1, 1001):
            self.relay.connect(port=port).say(encode_frame(b"arduino"))
        self.device.peer.is_full = True
        self.controller.conversation.receive(event("|no target|") * 60 + event(ADDRESS, b"x") + event("|no target|") * 2)
        self.relay.end_turn()
        heard = self.controller.hear()
        self.device.drain()
        heard += self.controller.hear()
        answers = frames(heard)
        self.assertEqual((len(answers), answers[60]), (63, b"data succesfully sent"))
        self.assertTrue(self.controller.peer.is_reading)

    def test_long_lists_behind_a_slow_device(self) -> None:
        """A controller that waits for a slow device is not read from, however much it had asked for in the same read."""
        for port in range(1, 1001):
            self.relay.connect(port=port).say(encode_frame(b"arduino"))
        self.device.peer.is_full = True
        self.controller.say(event(ADDRESS, b"x") + event("|no target|") * 100)
        self.relay.advance(0)
        self.assertFalse(self.controller.peer.is_reading)
        self.assertGreater(self.controller.peer.kept, 0)
        self.device.drain()
        self.assertEqual(len(frames(self.controller.hear())), 101)
        self.assertEqual((self.controller.peer.is_reading, self.controller.peer.kept), (True, 0))

    def test_waiting_for_a_device_that_is_not_slow(self) -> None:
        """Answers held back by one device's death go on although another device was just sent something."""
        other_device = self.relay.device()
        other_target = other_device.conversation.link.address  # type: ignore[union-attr]
        self.device.peer.is_full = True
        self.controller.say(event(ADDRESS, b"1") + event(other_target, b"2"))
        other = self.relay.connect()
        other.conversation.receive(event(other_target, b"3"))
        self.device.conversation.lost("reset")
        self.relay.end_turn()
        self.assertEqual(frames(self.controller.hear()), [b"|device disconnected|", b"data succesfully sent"])
        self.assertEqual(len(frames(self.controller.say(event("|no target|")))), 1)

    def test_a_name_that_moves(self) -> None:
        """A controller that repeats itself follows a name to its newest connection."""
        relay = Relay(host_names={"10.0.0.9": "shed"})
        old = relay.connect(host="10.0.0.9")
        old.say(encode_frame(b"raspberrypi"))
        controller = relay.connect()
        controller.say(event("shed", b"1"))
        new = relay.connect(host="10.0.0.9")
        new.say(encode_frame(b"raspberrypi"))
        old.hear()
        controller.say(event("shed", b"2"))
        self.assertEqual((old.hear(), frames(new.hear())), (b"", [b"2"]))

    def test_a_late_death(self) -> None:
        """An older connection that is found dead late does not make its newer one look away."""
        relay = Relay(host_names={"10.0.0.9": "shed"})
        old, new = relay.connect(host="10.0.0.9"), relay.connect(host="10.0.0.9")
        for side in (old, new):
            side.say(encode_frame(b"raspberrypi"))
        old.lose()
        [last] = relay.bus.last("relay.main.presence.>")
        assert isinstance(last.event, DevicePresence)
        self.assertTrue(last.event.online)

    def test_nothing_is_retained_of_strangers(self) -> None:
        """A device without a name that has left leaves nothing in memory, whatever it said."""
        self.device.say(encode_frame(b"x" * 1000))
        self.assertEqual(len(self.relay.bus.last("relay.main.said.>")), 1)
        self.device.lose()
        self.assertEqual(self.relay.bus.last(">"), [])

    def test_a_device_on_its_way_out(self) -> None:
        """A device that is being closed leaves the list at once."""
        self.device.say(encode_frame(b"|disconnect|"))
        self.assertEqual(frames(self.controller.say(event("|no target|"))), [b"|no raspberrypies|"])
        self.assertEqual(frames(self.controller.say(event(ADDRESS, b"x"))), [b"|target not found|"])

    def test_list_of_names(self) -> None:
        """With ``list_format = names`` no item has a comma inside."""
        relay = Relay(list_names=True)
        relay.device()
        relay.device(name="greenhouse")
        self.assertEqual(frames(relay.connect().say(event("|no target|"))), [b"127.0.0.1:50412,greenhouse,"])

    def test_long_lists_wait_for_their_reader(self) -> None:
        """Who asks for long lists faster than it reads them is read no further, gets each once, and fills no memory."""
        for port in range(1, 1001):
            self.relay.connect(port=port).say(encode_frame(b"arduino"))
        self.controller.peer.is_full = True
        self.controller.conversation.receive(event("|no target|") * 400 + event("nobody", b"x"))
        self.relay.end_turn()
        self.relay.advance(0)
        first = self.controller.hear()
        self.assertLess(len(first), 1_100_000)
        self.assertFalse(self.controller.peer.is_reading)
        heard = [first]
        for _ in range(20):
            heard.append(self.controller.drain())
            self.relay.advance(0)
            heard.append(self.controller.hear())
        answers = frames(b"".join(heard))
        self.assertEqual((len(answers), len(set(answers[:-1])), answers[-1]), (401, 1, b"|target not found|"))
        self.assertTrue(self.controller.peer.is_reading)

    def test_long_lists_and_no_more(self) -> None:
        """Who has read all the long lists that it asked for has nothing unfinished, and no clock."""
        for port in range(1, 1001):
            self.relay.connect(port=port).say(encode_frame(b"arduino"))
        one, count = event("|no target|"), AHEAD // len(self.relay.exchange.devices.listed)
        for more in (0, 1):
            self.controller.peer.is_fast = True
            self.controller.say(one[:-1])
            self.controller.peer.is_fast = False
            self.controller.say(one[-1:] + one * (count + more))
            self.relay.advance(0)
            self.assertEqual((self.controller.refused, self.controller.peer.kept), ([], 0))
            self.assertEqual((self.controller.peer.is_reading, self.controller.peer.expiry), (True, None))

    def test_connect_by_name(self) -> None:
        """A name is as good as an address."""
        self.relay.device(name="greenhouse", aliases=["gh"])
        self.assertEqual(frames(self.controller.say(event("gh", b"conecting"))), [b"|connected to gh|"])


class BadInputTests(SynchronousTestCase):
    """What breaks the protocol: an answer where there can be one, a close, a count, and nobody else notices."""

    def setUp(self) -> None:
        self.relay = Relay()
        self.side = self.relay.connect()

    def _refused(self, side: Side, kind: str, *pieces: bytes) -> bytes:
        [answer] = frames(side.say(*pieces))
        self.assertTrue(answer.startswith(b"|error: ") and answer.endswith(b"|"), answer)
        self.assertEqual((side.peer.closed, side.refused[0][0]), (kind, kind))
        return answer

    def test_no_header(self) -> None:
        """64 bytes that are no header, whatever they are instead."""
        headers = [
            b"-1",
            b"+5",
            b"1_0",
            b"5.0",
            b"",
            b"\0" * 64,
            b"GET / HTTP/1.1\r\n",
            "\u0665".encode(),
            b"5\t",
            b" 5",
            b"5 5",
            b"9" * 8,
        ]
        for header in headers:
            self._refused(self.relay.connect(), "bad header", header.ljust(64))

    def test_too_long(self) -> None:
        """A payload over the limit is refused on its header; a type frame far earlier."""
        start = event(ADDRESS)
        self._refused(self.side, "frame too long", start + b"1048577".ljust(64))
        self._refused(self.relay.connect(), "frame too long", b"4097".ljust(64))

    def test_characters_for_bytes(self) -> None:
        """A controller that counts characters is told, as soon as a byte too many is there, that lengths count bytes."""
        device = self.relay.device()
        target = device.conversation.link.address  # type: ignore[union-attr]
        for text in ("Tür auf", "schließen ß", "Ofen 5 Grad wärmer", "温室"):
            side = self.relay.connect()
            event_in_characters = event(target, b"")[:-64] + b"%-64d" % len(text) + text.encode()
            sent, error = frames(side.say(event_in_characters))
            self.assertEqual(sent, b"data succesfully sent")
            self.assertTrue(error.endswith(b"lengths count bytes, not characters|"), error)
            self.assertEqual(side.refused[0][0], "bad header")

    def test_characters_before_a_digit(self) -> None:
        """Where the byte too many is a digit, the next header seems right: the answer says what was wrong all the same."""
        device = self.relay.device()
        target = device.conversation.link.address  # type: ignore[union-attr]
        event_in_characters = event(target, b"")[:-64] + b"%-64d" % len("Tür 5") + "Tür 5".encode()
        self.side.say(event_in_characters)
        [answer] = frames(self.side.say(event(target, b"on")))
        self.assertTrue(answer.endswith(b"lengths count bytes, not characters|"), answer)

    def test_unknown_client_type(self) -> None:
        """The answer says which words there are."""
        answer = self._refused(self.side, "unknown client type", encode_frame(b"toaster"))
        self.assertEqual(answer, b"|error: unknown client type; a device says arduino, raspberrypi, a controller says python|")

    def test_the_excerpt(self) -> None:
        """What the log shows is where it went wrong, 80 bytes of it."""
        self.side.say(event("|no target|") + b"\x1b" * 200)
        self.assertEqual(self.side.refused, [("bad header", b"\x1b" * 80)])
        self.assertTrue(self.side.why.startswith("a header is one to seven digits"), self.side.why)

    def test_answers_before_the_error(self) -> None:
        """Events before the mistake are answered first, in order."""
        answers = frames(self.side.say(event("|no target|") + event("nobody", b"x") + b"?" * 64))
        self.assertEqual(answers[:2], [b"|no raspberrypies|", b"|target not found|"])
        self.assertTrue(answers[2].startswith(b"|error: "))

    def test_stops_in_its_first_event(self) -> None:
        """Who begins to say what it is, and does not get on, is told, and closed."""
        self.assertEqual(self.side.peer.expiry, 8.0)
        self.side.say(b"6 ")
        self.side.conversation.expired()
        self.relay.end_turn()
        [answer] = frames(self.side.hear())
        self.assertIn(b"timed out", answer)
        self.assertFalse(self.side.is_identified)
        self.assertIsNotNone(self.side.peer.closed)

    def test_identified(self) -> None:
        """One whole event makes a connection known, whichever it is."""
        self.assertFalse(self.side.is_identified)
        self.side.say(event("|no target|"))
        self.assertTrue(self.side.is_identified)

    def test_stops_in_the_middle(self) -> None:
        """Who stops in the middle of an event is told, and closed."""
        self.side.say(event("|no target|"))
        self.assertIsNone(self.side.peer.expiry)
        self.side.say(event(ADDRESS, b"water")[:-1])
        self.assertEqual(self.side.peer.expiry, 6.0)
        self.side.conversation.expired()
        self.relay.end_turn()
        self.assertEqual(frames(self.side.hear()), [b"|error: timed out in the middle of a message|"])
        self.assertEqual((self.side.refused, self.side.why), ([("timed out", b"")], "timed out in the middle of a message"))

    def test_the_end_of_a_message_stops_its_clock(self) -> None:
        """Whoever repeats itself, and is cut in the middle of a message, has no clock behind its end."""
        self.relay.device()
        said = event("127.0.0.1:50413", b"water")
        self.side.say(said + said[:-1])
        self.assertEqual((self.side.peer.expiry, self.side.peer.kept), (6.0, len(said) - 1))
        self.side.say(said[-1:] + said)
        self.assertEqual((self.side.peer.expiry, self.side.peer.kept), (None, 0))

    def test_progress_buys_time(self) -> None:
        """A large payload over a slow line is taken as long as a KiB comes in time; a drip is not."""
        self.side.say(event("|no target|") + event(ADDRESS, b"x" * 5000)[:300])
        self.side.peer.expiry = None
        self.side.say(b"x" * 1023)
        self.assertIsNone(self.side.peer.expiry)
        self.side.say(b"x")
        self.assertEqual(self.side.peer.expiry, 6.0)

    def test_half_a_login(self) -> None:
        """Who stops in the middle of its first frame is told so, too, and is no silent connection."""
        self.side.say(encode_frame(b"raspberrypi")[:70])
        self.side.conversation.expired()
        self.relay.end_turn()
        self.assertEqual(frames(self.side.hear()), [b"|error: timed out in the middle of a message|"])
        self.assertEqual((self.side.peer.closed, self.side.refused[0][0]), ("timed out", "timed out"))

    def test_a_dribbling_login(self) -> None:
        """The time for the first frame is for all of it: no byte of it renews the clock."""
        first, *rest = encode_frame(b"raspberrypi")
        self.side.say(bytes([first]))
        self.side.peer.expiry = None
        for byte in rest[:-1]:
            self.side.say(bytes([byte]))
            self.assertIsNone(self.side.peer.expiry)

    def test_a_dribbling_event(self) -> None:
        """What comes of an event renews its clock with each KiB and not with each byte, wherever in it the bytes are."""
        self.side.say(event("|no target|") + event(ADDRESS, b"x" * 3000)[:300])
        for _kib in range(2):
            self.side.peer.expiry = None
            for _ in range(1023):
                self.side.say(b"x")
                self.assertIsNone(self.side.peer.expiry)
            self.side.say(b"x")
            self.assertEqual(self.side.peer.expiry, 6.0)

    def test_least_rate(self) -> None:
        """Half a message counts as memory, and one that comes too slowly is refused, whichever it is."""
        for said in (event(ADDRESS, b"x" * 9000), event("|no target|") + event(ADDRESS, b"x" * 9000)):
            side = self.relay.connect()
            side.say(said[:3000])
            self.assertGreater(side.peer.kept, 2500)
            side.say(said[3000:5000])
            self.assertGreater(side.peer.kept, 4500)
            side.peer.is_fast = False
            why = b"|error: a message must come at 1 KiB a second at least|"
            self.assertEqual(frames(side.say(said[5000:7000]))[-1], why)
            self.assertEqual(side.refused, [("timed out", b"")])

    def test_least_rate_is_of_each_message(self) -> None:
        """A message that begins in the read that ended another has its own time; the first of a connection had to begin, too."""
        said = event(ADDRESS, b"x" * 9000)
        self.side.say(said[:-1])
        self.side.peer.is_fast = False
        self.side.say(said[-1:] + said[:3000])
        self.assertEqual(self.side.refused, [])
        side = self.relay.connect()
        side.peer.is_fast = False
        self.assertIn(b"at 1 KiB a second at least", side.say(said[:3000]))

    def test_whole_messages_are_not_kept(self) -> None:
        """When a message is whole, nothing of it is kept."""
        self.side.say(event(ADDRESS, b"x" * 9000)[:3000])
        self.side.say(event(ADDRESS, b"x" * 9000)[3000:])
        self.assertEqual(self.side.peer.kept, 0)

    def test_what_comes_after_the_end_is_nothing(self) -> None:
        """After a refusal nothing more is carried out."""
        device = self.relay.device()
        self.side.say(b"?" * 64 + event(ADDRESS, b"water"))
        self.side.say(event(ADDRESS, b"water"))
        self.assertEqual(device.hear(), b"")

    @given(st.lists(st.binary(max_size=200), max_size=6))
    def test_arbitrary_bytes(self, pieces: list[bytes]) -> None:
        """Whatever comes, there is an answer or a close, and never an exception."""
        self.relay.connect().say(*pieces)

    @given(st.binary(max_size=64), st.binary(max_size=64), st.binary(max_size=100))
    def test_nearly_right(self, word: bytes, target: bytes, payload: bytes) -> None:
        """Well framed nonsense gets exactly one answer, and so does nonsense behind a controller's word."""
        assume(word.strip(b"\0 \t\r\n") not in (b"raspberrypi", b"arduino", b"|disconnect|"))
        assume(not word.lstrip().startswith((b"device", b"controller")))  # a hello is right
        assume(target.strip(b"\0 \t\r\n") != b"|no target|")
        for said in (word, b"python"):
            side = self.relay.connect()
            answers = frames(side.say(encode_frame(said) + target.ljust(64) + encode_frame(payload)))
            self.assertEqual(len(answers), 1, answers)

    def test_absent_pairs(self) -> None:
        """What has no place in a state is the protocol error of that state."""
        device = self.relay.device(name="greenhouse")
        self.assertNotIn((RelayState.CONTROLLER, RelayInput.DEVICE_HELLO), RelayConversation.TRANSITIONS)
        controller = self.relay.connect()
        controller.say(event("|no target|"))
        answer = self._refused(controller, "protocol error", encode_frame(b'device {"name": "x"}'))
        why = "device {…} has no place here: this connection is a first-dialect controller"
        self.assertEqual((answer, controller.why), (f"|error: {why}|".encode(), why))
        self.assertIsNone(device.peer.closed)


def _samples() -> list[bytes]:
    """Every event of the wire page, and what may follow it."""
    return [
        event("|no target|"),
        event(ADDRESS, b"conecting"),
        event(ADDRESS, b"water the plants"),
        event(ADDRESS, b""),
        event("127.0.0.1:50412", b"\x00\xff" * 40),
        event("('127.0.0.1', 5041)", b"water"),
        event("greenhouse", b"water"),
        event(ADDRESS, b"one") + event(ADDRESS, b"two") + event(ADDRESS, b"conecting") + event(ADDRESS, b"three"),
        event(ADDRESS, b"one") + event(ADDRESS) + b"0000009".ljust(64) + b"conecting",
        event(ADDRESS, b"one") + event(ADDRESS) + b"3".ljust(64, b"\0") + b"two",
        event(ADDRESS, b"one") + event(ADDRESS) + b"9".ljust(63) + b"\0" + b"conecting",
        event(ADDRESS, b"last") + encode_frame(b"|disconnect|"),
        event("|no target|") + b"?" * 64,
        event(ADDRESS, b"water") + encode_frame(b"python") + field(ADDRESS) + b"+5".ljust(64),
        encode_frame(b"toaster"),
        encode_frame(b"raspberrypi") + encode_frame(b"21.5"),
        encode_frame(b'device {"name": "shed"}') + ask(b"warm"),
        encode_frame(b"controller {}") + ask(b"water", id=1, to="greenhouse"),
        encode_frame(b"controller {}") + ask(id=2, list=True),
    ]


def _play(machine: type[RelayConversation], pieces: list[bytes]) -> tuple[bytes, ...]:
    """What everyone hears when one connection says *pieces*."""
    relay = Relay(machine)
    device, named = relay.device(), relay.device(name="greenhouse")
    named.hear()
    side = relay.connect()
    heard = side.say(*pieces)
    closed = (side.peer.closed or "").encode()
    return heard, device.hear(), named.hear(), closed, repr(side.refused[:1] and side.refused[0][0]).encode()


class SplitTests(SynchronousTestCase):
    """However the stream is cut, the same happens."""

    def test_every_split_point(self) -> None:
        """Each sample cut at each byte, and byte by byte, gives what it gives in one piece."""
        for sample in _samples():
            whole = _play(RelayConversation, [sample])
            for cut in range(1, len(sample)):
                self.assertEqual(_play(RelayConversation, [sample[:cut], sample[cut:]]), whole, (sample, cut))
            self.assertEqual(_play(RelayConversation, [sample[i : i + 1] for i in range(len(sample))]), whole, sample)

    @given(st.lists(st.sampled_from(_samples()[:14]), min_size=1, max_size=12), st.lists(st.integers(1, 400), max_size=12))
    def test_burst_and_grammar_agree(self, samples: list[bytes], sizes: list[int]) -> None:
        """The fast way of taking repeated sends does exactly what the grammar says, cut anywhere."""
        stream, pieces = b"".join(samples), []
        for size in sizes:
            pieces.append(stream[:size])
            stream = stream[size:]
        pieces.append(stream)
        self.assertEqual(_play(RelayConversation, pieces), _play(SlowConversation, [b"".join(samples)]))

    def test_bursts_are_taken(self) -> None:
        """Repeated sends of one read do not go through the grammar one by one."""
        relay = Relay()
        device, controller = relay.device(), relay.connect()
        controller.say(event(ADDRESS, b"first"))
        device.hear()
        calls: list[bytes] = []

        class Counting(type(device.peer)):  # type: ignore[misc]
            def send(self, data: bytes) -> bool:
                calls.append(data)
                return True

        device.peer.__class__ = Counting
        controller.say(b"".join(event(ADDRESS, b"%d" % n) for n in range(16)))
        self.assertEqual(len(calls), 1)
        self.assertEqual(frames(calls[0]), [b"%d" % n for n in range(16)])
