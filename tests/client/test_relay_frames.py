"""What the relay's clients write and understand, without any connection: frames, envelopes, the old dialect, backoff."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client import relay_line, relay_old
from netd.client import relay_messages as relay


def frames(*payloads: bytes) -> bytes:
    """The frames of *payloads*, spelled out as ``docs/protocols/relay.md`` has it."""
    return b"".join(str(len(payload)).encode() + b" " * (64 - len(str(len(payload)))) + payload for payload in payloads)


def decoded(decoder: relay.FrameDecoder, received: bytes) -> list[bytes]:
    """All payloads that are complete once *received* is fed."""
    decoder.feed(received)
    return list(iter(decoder.next_frame, None))


class FrameTests(SynchronousTestCase):
    """Payloads become frames, and frames payloads."""

    def test_frame_is_a_padded_length_and_the_payload(self) -> None:
        """A server reads the client type word as the protocol has it."""
        self.assertEqual(relay.frame(b"raspberrypi"), b"11" + b" " * 62 + b"raspberrypi")

    def test_frame_too_long_for_a_header(self) -> None:
        """Eight digits cannot be said: the program reads why instead of losing its connection."""
        with self.assertRaisesRegex(ValueError, "10000000 bytes is too long: at most 9999999"):
            relay.frame(bytes(10_000_000))

    @given(st.lists(st.binary(max_size=200), max_size=5), st.lists(st.integers(1, 90), min_size=1, max_size=20))
    def test_any_segments(self, payloads: list[bytes], cuts: list[int]) -> None:
        """However the network cuts the stream, the same payloads come out."""
        decoder, stream, received, cut = relay.FrameDecoder(), frames(*payloads), [], 0
        while stream:
            size = cuts[cut % len(cuts)]
            received += decoded(decoder, stream[:size])
            stream, cut = stream[size:], cut + 1
        self.assertEqual(received, payloads)

    @given(st.binary(min_size=64, max_size=200))
    def test_garbage(self, received: bytes) -> None:
        """Whatever a stranger sends is a frame or a framing error, nothing else."""
        try:
            decoded(relay.FrameDecoder(), received)
        except relay.FramingLost as error:
            self.assertIn("not a frame header", str(error))

    def test_headers_that_int_would_take(self) -> None:
        """A negative, signed, grouped, empty or leading-space length is refused, not guessed at."""
        for header in (b"-1", b"+5", b"1_0", b"", b" 5", b"12345678", b"5 5", "\uff15".encode()):
            with self.assertRaisesRegex(relay.FramingLost, "not a frame header"):
                decoded(relay.FrameDecoder(), header.ljust(64))

    def test_frames_before_a_bad_header_are_delivered(self) -> None:
        """What came whole before the stream broke is not lost."""
        decoder = relay.FrameDecoder()
        decoder.feed(frames(b"one") + b"x" * 64)
        self.assertEqual(decoder.next_frame(), b"one")
        self.assertRaises(relay.FramingLost, decoder.next_frame)


class PayloadTests(SynchronousTestCase):
    """What a program may hand over."""

    def test_text_is_utf_8_and_bytes_stay(self) -> None:
        """A program may send text or any kind of bytes."""
        self.assertEqual(relay.as_bytes("grün"), "grün".encode())
        self.assertEqual(relay.as_bytes(bytearray(b"\x00\xff")), b"\x00\xff")

    def test_a_number_is_refused(self) -> None:
        """``send("x", 5)`` says what is wrong; it does not send five zero bytes."""
        with self.assertRaisesRegex(TypeError, "bytes or str, not int"):
            relay.as_bytes(5)  # type: ignore[arg-type]


class EnvelopeTests(SynchronousTestCase):
    """Envelopes and their payloads."""

    def test_two_frames(self) -> None:
        """An envelope and its payload alternate on the wire, an empty payload included."""
        envelope, payload = decoded(relay.FrameDecoder(), relay.message_frames({"id": 1}))
        self.assertEqual((json.loads(envelope), payload), ({"id": 1}, b""))

    def test_too_long(self) -> None:
        """An envelope that the relay would refuse is refused before it is sent."""
        with self.assertRaisesRegex(ValueError, "envelope of 65547 bytes is too long: at most 65536"):
            relay.message_frames({"to": "x" * 65537})

    def test_what_is_no_envelope(self) -> None:
        """Error texts of old servers, other JSON, bad UTF-8 and bottomless nesting are told from envelopes, and quoted."""
        for payload in (b"|error: what?|", b"[]", b"7", b"", b"\xff", b"[" * 60_000):
            with self.assertRaisesRegex(relay.FramingLost, "not an envelope: b'"):
                relay.read_envelope(payload)

    def test_complaint(self) -> None:
        """An error about the connection itself is told from one about a request."""
        self.assertIn("draining", str(relay.complaint({"status": "error", "error": "draining"})))
        self.assertNotIsInstance(relay.complaint({"status": "error", "error": "draining"}), relay.NameTaken)
        self.assertIsInstance(relay.complaint({"status": "error", "error": "taken", "replaced": True}), relay.NameTaken)
        self.assertIsNone(relay.complaint({"id": 1, "status": "error"}))
        self.assertIsNone(relay.complaint({"status": "sent"}))


class HelloTests(SynchronousTestCase):
    """How a connection begins."""

    def test_device_hello(self) -> None:
        """The relay learns the name and the aliases."""
        word, _, members = relay.device_hello("greenhouse", ["gh"]).partition(b" ")
        self.assertEqual((word, json.loads(members)), (b"device", {"name": "greenhouse", "aliases": ["gh"], "ping": 15}))

    def test_nameless(self) -> None:
        """A device without a name says a hello without one."""
        self.assertEqual(relay.device_hello(None, ()), b'device {"ping": 15}')

    def test_pings_asked_for(self) -> None:
        """A device says how often it wants a sign of life; without one, the hello does not speak of it."""
        self.assertEqual(relay.device_hello(None, (), ping=2.5), b'device {"ping": 2.5}')
        self.assertEqual(relay.device_hello("gh", (), ping=None), b'device {"name": "gh"}')
        for refused in (0, -1, 0.5, 3601, float("nan"), float("inf")):
            error = self.assertRaises(ValueError, relay.check_ping, refused)
            self.assertEqual(str(error), f"ping: {refused!r} is not between 1 and 3600 seconds; None asks for no pings")

    def test_token(self) -> None:
        """Devices and controllers show their token in the hello."""
        self.assertEqual(relay.device_hello("gh", (), "netd_a"), b'device {"name": "gh", "ping": 15, "token": "netd_a"}')
        self.assertEqual(relay.controller_hello("netd_a"), b'controller {"token": "netd_a"}')
        self.assertEqual(relay.controller_hello(), b"controller {}")

    def test_pings(self) -> None:
        """A relay that says how often it pings may be silent for three times as long; another may be for ever."""
        welcome = {"status": "welcome", "name": "", "address": "x", "generation": 1}
        for said, silence in (({"ping": 2.5}, 7.5), ({}, None), ({"ping": 0}, None), ({"ping": "often"}, None)):
            self.assertEqual(relay.longest_silence(relay.read_welcome({**welcome, **said})), silence)

    def test_bad_names(self) -> None:
        """A name that the relay would refuse is refused where the program can see it."""
        for name in ("", "a b", "x" * 64, "grün", "name\n"):
            with self.assertRaisesRegex(ValueError, "cannot name a device: 1 to 63"):
                relay.check_device_names(name, ())
            with self.assertRaisesRegex(ValueError, "cannot name a device: 1 to 63"):
                relay.check_device_names("good", [name])

    def test_welcome(self) -> None:
        """What the relay says about the connection reaches the program."""
        welcome = relay.read_welcome({"status": "welcome", "name": "gh", "address": "('::1', 1)", "generation": 7, "more": 1})
        self.assertEqual(welcome, relay.Welcome("netd", "gh", "('::1', 1)", 7))

    def test_refused(self) -> None:
        """The relay's reason reaches the program."""
        with self.assertRaisesRegex(relay.Refused, "no room"):
            relay.read_welcome({"status": "error", "error": "no room"})

    def test_no_welcome(self) -> None:
        """A JSON object that is something else is no welcome."""
        self.assertRaises(relay.NoWelcome, relay.read_welcome, {"hello": 1})


class NewsTests(SynchronousTestCase):
    """What a device says of its own accord."""

    def test_with_and_without_event(self) -> None:
        """The event's name travels in the envelope, and only if there is one."""
        for event, members in ((None, {}), ("button", {"event": "button"})):
            envelope, payload = decoded(relay.FrameDecoder(), relay.news_frames("netd", "on", event))
            self.assertEqual((json.loads(envelope), payload), (members, b"on"))

    def test_old(self) -> None:
        """An old server gets the payload alone."""
        self.assertEqual(relay.news_frames("old", "on", "button"), frames(b"on"))

    def test_long_error(self) -> None:
        """A very long reason is cut, so that the refusal itself arrives."""
        envelope, _ = decoded(relay.FrameDecoder(), relay.refusal_frames(7, "ü" * 70_000, b""))
        self.assertEqual(json.loads(envelope), {"id": 7, "status": "failed", "error": "ü" * 1000})


class OutcomeTests(SynchronousTestCase):
    """What a controller reads in the relay's answers."""

    def test_each_status(self) -> None:
        """The five outcomes are never mixed up."""
        for status in ("sent", "acknowledged", "expired", "queued"):
            self.assertEqual(relay.read_outcome({"status": status}, b"x"), relay.Outcome(status, b"x"))
        self.assertEqual(relay.read_outcome({"status": "failed", "error": "hot"}, b"99"), relay.Outcome("failed", b"99", "hot"))

    def test_unknown_status_is_a_failure(self) -> None:
        """A word of a newer relay is never taken for success, and there is always a reason."""
        self.assertEqual(relay.read_outcome({"status": "dreamt"}, b"").status, "failed")
        self.assertIn("dreamt", relay.read_outcome({"status": "dreamt"}, b"").error)

    def test_last_word(self) -> None:
        """Only what says ``final``, and a list, ends a request."""
        self.assertTrue(relay.is_last_word({"status": "sent", "final": True}))
        self.assertTrue(relay.is_last_word({"status": "list"}))
        self.assertFalse(relay.is_last_word({"status": "sent"}))
        self.assertFalse(relay.is_last_word({"status": "queued", "final": False}))

    def test_deadline(self) -> None:
        """A deadline that is no time is refused before it is sent; none leaves it to the relay."""
        self.assertEqual(relay.request_members("gh", 2.5), {"to": "gh", "deadline": 2.5})
        self.assertEqual(relay.request_members("gh", None), {"to": "gh"})
        for deadline in (0, -1, float("nan"), float("inf")):
            with self.assertRaisesRegex(ValueError, "deadline: .* is not a positive number of seconds"):
                relay.request_members("gh", deadline)


class DeviceListTests(SynchronousTestCase):
    """The list of the new dialect."""

    ENTRY = {  # noqa: RUF012 - nobody changes it
        "name": "greenhouse",
        "address": "('127.0.0.1', 50412)",
        "online": True,
        "generation": 7,
        "last_seen": 12.5,
        "aliases": ["gh"],
        "answers": True,
        "from_the_future": 1,
    }

    def test_all_facts(self) -> None:
        """Each fact of the list reaches the program; a newer relay's further facts do no harm."""
        (device,) = relay.read_devices({"status": "list", "devices": [self.ENTRY]})
        self.assertEqual(device, ("greenhouse", "('127.0.0.1', 50412)", True, 7, 12.5, ("gh",), True, None))
        self.assertEqual(str(device), "greenhouse")

    def test_nameless_and_away(self) -> None:
        """A device without a name is called by its address; one that is away may have none."""
        nameless, away = relay.read_devices(
            {
                "status": "list",
                "devices": [{"name": "", "address": "('10.0.0.1', 1)"}, {"name": "attic", "address": None, "online": False}],
            }
        )
        self.assertEqual((nameless.name, str(nameless)), (None, "('10.0.0.1', 1)"))
        self.assertEqual((away.address, away.online), ("", False))

    def test_failed(self) -> None:
        """A refused list is an error with the relay's reason, not an empty list."""
        with self.assertRaisesRegex(relay.RelayError, "cannot list its devices: busy"):
            relay.read_devices({"status": "failed", "error": "busy"})

    def test_not_a_list(self) -> None:
        """A list that is not as documented is an error, not a crash."""
        for devices in (7, [7], [{}], [{"name": "x"}]):
            with self.assertRaisesRegex(relay.RelayError, "not as documented"):
                relay.read_devices({"status": "list", "devices": devices})
        self.assertRaises(relay.RelayError, relay.read_devices, {"status": "list"})

    def test_find_online(self) -> None:
        """A device is found by name, alias and address in any spelling; an absent or unknown one is told apart."""
        listed = {"status": "list", "devices": [{**self.ENTRY, "name": "attic", "aliases": [], "online": False}, self.ENTRY]}
        for target in ("greenhouse", "gh"):
            self.assertEqual(relay.find_online(listed, target), "('127.0.0.1', 50412)")
        online = {"status": "list", "devices": [self.ENTRY]}
        self.assertEqual(relay.find_online(online, "127.0.0.1:50412"), "('127.0.0.1', 50412)")
        with self.assertRaisesRegex(relay.NoSuchDevice, "attic: the device is away"):
            relay.find_online(listed, "attic")
        with self.assertRaisesRegex(relay.NoSuchDevice, "green: target not found"):
            relay.find_online(listed, "green")


class OldDialectTests(SynchronousTestCase):
    """What is written to an old server, and what its answers mean."""

    def test_every_spelling_of_an_address(self) -> None:
        """What a program split off the old list, or typed, becomes the one spelling that old servers match whole."""
        spellings = (
            "('127.0.0.1', 50412)",
            "'127.0.0.1', 50412",
            "127.0.0.1,50412",
            "127.0.0.1:50412",
            ' ("127.0.0.1" , 50412 ) ',
        )
        for spelling in spellings:
            self.assertEqual(relay.whole_address(spelling), "('127.0.0.1', 50412)")

    def test_no_address(self) -> None:
        """Names, and addresses of IPv6, stay as they are."""
        for target in ("greenhouse", "('::1', 50412, 0, 0)"):
            self.assertEqual(relay.whole_address(target), target)

    def test_events(self) -> None:
        """The three events are, byte for byte, those of the old programs."""
        target = b"('127.0.0.1', 50412)".ljust(64)
        self.assertEqual(relay_old.old_list(), frames(b"python") + b"|no target|".ljust(64))
        self.assertEqual(relay_old.old_connect("127.0.0.1:50412"), frames(b"python") + target + frames(b"conecting"))
        self.assertEqual(relay_old.old_send("127.0.0.1:50412", b""), frames(b"python") + target + frames(b""))

    def test_part_of_an_address(self) -> None:
        """A target that an old server would match with several devices is not sent to any."""
        for target in ("", "5041", "127.0.0.1", "', "):
            with self.assertRaisesRegex(ValueError, "not a whole address: name host and port"):
                relay_old.old_send(target, b"x")

    def test_name_through_the_old_dialect(self) -> None:
        """A netd spoken to in the old dialect can be told a name."""
        self.assertEqual(relay_old.old_target("greenhouse"), b"greenhouse".ljust(64))

    def test_target_too_long(self) -> None:
        """A target that would spill over its field is refused."""
        with self.assertRaisesRegex(ValueError, "too long: a target is at most 64 bytes"):
            relay_old.old_target("x" * 65)

    def test_the_payload_that_means_connect(self) -> None:
        """The one payload that the old dialect cannot carry is refused, instead of lost with a wrong answer."""
        with self.assertRaisesRegex(ValueError, "it means connect there"):
            relay_old.old_send("127.0.0.1:1", b"conecting")

    def test_answers(self) -> None:
        """Each answer means one outcome, and only the word of success is success."""
        meanings = {
            b"data succesfully sent": relay.Outcome("sent"),
            b"|queued|": relay.Outcome("queued"),
            b"|target not found|": relay.Outcome("failed", error="target not found"),
            b"|device disconnected|": relay.Outcome("failed", error="device disconnected"),
            b"|error: too long|": relay.Outcome("failed", error="error: too long"),
            b"|connected to x|": relay.Outcome("failed", error="connected to x"),
            b"": relay.Outcome("failed", error="the relay gave no reason"),
        }
        for answer, outcome in meanings.items():
            self.assertEqual(relay_old.read_old_outcome(answer), outcome)

    def test_connect_answers(self) -> None:
        """The address is read off the answer; any other answer is an error that names the target."""
        self.assertEqual(relay_old.read_old_connect("x", b"|connected to ('127.0.0.1', 1)|"), "('127.0.0.1', 1)")
        with self.assertRaisesRegex(relay.NoSuchDevice, "gh: target not found"):
            relay_old.read_old_connect("gh", b"|target not found|")

    def test_list_with_commas_inside(self) -> None:
        """The old list has commas inside its items; a device that it holds twice is shown once."""
        answer = b"('127.0.0.1', 50412),('127.0.0.1', 50413),('127.0.0.1', 50412),"
        self.assertEqual(
            [str(device) for device in relay_old.read_old_list(answer)], ["('127.0.0.1', 50412)", "('127.0.0.1', 50413)"]
        )

    def test_list_of_names(self) -> None:
        """A relay that lists names is understood; what it lists can be sent to."""
        greenhouse, nameless = relay_old.read_old_list(b"greenhouse,127.0.0.1:50413,")
        self.assertEqual((greenhouse.name, str(nameless)), ("greenhouse", "('127.0.0.1', 50413)"))

    def test_empty_list_and_error(self) -> None:
        """No device is an empty list; an error is an error."""
        self.assertEqual(relay_old.read_old_list(b"|no raspberrypies|"), [])
        with self.assertRaisesRegex(relay.RelayError, "cannot list its devices: error: no"):
            relay_old.read_old_list(b"|error: no|")

    @given(st.lists(st.tuples(st.ip_addresses(v=4), st.integers(1, 65535)), unique=True, min_size=1, max_size=6))
    def test_any_list(self, peers: list[tuple[object, int]]) -> None:
        """Whatever devices an old server has, each is listed as it can be sent to."""
        addresses = [str((str(host), port)) for host, port in peers]
        listed = relay_old.read_old_list("".join(address + "," for address in addresses).encode())
        self.assertEqual([str(device) for device in listed], addresses)

    @given(st.binary(max_size=200))
    def test_any_answer(self, answer: bytes) -> None:
        """Whatever an old server answers, the program gets a list, an outcome or an error of the relay."""
        relay_old.read_old_outcome(answer)
        for read in (relay_old.read_old_list, lambda said: relay_old.read_old_connect("x", said)):
            with contextlib.suppress(relay.RelayError):
                read(answer)


class BackoffTests(SynchronousTestCase):
    """How long a device waits between attempts."""

    def test_doubles_to_thirty_seconds(self) -> None:
        """A relay that is away is asked ever more rarely, at last every 30 s."""
        backoff = relay_line.RelayBackoff(lambda: 1.0)
        self.assertEqual([backoff.delay(0) for _ in range(9)], [0.5, 1, 2, 4, 8, 16, 30, 30, 30])

    def test_full_jitter(self) -> None:
        """A hundred devices that lost the same relay do not come back at the same moment."""
        chances = iter([0.0, 0.25, 0.5])
        backoff = relay_line.RelayBackoff(lambda: next(chances))
        self.assertEqual([backoff.delay(0) for _ in range(3)], [0.0, 0.25, 1.0])

    def test_a_connection_that_lasted_begins_anew(self) -> None:
        """After a good connection the next attempt is soon; one that broke at once does not count."""
        backoff = relay_line.RelayBackoff(lambda: 1.0)
        self.assertEqual([backoff.delay(lasted) for lasted in (0, 9.9, 10, 0)], [0.5, 1, 0.5, 1])

    def test_a_name_that_was_taken(self) -> None:
        """Two devices of one name leave each other in peace for a while: 15 to 30 s each time, however long it was well."""
        chances = iter([0.0, 1.0, 0.5, 0.5])
        backoff = relay_line.RelayBackoff(lambda: next(chances))
        self.assertEqual([backoff.delay(lasted, relay.NameTaken()) for lasted in (0, 86_400, 12)], [15, 30, 22.5])
        self.assertEqual(backoff.delay(0), 15)

    def test_a_name_that_is_held(self) -> None:
        """A device whose name somebody else holds asks again after a minute or somewhat more."""
        chances = iter([0.0, 1.0])
        backoff = relay_line.RelayBackoff(lambda: next(chances))
        error = self.assertRaises(relay.Denied, relay.read_welcome, {"status": "error", "error": "held", "denied": True})
        self.assertIsInstance(error, relay.Refused)
        self.assertEqual([backoff.delay(0, error) for _ in range(2)], [60, 75])


class DialectMemoryTests(SynchronousTestCase):
    """Which dialect is tried first."""

    def setUp(self) -> None:
        self.now = 0.0

    def memory(self, dialect: str) -> relay_line.DialectMemory:
        """A memory on this test's clock."""
        return relay_line.DialectMemory(dialect, lambda: self.now)

    def test_old_is_remembered_for_ten_minutes(self) -> None:
        """Reconnecting to an old server costs no three seconds each time, and an upgraded one is noticed."""
        memory = self.memory("auto")
        self.assertEqual(memory.choice(), "netd")
        self.assertTrue(memory.is_open)
        memory.is_old()
        self.now = 599.0
        self.assertEqual(memory.choice(), "old")
        self.now = 600.0
        self.assertEqual(memory.choice(), "netd")

    def test_unreachable_forgets(self) -> None:
        """A server that was restarted may be a netd now."""
        memory = self.memory("auto")
        memory.is_old()
        memory.unreachable()
        self.assertEqual(memory.choice(), "netd")

    def test_fixed(self) -> None:
        """A dialect that was chosen is not changed."""
        memory = self.memory("netd")
        self.assertFalse(memory.is_open)
        self.assertEqual(memory.choice(), "netd")
        self.assertEqual(self.memory("old").choice(), "old")

    def test_unknown(self) -> None:
        """A misspelled dialect is refused with the ones that there are."""
        with self.assertRaisesRegex(ValueError, "dialect: 'new' is none of auto, netd, old"):
            self.memory("new")
