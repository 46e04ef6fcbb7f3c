"""Names between nodes: to and fro."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.subject import MAX_SUBJECT, covers, is_own_subject, is_subject, matches
from netd.cluster.address import (
    WantedPart,
    instance_at,
    is_far,
    own_pattern,
    pattern_between,
    split_instance,
    subject_at,
    wanted_parts,
)

TOKENS = st.sampled_from(["relay", "session", "custom", "system", "main", "lab-2", "a", "b"])
NODES = st.sampled_from(["north", "south", "east"])
OWN = st.lists(TOKENS, min_size=2, max_size=5).map(".".join)
PLACES = TOKENS | st.builds(instance_at, TOKENS, NODES) | st.just("*")
WRITTEN = st.builds(
    lambda kind, place, rest, end: ".".join([kind, place, *rest, *end]),
    TOKENS | st.just("*"),
    PLACES,
    st.lists(TOKENS | st.just("*"), max_size=3),
    st.sampled_from([[], [">"]]),
) | st.sampled_from([">", "*", "relay", "relay.>", "*.>", "custom.>"])


class NameTests(SynchronousTestCase):
    def test_instances(self) -> None:
        """The instance of another node is written with the node behind it."""
        self.assertEqual(("main@north", ("main", "north")), (instance_at("main", "north"), split_instance("main@north")))
        self.assertEqual(("main", ""), split_instance("main"))
        self.assertEqual((True, False), (is_far("main@north"), is_far("main")))

    def test_subjects(self) -> None:
        """The node stands behind the instance; ``custom`` is the same everywhere."""
        for subject, far in (
            ("session.main.oven.temp", "session.main@north.oven.temp"),
            ("session.main", "session.main@north"),
            ("custom.door", "custom.door"),
            ("custom", None),
            ("session.main@south.oven", None),
            ("alert.hot.session.main@south.oven", None),
            (f"session.main.{'x' * (MAX_SUBJECT - 13)}", None),
        ):
            self.assertEqual(far, subject_at(subject, "north"), subject)

    @given(OWN, NODES)
    def test_to_and_fro(self, subject: str, node: str) -> None:
        """What has a name on other nodes has its own name back on its node; and that far name goes no further."""
        far = subject_at(subject, node)
        assert far is not None
        self.assertTrue(is_subject(far))
        self.assertEqual(subject, own_pattern(far, node))
        if not subject.startswith("custom."):
            self.assertFalse(is_own_subject(far))
            self.assertIsNone(subject_at(far, "south"))


class PatternTests(SynchronousTestCase):
    def test_patterns(self) -> None:
        """A pattern says the same to another node, in its names."""
        for written, read in (
            ("relay.main.>", "relay.main@north.>"),
            ("relay.main@south.>", "relay.main.>"),
            ("relay.main@east.>", "relay.main@east.>"),
            ("relay.>", "relay.>"),
            ("relay.*.presence.*", "relay.*.presence.*"),
            (">", ">"),
            ("custom.main.>", "custom.main.>"),
            ("relay.main@south@east.x", "relay.main@south@east.x"),
        ):
            self.assertEqual(read, pattern_between(written, "north", "south"), written)
            self.assertEqual(written, pattern_between(read, "south", "north"), read)

    @given(WRITTEN, NODES, NODES)
    def test_back(self, pattern: str, sender: str, receiver: str) -> None:
        """Translated and translated back, a pattern is what it was, unless a node calls itself by its far name."""
        if sender != receiver and f"@{sender}" not in pattern:
            self.assertEqual(pattern, pattern_between(pattern_between(pattern, sender, receiver), receiver, sender))

    @given(WRITTEN, OWN, NODES)
    def test_rights(self, pattern: str, subject: str, node: str) -> None:
        """A pattern that is confined to some subjects of another node is confined to the same there."""
        far = subject_at(subject, node)
        if far is not None and matches(pattern, far) and not subject.startswith("custom."):
            self.assertTrue(matches(pattern_between(pattern, "west", node), subject))


class WantedTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """Patterns for all instances ask all nodes, those with a node ask that one, and those of an own instance ask nobody."""
        everything = WantedPart("*", "custom", "*", "custom.>")
        for pattern, parts in (
            (">", (WantedPart("*", "*", "*", ">"), everything)),
            ("session.>", (WantedPart("*", "session", "*", "session.>"),)),
            ("relay.*.presence.*", (WantedPart("*", "relay", "*", "relay.*.presence.*"),)),
            ("relay.main@north.>", (WantedPart("north", "relay", "main", "relay.main.>"),)),
            ("*.main@north.>", (WantedPart("north", "*", "main", "*.main.>"),)),
            ("*.*.x", (WantedPart("*", "*", "*", "*.*.x"), WantedPart("*", "custom", "*", "custom.*.x"))),
            ("*.main.>", (WantedPart("*", "custom", "*", "custom.main.>"),)),
            ("custom.door", (WantedPart("*", "custom", "*", "custom.door"),)),
            ("relay.main.>", ()),
            ("relay", ()),
            ("*", ()),
            ("relay.@north.>", ()),
            ("relay.main@.>", ()),
        ):
            self.assertEqual(parts, wanted_parts(pattern), pattern)
        self.assertRaises(ValueError, wanted_parts, "a..b")

    def test_subjects_of_nats(self) -> None:
        """Events come under their node, kind and instance; those that all share under their node alone."""
        subjects = [part.subject for pattern in (">", "relay.main@north.x") for part in wanted_parts(pattern)]
        self.assertEqual(["turn.*.*.*", "custom.*", "turn.north.relay.main"], subjects)

    @given(WRITTEN, OWN, NODES)
    def test_nothing_is_missed(self, pattern: str, subject: str, node: str) -> None:
        """What comes of a node for a pattern is exactly what the pattern takes there."""
        far = subject_at(subject, node)
        assert far is not None
        kind, instance, *_ = subject.split(".")
        comes = f"custom.{node}" if kind == "custom" else f"turn.{node}.{kind}.{instance}"
        parts = [part for part in wanted_parts(pattern) if part.node in ("*", node) and matches(part.pattern, subject)]
        self.assertEqual(matches(pattern, far), any(covers(part.subject, comes) for part in parts))
