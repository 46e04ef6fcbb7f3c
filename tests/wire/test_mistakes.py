"""Each mistake that a wire can have: the words, and the place of it in the file or in the log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.config import parse
from netd.errors import ConfigErrors
from netd.wire.config import Config

SHED = ("[wire:shed]", "listen = tcp:9000:interface=127.0.0.1")


def told(*lines: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """What `netd check` says of a file with these lines."""
    try:
        parse("\n".join(lines), "lab.ini", {"wire": Config}, environ or {}, 1000, "here", Path())
    except ConfigErrors as errors:
        return [str(problem) for problem in errors.problems]
    return []


def told_of_rules(*rules: str) -> list[str]:
    """What it says of a section with these rules, the first of which stands on line 4."""
    return told(*SHED, "rules =", *(f"    {rule}" for rule in rules))


class RuleMistakeTests(SynchronousTestCase):
    """Mistakes in rules are told at the line of the rule."""

    def test_words(self) -> None:
        """Each mistake has the words that say what to write."""
        verbs = "sample, event, name, bye, tell, tell-all, call, send, ignore"
        for rule, words in {
            "sample {a}{b}": "{a} and {b} stand side by side; write what is between them, or give the first a width: {a:4}",
            "event {hum} {time} => {temp}": "the reply has {temp}, and the pattern has no such field; it has hum, time",
            "sample hello": "sample: no field is a channel; write {temp}, or {channel} and {value}",
            "name hello {who}": "name: the pattern has no {name}, which says what the peer is called",
            "smaple {x}": f"'smaple' is none of {verbs} (did you mean sample?); a rule begins with what its messages are",
            "event {x:hx}": "{x:hx}: no type hx (did you mean hex?); there are num, int, hex, flag, comma, count, dm, hemi, bcd, "
            "time, word, text, skip, rest, and a width such as 7",
            r"event a\q": r"\q is no escape; there are \n \r \t \0 \xHH (two hexadecimal digits) \\ \{ \}",
            "event /(a+)+/": "a group is repeated; repeat one character class ([0-9.]+), make the group optional (...)?, "
            "or write each SEPARATOR ...",
            r"event /.*?(?P<a>\d+)\D+.*(?P<b>\d+)x/": "some messages could be read in 1e+08 ways, and would hold everything up; "
            "write [^,]* in place of .*",
            "sample struct <hqfff {a} {b} {c} {d}": "struct <hqfff has 5 values, and 4 fields are named; write {} for one that "
            "does not matter",
            "event {": r"a { has no }; write \{ for a brace of the message",
            'event x => {"ok": 1}': '{"ok": 1} is no field; write {name}, or \\{ and \\} for the braces of JSON',
        }.items():
            self.assertEqual([f"lab.ini:4: [wire:shed] rules: {words}"], told_of_rules(rule), rule)

    def test_never_reached(self) -> None:
        """A rule behind one that takes everything is told with that one's line in the file."""
        said = told_of_rules("; the first one", "", "event {text}", "    # between", "bye quit")
        self.assertEqual(["lab.ini:8: [wire:shed] rules: never reached: line 6 takes every message; put it last"], said)

    def test_lines(self) -> None:
        """Comments, blank lines and a first rule beside the option's name do not shift the lines, and all mistakes are told."""
        said = told(*SHED, "rules = smaple {x}", "", "    ; why", "    sample {a}{b} ; data", "", "# whole", "    bey quit")
        self.assertEqual(["lab.ini:3", "lab.ini:6", "lab.ini:9"], [one.partition(": ")[0] for one in said])

    def test_environment(self) -> None:
        """Rules of the environment are told with their line there."""
        said = told(*SHED, "rules = event {*}", environ={"NETD_WIRE_SHED_RULES": "bye quit\nsmaple {x}"})
        self.assertEqual(1, len(said))
        self.assertTrue(said[0].startswith("environment NETD_WIRE_SHED_RULES: [wire:shed] rules: line 2: 'smaple' is"), said)
        self.assertEqual([], told(*SHED, "rules = smaple", environ={"NETD_WIRE_SHED_RULES": "bye quit\n\nevent {*}"}))


class OptionMistakeTests(SynchronousTestCase):
    """Mistakes in other options, and of options that contradict each other."""

    def test_frames(self) -> None:
        """A frame that there is not is told with the nearest."""
        frames = "lines, until, between, length, bytes, json, silence, datagram"
        for option, words in {
            "frame = line": f"'line' is none of {frames} (did you mean lines?); or write auto",
            "say = rwa": f"'rwa' is none of {frames}, raw (did you mean raw?); or write auto",
            "say = datagram": "datagram is for udp: alone; connections have no datagrams: write lines, or silence:50ms",
            "check = modbis": "'modbis' is none of nmea, xor, sum, modbus, x25 (did you mean modbus?); or write off",
            "frame = silence:2ms": "silence is 5ms to 60s: networks cut what one send() sends, and a shorter pause than 5ms is "
            "none, not 2ms; or write auto",
        }.items():
            name = option.partition(" ")[0]
            self.assertEqual([f"lab.ini:3: [wire:shed] {name}: {words}"], told(*SHED, option, "rules = event {*}"), option)

    def test_silence_and_every(self) -> None:
        """What is said faster than the silence that ends a message is told at its own line."""
        said = told(*SHED, "rules = event {*}", "frame = silence:100ms", "every =", "    1s A", "", "    ; why", "    50ms B")
        words = "0.05s is no longer than the silence that ends a message; write a longer time"
        self.assertEqual([f"lab.ini:9: [wire:shed] every: {words}"], said)

    def test_udp(self) -> None:
        """What cannot be by UDP is told at its line; a frame of datagrams is for all of a section's endpoints or none."""
        said = told(
            "[wire:a]", "listen = udp:9", "access = peers", "peers = 10.0.0.0/8", "rules =", "    ignore x", "    tell {*}"
        )
        words = "tell cannot be by UDP: the address of a datagram can be forged, and all others would be told"
        self.assertEqual([f"lab.ini:7: [wire:a] rules: {words}"], said)
        both = told(
            "[wire:a]", "listen = udp:9:interface=127.0.0.1 tcp:9:interface=127.0.0.1", "frame = datagram", "rules = event x"
        )
        self.assertIn("datagram is for udp: alone", both[0])

    def test_questions(self) -> None:
        """Questions are told at their lines; an acknowledgement is one pattern."""
        said = told(
            "[wire:a]",
            "connect = tcp:a:1",
            "ask =",
            "    ; why",
            "    1s READ?",
            "",
            "    2s X => sampel {v}",
            "ack =",
            "  A",
            "  B",
        )
        self.assertEqual(["lab.ini:5", "lab.ini:7", "lab.ini:10"], [one.partition(": ")[0] for one in said])
        self.assertIn("is no question; write time, question and what the answer is: 1s READ? => sample {v}", said[0])

    def test_said_once(self) -> None:
        """A mistake has no other as its consequence: an option that cannot be read is not missing."""
        said = told("[wire:a]", "connect = serial:/dev/ttyACM0", "rules = smaple {x}", "access = tokens", "dial = eahc")
        self.assertEqual([2, 3, 5], [int(one.split(":")[1]) for one in said], said)

    def test_serial(self) -> None:
        """A serial port needs its speed."""
        words = (
            "serial:/dev/ttyACM0: write the port and its speed, as in serial:/dev/ttyACM0:115200, or with bits, parity and stop "
            "bits behind it: serial:/dev/ttyACM0:9600:7E1; or write off"
        )
        said = told("[wire:a]", "connect = serial:/dev/ttyACM0", "rules = event x")
        self.assertEqual([f"lab.ini:2: [wire:a] connect: {words}"], said)
