"""Values as people write them, and what they read when they slip."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.config import (
    Parser,
    auto_or,
    choice,
    duration,
    endpoints,
    flag,
    integer,
    mapping,
    off_or,
    path,
    secret_file,
    size,
    text,
    unlimited_or,
    within,
    words,
)

EVERY_PARSER: tuple[Parser[Any], ...] = (
    text,
    flag,
    integer(1, 64),
    integer(),
    size,
    duration,
    within(size, "1", "9999999"),
    choice("addresses", "names"),
    words,
    mapping,
    path,
    secret_file,
    endpoints,
    unlimited_or(duration),
    off_or(words),
    auto_or(path),
)
PIECES = st.sampled_from(
    ["tcp", "unix", ":", "=", ",", "\\", " ", "~", "1", "0", "KiB", "ms", "s", "-", ".", "yes", "a", "\n", "haproxy"]
)


class ParserCase(SynchronousTestCase):
    """Asks parsers."""

    def assert_reads(self, parser: Parser[Any], **values: Any) -> None:
        for written, value in values.items():
            self.assertEqual(parser(written), value, written)

    def refusal(self, parser: Parser[Any], written: str) -> str:
        return str(self.assertRaises(ValueError, parser, written))


class EveryParserTests(ParserCase):
    @given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join)))
    def test_any_text(self, written: str) -> None:
        """Whatever is written gives a value or a message, never a traceback."""
        for parser in EVERY_PARSER:
            try:
                parser(written)
            except ValueError as error:
                self.assertTrue(str(error))

    def test_empty(self) -> None:
        """A line with nothing after its = says that it is empty, whatever the option."""
        for parser in EVERY_PARSER:
            self.assertIn("is empty; write a value", self.refusal(parser, " \n "))

    def test_described(self) -> None:
        """The reference says of every option how it is written."""
        for parser in EVERY_PARSER:
            self.assertTrue(parser.describes)

    def test_long_text_is_cut(self) -> None:
        """A message about a page pasted by accident is not a page long."""
        self.assertLess(len(self.refusal(flag, "x" * 10_000)), 150)


class WordTests(ParserCase):
    def test_text(self) -> None:
        """Text is kept as written, without the space around it."""
        self.assertEqual(text("  two  words "), "two  words")

    def test_flag(self) -> None:
        """The usual words for yes and no are understood in any letter case."""
        self.assert_reads(flag, yes=True, true=True, On=True, NO=False, false=False, off=False)
        self.assertEqual(self.refusal(flag, "1"), "'1' is neither yes nor no")

    def test_choice(self) -> None:
        """A slip in a word draws the words that there are and the nearest one."""
        parser = choice("addresses", "names")
        self.assertEqual(parser.describes, "one of addresses, names")
        self.assertEqual(parser("names"), "names")
        self.assertEqual(self.refusal(parser, "name"), "'name' is not one of addresses, names (did you mean names?)")
        self.assertEqual(self.refusal(parser, "zzz"), "'zzz' is not one of addresses, names")

    def test_words(self) -> None:
        """Words are separated by commas, also over several lines."""
        self.assertEqual(words("raspberrypi, arduino,\nesp32"), ("raspberrypi", "arduino", "esp32"))

    def test_words_refused(self) -> None:
        """A comma too many and a word given twice are slips, and said to be."""
        self.assertIn("empty item", self.refusal(words, "a,,b"))
        self.assertIn("empty item", self.refusal(words, "a,"))
        self.assertEqual(self.refusal(words, "a, b, a"), "'a' is given twice")

    def test_mapping(self) -> None:
        """Pairs keep their order; a value may hold an equals sign."""
        self.assertEqual(mapping("b = 1, a=x=y"), (("b", "1"), ("a", "x=y")))

    def test_mapping_refused(self) -> None:
        """A pair that lacks a part, and a key given twice, are named."""
        for written in ("a", "a=", "=b"):
            self.assertEqual(self.refusal(mapping, f"ok=1, {written}"), f"{written!r} is not of the form key=value")
        self.assertEqual(self.refusal(mapping, "a=1, a=2"), "'a' is given twice")


class NumberTests(ParserCase):
    def test_integer(self) -> None:
        """Whole numbers between the limits are taken, the limits included."""
        self.assert_reads(integer(-1, 64), **{"-1": -1, "0": 0, "64": 64})
        self.assertEqual(integer()("123456789"), 123456789)

    def test_integer_out_of_range(self) -> None:
        """A number over a limit is told the limits."""
        self.assertEqual(self.refusal(integer(1, 64), "65"), "65 is out of range (1 to 64)")
        self.assertEqual(self.refusal(integer(1, 64), "0"), "0 is out of range (1 to 64)")
        self.assertEqual(self.refusal(integer(2), "1"), "1 is out of range (at least 2)")

    def test_integer_refused(self) -> None:
        """What Python would take for a number, and a person would not, is refused."""
        for written in ("1_0", "+5", "1.0", "0x10", "\N{FULLWIDTH DIGIT ONE}", "9" * 30, "ten"):
            self.assertIn("is not a whole number (1 to 64)", self.refusal(integer(1, 64), written))

    def test_size(self) -> None:
        """Sizes are bytes, in powers of 1024 or of 1000 as their unit says."""
        self.assert_reads(size, **{"0": 0, "512": 512, "7B": 7, "64KiB": 65536, "1MiB": 2**20, "2GiB": 2**31})
        self.assert_reads(size, **{"64kB": 64_000, "1MB": 10**6, "1GB": 10**9})

    def test_size_refused(self) -> None:
        """An ambiguous or unknown unit, a fraction and a word draw the units that there are."""
        self.assertIn("unknown unit KB (did you mean k", self.refusal(size, "64KB"))
        self.assertIn("units are B, kB, KiB, MB, MiB, GB, GiB", self.refusal(size, "64parsec"))
        for written in ("1.5MiB", "-1", "unlimited", "1 000", "1e3", "9" * 20):
            self.assertIn("is not a size; write whole bytes as in 512, 64KiB or 1MiB", self.refusal(size, written))

    def test_duration(self) -> None:
        """Durations are seconds, whatever their unit."""
        self.assert_reads(duration, **{"250ms": 0.25, "10s": 10.0, "1.5m": 90.0, "1h": 3600.0, "2d": 172800.0, "0s": 0.0})

    def test_duration_without_unit(self) -> None:
        """A bare number is asked for its unit, not guessed at."""
        self.assertEqual(self.refusal(duration, "10"), "10 has no unit; write 10s for seconds (units are ms, s, m, h, d)")

    def test_duration_refused(self) -> None:
        """Unknown units, negative and endless durations are refused, each with a remedy."""
        self.assertIn("unknown unit sec; units are ms, s, m, h, d", self.refusal(duration, "10sec"))
        self.assertIn("is longer than 3650d", self.refusal(duration, "3651d"))
        for written in ("-1s", "1e3s", "inf", "soon", "1 s", ".5s"):
            self.assertIn("is not a duration; write it as in 250ms", self.refusal(duration, written))

    def test_within(self) -> None:
        """A quantity may have limits, written like the quantity itself."""
        parser = within(size, "1", "1MiB")
        self.assert_reads(parser, **{"1": 1, "1MiB": 2**20})
        self.assertEqual(self.refusal(parser, "0"), "'0' is out of range (1 to 1MiB)")
        self.assertEqual(self.refusal(parser, "2MiB"), "'2MiB' is out of range (1 to 1MiB)")
        self.assertIn("is not a size", self.refusal(parser, "big"))
        self.assertIn("(1 to 1MiB)", parser.describes)


class NoValueTests(ParserCase):
    def test_words_for_none(self) -> None:
        """The absence of a limit, of a feature and of a decision are words, and only where an option takes them."""
        self.assertIsNone(unlimited_or(duration)("unlimited"))
        self.assertIsNone(off_or(size)("off"))
        self.assertIsNone(auto_or(path)("auto"))
        self.assertIn("is not a duration", self.refusal(off_or(duration), "unlimited"))

    def test_value_beside_the_word(self) -> None:
        """Where the word is not written, the value is read as ever."""
        self.assertEqual(unlimited_or(duration)("3s"), 3.0)
        self.assertTrue(off_or(endpoints).listens)
        self.assertFalse(off_or(size).listens)

    def test_refusal_names_the_word(self) -> None:
        """Whoever writes a wrong value where a word would do is told the word."""
        self.assertTrue(self.refusal(unlimited_or(duration), "0").endswith("; or write unlimited"))
        self.assertIn("; or unlimited", unlimited_or(duration).describes)


class PathTests(ParserCase):
    def test_path(self) -> None:
        """A tilde is the home directory; everything else stays as written."""
        self.assertEqual(path("~/netd/x y"), Path.home() / "netd" / "x y")
        self.assertEqual(path("/a/~/b"), Path("/a/~/b"))

    def test_unknown_home(self) -> None:
        """A home directory that there is not is an error of that option."""
        self.assertIn("no home directory; write the path in full", self.refusal(path, "~no-such-user-here/x"))

    def test_credential(self) -> None:
        """What systemd hands over is named as the unit names it; without systemd, and for a path, the remedy is told."""
        self.patch(os, "environ", {})
        self.assertIn("write LoadCredential=netd.pem:FILE into the unit", self.refusal(path, "credential:netd.pem"))
        self.patch(os, "environ", {"CREDENTIALS_DIRECTORY": "/run/credentials/netd.service"})
        self.assertEqual(Path("/run/credentials/netd.service/netd.pem"), secret_file("credential:netd.pem"))
        for name in ("", "../netd.pem"):
            self.assertIn("give the name that LoadCredential= has", self.refusal(path, f"credential:{name}"))

    def test_secret_file_is_not_opened(self) -> None:
        """The file of a secret need not be there, nor readable, to be named."""
        self.assertEqual(secret_file("/nonexistent/secret"), Path("/nonexistent/secret"))


class EndpointsTests(ParserCase):
    def test_several(self) -> None:
        """Several endpoints stand one after another, on one line or more."""
        self.assertEqual(endpoints("tcp:1  tcp6:2\nunix:/run/x"), ("tcp:1", "tcp6:2", "unix:/run/x"))

    def test_escaped_space(self) -> None:
        """A space after a backslash belongs to its endpoint."""
        self.assertEqual(endpoints("unix:/run/my\\ lab tcp:1"), ("unix:/run/my\\ lab", "tcp:1"))

    def test_commas(self) -> None:
        """A comma between endpoints, as other options have it, is told; one in a path is not taken for that."""
        for written in ("tcp:1, tcp:2", "tcp:1:interface=127.0.0.1, tcp:2", "tcp:1 , tcp:2", "tcp:1 ,tcp:2", "tcp:1,tcp:2"):
            self.assertIn("endpoints are separated by spaces alone", self.refusal(endpoints, written), written)
        self.assertEqual(endpoints("unix:/run/a,b"), ("unix:/run/a,b",))

    def test_every_bad_one_is_named(self) -> None:
        """Of several endpoints, each that is wrong is named with what is wrong with it."""
        refusal = self.refusal(endpoints, "tcp:1 tcp:x tcp:70000")
        self.assertEqual(
            refusal,
            "tcp:x: port 'x' is not a number from 0 to 65535; tcp:70000: port '70000' is not a number from 0 to 65535",
        )
