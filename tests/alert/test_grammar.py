"""The texts of ``when`` and ``then``."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.alert.grammar import read_actions, read_condition
from netd.reaction.actions import Execute, Mail, Publish, Webhook
from netd.reaction.condition import Comparison, Ends, Offline, Plain, SilentFor, TooMany

TEMP = "session.main.greenhouse.temp"


class ConditionTests(SynchronousTestCase):
    def test_comparisons(self) -> None:
        """A value is compared, or another member; numbers, words and yes or no."""
        for written, member, sign, value in (
            ("> 30", "value", ">", 30.0),
            ("<= -1.5e3", "value", "<=", -1500.0),
            ("lag > 0.1", "lag", ">", 0.1),
            ("state = over", "state", "=", "over"),
            ("online = no", "online", "=", False),
            ('reason != "not found here"', "reason", "!=", "not found here"),
        ):
            read = read_condition(f"{TEMP} {written}")
            self.assertEqual(read.condition, Plain(TEMP, Comparison(member, sign, value)), written)
            self.assertEqual(read.hold, 0.0)

    def test_durations(self) -> None:
        """A condition may have to hold for some time; silence and rates have their times in them."""
        self.assertEqual(read_condition(f"{TEMP} > 30 for 2m").hold, 120.0)
        self.assertEqual(
            read_condition("relay.main.presence.* offline for 1m").condition, Plain("relay.main.presence.*", Offline())
        )
        self.assertEqual(read_condition(f"{TEMP} silent for 5m").condition, SilentFor(TEMP, 300.0))
        self.assertEqual(read_condition("room.main.*.state ends").condition, Plain("room.main.*.state", Ends()))
        errors = Comparison("outcome", "=", "error")
        written = "command.main.run outcome = error more than 5 in 1m"
        self.assertEqual(read_condition(written).condition, TooMany("command.main.run", errors, 5, 60.0))
        self.assertEqual(read_condition("custom.x more than 0 in 1s").condition, TooMany("custom.x", None, 0, 1.0))

    def test_mistakes(self) -> None:
        """A mistake is named, with what to write instead."""
        for written, why in (
            ("", "is no token"),
            ("session..x > 3", "is no token"),
            ("alert.> > 3", "cannot watch alerts"),
            (TEMP, "is no condition; write as in"),
            (f"{TEMP} above 30", "is no condition"),
            (f"{TEMP} > hot", "> compares numbers"),
            (f"{TEMP} > 30 for 2", "2 has no unit; write 2s"),
            (f"{TEMP} > 30 for", "`for DURATION` is missing"),
            (f"{TEMP} > 30 for 0s", "is no time"),
            (f"{TEMP} silent", "`for DURATION` is missing"),
            (f"{TEMP} silent for 5m now", "has more behind it"),
            (f"{TEMP} more than many in 1m", "`more than 5 in 1m`"),
            (f"{TEMP} more than 99999 in 1m", "at most 10000"),
        ):
            self.assertRaisesRegex(ValueError, why, read_condition, written)

    @given(st.text())
    def test_any_text(self, written: str) -> None:
        """Whatever is written is read, or refused with a reason."""
        for read in (read_condition, read_actions):
            try:
                read(written)
            except ValueError as error:
                self.assertTrue(str(error))


class ActionTests(SynchronousTestCase):
    def test_actions(self) -> None:
        """Several actions stand one a line, or with bars between them."""
        actions = read_actions(
            "\nwebhook https://example.org/a?b=c\nexec ./tell 'two words' | mail a@example.org\npublish custom.alarm"
        )
        hook, program = Webhook("https://example.org/a?b=c"), Execute(("./tell", "two words"))
        self.assertEqual(actions, (hook, program, Mail("a@example.org"), Publish("custom.alarm")))
        labels = ["webhook https://example.org/…", "exec ./tell", "mail a@example.org", "publish custom.alarm"]
        self.assertEqual([action.label for action in actions], labels)

    def test_mistakes(self) -> None:
        """A mistake is named, with what to write instead."""
        for written, why in (
            ("call me", "'call' is no action"),
            ("webhook", "its target is missing"),
            ("publish custom.door@north", "no subject that begins with `custom.`"),
            ("webhook ftp://example.org", "nothing can be posted to ftp://; write https://"),
            ("webhook https://[", "write a URL"),
            ("webhook https://example.org/a b", "write a URL"),
            ("webhook https://me:pw@example.org/", "would be shown"),
            ("exec 'open", "quotes are written"),
            ("mail somebody", "is no address"),
            ("mail a@b.org,c@d.org", "is no address"),
            ("publish relay.main.x", "begins with `custom.`"),
        ):
            self.assertRaisesRegex(ValueError, why, read_actions, written)
