"""What can be written in a ``[relay]`` section, and what is said of mistakes before anything listens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.length_header import encode_frame
from netd.config import parse
from netd.config.hosts import named_hosts
from netd.errors import ConfigErrors
from netd.relay.config import Config, client_words
from netd.relay.grammar import RelayDialect, RelayInput, UnknownClientType, read_event


def configure(*lines: str) -> Config:
    """The configuration of a relay whose section has these lines."""
    (section,) = parse("\n".join(["[relay]", *lines]), "netd.ini", {"relay": Config}, {}, 1000, "lab").sections
    assert isinstance(section.config, Config)
    return section.config


def complaints(*lines: str) -> list[str]:
    """Every mistake in these lines, as a user reads it."""
    try:
        configure(*lines)
    except ConfigErrors as errors:
        return str(errors).splitlines()
    return []


class ClientWordsTests(SynchronousTestCase):
    def test_any_word(self) -> None:
        """Programs may be called anything that is one word."""
        config = configure("device_words = esp32, Messgerät, |x|, device{", "controller_words = matlab")
        self.assertEqual((("esp32", "Messgerät", "|x|", "device{"), ("matlab",)), (config.device_words, config.controller_words))

    def test_words_that_are_none(self) -> None:
        """A word that no program could send, or that is a newer program's hello, is refused where it stands."""
        for option in ("device_words", "controller_words"):
            for word in ('device {"name": "x"}', "controller {}", "two words", "a\u00a0b", "a\u2028b", "a\tb", "x" * 65):
                (complaint,) = complaints(f"{option} = good, {word}")
                self.assertTrue(complaint.startswith(f"netd.ini:2: [relay] {option}: "), complaint)
                self.assertIn("is no client type; write 1 to 64 characters, none a space or control", complaint)

    def test_goodbye(self) -> None:
        """The word that ends a connection cannot begin one."""
        self.assertEqual(
            ["netd.ini:2: [relay] device_words: '|disconnect|' is how a program says goodbye; take it out"],
            complaints("device_words = |disconnect|"),
        )

    def test_both_roles(self) -> None:
        """A word that means device and controller would make every controller a device: it is refused, by name."""
        self.assertEqual(
            ["netd.ini:1: [relay] python is in device_words and in controller_words; take it out of one of them"],
            complaints("device_words = arduino, python"),
        )

    @given(st.text(max_size=70))
    def test_what_is_taken_works(self, text: str) -> None:
        """Every word that the configuration takes makes a program that says it a device, and leaves hellos what they are."""
        try:
            words = client_words(text)
        except ValueError:
            return
        dialect = RelayDialect(frozenset(word.encode() for word in words), frozenset(), 100)
        for word in words:
            event = read_event(encode_frame(word.encode()), 0, dialect)
            self.assertEqual(RelayInput.DEVICE, getattr(event, "input", event))
        for said, meant in ((b'device {"name": "x"}', RelayInput.DEVICE_HELLO), (b"|disconnect|", RelayInput.GOODBYE)):
            self.assertEqual(meant, getattr(read_event(encode_frame(said), 0, dialect), "input", None))
        self.assertRaises(UnknownClientType, read_event, encode_frame(b"two words"), 0, dialect)


class HostNamesTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Hosts are written as people write them, and found as connections spell them."""
        config = configure("host_names = shed=10.0.0.9, attic=2001:DB8:0::7, gate-1=::ffff:10.0.0.10, lab_2=fe80::1%eth0")
        self.assertEqual(
            (("shed", "10.0.0.9"), ("attic", "2001:db8::7"), ("gate-1", "10.0.0.10"), ("lab_2", "fe80::1")),
            config.host_names,
        )
        self.assertIsNone(configure().host_names)

    def test_mistakes(self) -> None:
        """What is no name, no address, or given twice, is said with its remedy, where it stands."""
        for written, problem in (
            ("green house=10.0.0.9", "'green house' is no name; write 1 to 63 letters, digits, _ and -"),
            ("x.y=10.0.0.9", "'x.y' is no name; write 1 to 63 letters, digits, _ and -"),
            (
                "shed=10.0.0.999",
                "'10.0.0.999' is not an IP address; write NAME=ADDRESS as in greenhouse=192.168.1.20",
            ),
            ("10.0.0.9=shed", "'10.0.0.9' is no name; write 1 to 63 letters, digits, _ and -"),
            ("a=10.0.0.9, b=10.0.0.9", "10.0.0.9 is given twice, as a and as b; a host has one name"),
            ("a=::1, b=0:0::1", "::1 is given twice, as a and as b; a host has one name"),
            ("a=10.0.0.9, b=::ffff:10.0.0.9", "10.0.0.9 is given twice, as a and as b; a host has one name"),
            ("a=10.0.0.9, a=10.0.0.8", "'a' is given twice"),
        ):
            self.assertEqual([f"netd.ini:2: [relay] host_names: {problem}; or write off"], complaints(f"host_names = {written}"))

    def test_name_too_long(self) -> None:
        """A name has at most 63 characters, as those that devices say themselves."""
        self.assertEqual(((63 * "x", "::1"),), named_hosts(f"{63 * 'x'}=::1"))
        self.assertRaises(ValueError, named_hosts, f"{64 * 'x'}=::1")


class LimitTests(SynchronousTestCase):
    def test_nonsense(self) -> None:
        """A relay that would hang up on everyone at once, or could keep nothing, is refused before it starts."""
        for option, values in {
            "login_timeout": ("0s", "99ms", "2h"),
            "frame_timeout": ("0s", "99ms", "2h"),
            "stall_timeout": ("0s", "99ms", "2d"),
            "answer_timeout": ("0s", "9ms", "31d"),
            "max_deadline": ("0s", "9ms", "31d"),
            "device_queue": ("0", "65535", "2GiB"),
            "queue_for": ("0s", "31d"),
            "queue_size": ("0", "1023", "2GiB"),
            "max_outstanding": ("0",),
            "max_payload": ("0", "10000000"),
        }.items():
            for value in values:
                (complaint,) = complaints(f"{option} = {value}")
                self.assertTrue(complaint.startswith(f"netd.ini:2: [relay] {option}: "), complaint)
                self.assertIn("out of range (", complaint)

    def test_limits_themselves(self) -> None:
        """The values at the limits are good ones."""
        for line in (
            "login_timeout = 100ms",
            "answer_timeout = 30d",
            "device_queue = 64KiB",
            "queue_for = off",
            "queue_size = 1KiB",
        ):
            self.assertEqual([], complaints(line))
