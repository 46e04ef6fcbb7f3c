"""The subjects of a caller, in the names of the node that it calls."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.subject import covers
from netd.cluster.address import subject_at
from netd.cluster.rights import names_node, translated

KINDS = ("audit", "relay", "session", "system")
NODES = ("A", "B", "C")

KIND = st.sampled_from(["relay", "session", "custom"])
INSTANCE = st.sampled_from(["main", "lab"])
PATTERNS = st.lists(
    st.tuples(
        st.sampled_from(["*", "relay", "session", "custom"]),
        st.sampled_from(["*", "main", "lab", "main@A", "main@B", "main@C", "lab@B"]),
        st.sampled_from(["*", ">", "x", "x.y"]),
    )
    .filter(lambda tokens: not (tokens[0] == "custom" and "@" in tokens[1]))
    .map(".".join)
    | st.sampled_from([">", "*", "session", "relay.>", "*.>", "custom.>"]),
    max_size=4,
)


class RightsTests(SynchronousTestCase):
    @given(PATTERNS, st.sampled_from(NODES), KIND, INSTANCE, st.sampled_from(["x", "x.y"]))
    @example(["*.main@A.*"], "A", "session", "main", "x")
    @example(["session.main@A.>"], "A", "session", "main", "x")
    def test_same_rights(self, patterns: list[str], owner: str, kind: str, instance: str, rest: str) -> None:
        """Whatever a caller of A sees under A's names it sees on B under B's, and nothing else, whichever node it belongs to."""
        own = f"{kind}.{instance}.{rest}"
        at = {node: own if node == owner else subject_at(own, owner) for node in ("A", "B")}
        sees_at_a = any(covers(pattern, at["A"] or "") for pattern in patterns)
        sees_at_b = any(covers(pattern, at["B"] or "") for pattern in translated(patterns, "A", "B", KINDS))
        self.assertEqual(sees_at_a, sees_at_b, (patterns, at, translated(patterns, "A", "B", KINDS)))

    def test_examples(self) -> None:
        """The names of the other node's services lose its name, those of the own ones get theirs."""
        for pattern, expected in (
            ("session.main@B.>", ("session.main.>",)),
            ("session.main.>", ("session.main@A.>",)),
            ("session.main@C.>", ("session.main@C.>",)),
            ("session.*.temp", ("session.*.temp",)),
            ("*.main.>", ("*.main@A.>", "custom.main.>")),
            ("*.main@B.x", tuple(f"{kind}.main.x" for kind in KINDS)),
            ("custom.main.>", ("custom.main.>",)),
            ("*.main@A.>", ()),
            ("session.main@A.>", ()),
        ):
            self.assertEqual(expected, translated([pattern], "A", "B", KINDS))
        self.assertRaises(ValueError, translated, ["session..x"], "A", "B", KINDS)

    def test_names_node(self) -> None:
        """Whoever can see nothing of a node is told so before anything is asked."""
        for patterns, node, expected in (
            (["session.main@B.>"], "B", True),
            (["session.main@B.>"], "C", False),
            (["session.main.>"], "B", False),
            (["session.main.>"], "", True),
            (["session.>"], "B", True),
            ([">"], "B", True),
            (["session"], "B", False),
            (["custom.>"], "B", False),
            ([], "B", False),
        ):
            self.assertIs(expected, names_node(patterns, node), (patterns, node))
