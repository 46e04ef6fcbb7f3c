"""Subjects and patterns, as NATS has them."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.subject import MAX_SUBJECT, common, covers, is_own_subject, is_subject, matches, overlaps, split_pattern, token

TOKENS = st.text("ab-_", min_size=1, max_size=2)
SUBJECTS = st.lists(TOKENS, min_size=1, max_size=5).map(".".join)
PATTERNS = st.lists(TOKENS | st.just("*"), max_size=5).flatmap(
    lambda tokens: (
        st.just(".".join([*tokens, ">"])) if not tokens else st.sampled_from([".".join(tokens), ".".join([*tokens, ">"])])
    )
)


def matches_slowly(pattern: list[str], subject: list[str]) -> bool:
    """The reference: the grammar, read out token by token."""
    if pattern == [">"]:
        return len(subject) >= 1
    if not pattern or not subject:
        return not pattern and not subject
    return pattern[0] in ("*", subject[0]) and matches_slowly(pattern[1:], subject[1:])


class SubjectTests(SynchronousTestCase):
    def test_subjects(self) -> None:
        """Letters, digits, hyphens and underscores are tokens; dots join them; nothing else is a subject."""
        for good in ("relay", "relay.main.said.greenhouse-2", "A_1", "a" * MAX_SUBJECT):
            self.assertTrue(is_subject(good), good)
        for bad in ("", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "a\n", "ä", "٣", "a/b", "a" * (MAX_SUBJECT + 1)):
            self.assertFalse(is_subject(bad), bad)

    def test_subjects_of_other_nodes(self) -> None:
        """A subject with an ``@`` is one, and none that a caller may choose."""
        self.assertTrue(is_subject("session.main@north.oven"))
        self.assertFalse(is_own_subject("session.main@north.oven"))
        self.assertTrue(is_own_subject("session.main.oven"))
        self.assertFalse(is_own_subject("a..b"))


class PatternTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """``*`` is one token, ``>`` is one or more at the end, and everything else is itself."""
        for pattern, subject, wanted in (
            ("relay.main", "relay.main", True),
            ("relay.main", "relay.mai", False),
            ("relay.main", "relay.main.x", False),
            ("relay.*", "relay.main", True),
            ("relay.*", "relay", False),
            ("relay.*", "relay.main.x", False),
            ("*.main.*", "relay.main.x", True),
            ("relay.>", "relay.main.x", True),
            ("relay.>", "relay.main", True),
            ("relay.>", "relay", False),
            (">", "relay", True),
            (">", "relay.main", True),
            ("*.>", "relay", False),
            ("*.>", "relay.main", True),
        ):
            self.assertEqual(wanted, matches(pattern, subject), (pattern, subject))

    @given(PATTERNS, SUBJECTS)
    def test_as_the_reference(self, pattern: str, subject: str) -> None:
        """Any pattern takes exactly the subjects that the grammar says."""
        self.assertEqual(matches_slowly(pattern.split("."), subject.split(".")), matches(pattern, subject))

    @given(SUBJECTS, st.lists(st.booleans(), min_size=5, max_size=5), st.integers(0, 5))
    def test_made_from_the_subject(self, subject: str, stars: list[bool], rest: int) -> None:
        """A pattern made by hiding parts of a subject takes that subject."""
        tokens = ["*" if star else part for part, star in zip(subject.split("."), stars, strict=False)]
        self.assertTrue(matches(".".join(tokens), subject))
        assume(rest < len(tokens))
        self.assertTrue(matches(".".join([*tokens[:rest], ">"]), subject))

    @given(st.text("ab.*> é\n", max_size=8))
    def test_any_text(self, text: str) -> None:
        """Text that is no pattern is refused; a subject is a pattern of itself."""
        if is_subject(text):
            self.assertTrue(matches(text, text))
        parts = text.split(".")
        is_pattern = all(part == "*" or is_subject(part) or (part == ">" and n == len(parts)) for n, part in enumerate(parts, 1))
        try:
            split_pattern(text)
        except ValueError:
            self.assertFalse(is_pattern)
        else:
            self.assertTrue(is_pattern)

    def test_messages(self) -> None:
        """Who subscribes to nonsense reads which part of it is nonsense."""
        for pattern, part in (("a.>.b", ">"), ("a..b", ""), ("a.b*", "b*"), ("a.>>", ">>"), ("", "")):
            error = self.assertRaises(ValueError, split_pattern, pattern)
            self.assertEqual(
                f"subject pattern {pattern!r}: {part!r} is no token of [A-Za-z0-9_@-], no '*', and no final '>'", str(error)
            )
            self.assertRaises(ValueError, matches, pattern, "a")
        error = self.assertRaises(ValueError, split_pattern, "a" * (MAX_SUBJECT + 1))
        self.assertEqual("a subject pattern has at most 512 characters", str(error))


class TokenTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """An address or a name as a peer gave it becomes one readable token."""
        self.assertEqual("127-0-0-1-50412", token("('127.0.0.1', 50412)"))
        self.assertEqual("green_house-2", token(" green_house-2\n"))
        self.assertEqual("a-b", token("a.*.>.b"))
        self.assertEqual("_", token(""))
        self.assertEqual("_", token("...>"))

    @given(st.text(max_size=200))
    def test_any_text(self, text: str) -> None:
        """No text of a peer can reach another subject, or be too long for one."""
        made = token(text)
        self.assertTrue(is_subject(made))
        self.assertNotIn(".", made)
        self.assertNotIn("@", made)
        self.assertLessEqual(len(made), 64)
        self.assertEqual(made, token(made))

    def test_cut_at_a_hyphen(self) -> None:
        """A long name that is cut where a hyphen is does not end in it."""
        self.assertEqual("a" * 63, token("a" * 63 + " b"))


class CoversTests(SynchronousTestCase):
    def test_covers(self) -> None:
        """A pattern covers those whose every subject is among its own."""
        for wide, narrow, expected in (
            (">", "a", True),
            (">", "a.>", True),
            (">", ">", True),
            ("a.>", "a.b.>", True),
            ("a.>", "a.>", True),
            ("a.>", "a", False),
            ("a.>", ">", False),
            ("a.*", "a.b", True),
            ("a.*", "a.*", True),
            ("a.*", "a.>", False),
            ("a.b", "a.*", False),
            ("a.b", "a.b", True),
            ("a.b", "a.c", False),
            ("*.>", "a.b", True),
            ("*.>", "a.>", True),
            ("*.b", "a.b.c", False),
        ):
            self.assertIs(covers(wide, narrow), expected, (wide, narrow))

    @given(PATTERNS, PATTERNS, SUBJECTS)
    def test_agrees_with_matches(self, wide: str, narrow: str, subject: str) -> None:
        """What falls under a covered pattern falls under the one that covers it."""
        if covers(wide, narrow) and matches(narrow, subject):
            self.assertTrue(matches(wide, subject))


class OverlapsTests(SynchronousTestCase):
    def test_common(self) -> None:
        """The subjects of both patterns are those of a third one, if there are any."""
        for one, other, both in (
            ("relay.*.*.pump", "relay.*.outcome.*", "relay.*.outcome.pump"),
            ("relay.>", "relay.*.outcome.*", "relay.*.outcome.*"),
            (">", "audit.>", "audit.>"),
            ("a.*.>", "*.b.>", "a.b.>"),
            ("a.>", "*.b.c", "a.b.c"),
            ("a.b", "a.c", None),
            ("a.b", "a.b.c", None),
            ("a.>", "a", None),
        ):
            self.assertEqual(common(one, other), both, (one, other))
            self.assertEqual(common(other, one), both, (other, one))

    def test_overlaps(self) -> None:
        """Two patterns overlap where one subject falls under both."""
        for one, other, expected in (
            ("relay.main.presence.*", "relay.*.*.lamp", True),
            ("relay.>", "relay.main.>", True),
            ("relay.main", "relay.main.>", False),
            ("relay.main.*", "relay.main.a.b", False),
            ("relay.*.x", "relay.main.y", False),
            (">", "a", True),
        ):
            self.assertIs(overlaps(one, other), expected, (one, other))
            self.assertIs(overlaps(other, one), expected, (other, one))

    @given(PATTERNS, PATTERNS, SUBJECTS)
    def test_subject_of_both(self, one: str, other: str, subject: str) -> None:
        """A subject that falls under both shows that they overlap."""
        if matches(one, subject) and matches(other, subject):
            self.assertTrue(overlaps(one, other))
