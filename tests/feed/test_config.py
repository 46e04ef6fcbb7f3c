"""Tests of ``netd.feed.config``: what a ``[feed]`` section can say."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.subject import split_pattern
from netd.feed.config import FIELDS, Config, fields, locales, source
from netd.feed.rounds import TYPES


class ConfigTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        """Without any option: Faker's data each second, for all alike, on loopback."""
        config = Config()
        self.assertEqual((config.source, config.interval, config.per_client, config.seed), ("faker", 1.0, False, None))
        self.assertEqual(config.listen, ("loopback:8000",))

    def test_pings_leave_old_clients_alone(self) -> None:
        """Old clients sleep for two seconds; by default they have much longer to answer a ping."""
        self.assertGreater(Config().ping_timeout, 5)

    @given(st.text(alphabet="ab*>. _@-", max_size=8) | st.text(max_size=5))
    @example("session.>")
    @example(">")
    @example("x" * 513)
    def test_sources(self, written: str) -> None:
        """A source is taken exactly when the bus takes it for a pattern."""
        written = written.strip()
        try:
            split_pattern(written)
            is_pattern = True
        except ValueError:
            is_pattern = False
        try:
            self.assertEqual(source(written), written)
            is_source = True
        except ValueError:
            is_source = False
        self.assertEqual(is_source, is_pattern, written)

    def test_locales(self) -> None:
        """A locale is written as Faker writes it; the complaint says how."""
        self.assertEqual(locales("de_DE, en_US"), ("de_DE", "en_US"))
        error = self.assertRaises(ValueError, locales, "en_US, german")
        self.assertEqual(str(error), "'german' is no locale; write language and country as in en_US or de_DE")
        self.assertIn("write faker, or a subject pattern", str(self.assertRaises(ValueError, source, "a..b")))

    def test_fields(self) -> None:
        """The values of a round can be chosen, each once; the complaint lists them."""
        self.assertEqual(FIELDS, TYPES)
        self.assertEqual(fields("city, name"), ("city", "name"))
        self.assertIn("'job' is no value of a round; there are name, country", str(self.assertRaises(ValueError, fields, "job")))
        self.assertRaises(ValueError, fields, "name, name")
