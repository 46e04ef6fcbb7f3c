"""Tests of ``netd.gateway.graphite.targets``: what Grafana's query editor writes, and what people write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import InvalidArguments
from netd.gateway.graphite.targets import RenderTarget, read_target

SUBJECT = "session.main.greenhouse.temp"


class TargetTests(SynchronousTestCase):
    def test_path(self) -> None:
        """A path is a target; its series bear the names of their subjects."""
        for path in (SUBJECT, "session.*.{greenhouse,cellar}.temp", "session.main.green?ouse.t[a-e]mp", "*"):
            target = read_target(path)
            self.assertEqual((target, target.name(SUBJECT)), (RenderTarget(path), SUBJECT), path)

    def test_constant(self) -> None:
        """Grafana asks whether a data source works by a line of 100."""
        target = read_target("constantLine(100)")
        self.assertEqual((target.path, target.constant, target.name("")), (None, 100.0, "100"))
        self.assertEqual(read_target("alias(constantLine(-2.5e1), 'limit')").name(""), "limit")

    def test_alias(self) -> None:
        """A series gets any name; the outermost function that names it counts."""
        for text in ("alias(session.*.*.temp,'warm, (dry)')", 'alias( session.*.*.temp , "warm, (dry)" )'):
            target = read_target(text)
            self.assertEqual((target.path, target.name(SUBJECT)), ("session.*.*.temp", "warm, (dry)"), text)
        self.assertEqual(read_target("alias(aliasByNode(a.b, 0), 'x')").name("a.b"), "x")
        self.assertEqual(read_target("aliasByNode(alias(a.b, 'x'), 1)").name("a.b"), "b")

    def test_alias_by_node(self) -> None:
        """A series is named by nodes of its subject, counted from either end; nodes that it does not have are left out."""
        for nodes, name in (
            ("2", "greenhouse"),
            ("2, 3", "greenhouse.temp"),
            ("-1", "temp"),
            ("-4,0", "session.session"),
            ("9", ""),
        ):
            self.assertEqual(read_target(f"aliasByNode(session.*.*.*, {nodes})").name(SUBJECT), name, nodes)

    def test_consolidate_by(self) -> None:
        """How samples become points is said by a function, which is part of the name as in Graphite."""
        target = read_target("consolidateBy(a.*,'max')")
        self.assertEqual((target.consolidation, target.name("a.b")), ("max", "consolidateBy(a.b,'max')"))
        self.assertEqual(read_target('aliasByNode(consolidateBy(a.*, "avg"), 1)').consolidation, "average")

    def test_unknown_function(self) -> None:
        """What netd cannot calculate is refused by name, wherever it stands."""
        for text in ("movingAverage(a.b, 5)", "alias(movingAverage(a.b, 5), 'x')", "movingAverage()"):
            error = self.assertRaises(InvalidArguments, read_target, text)
            self.assertIn("netd does not know the function 'movingAverage'; there are alias, aliasByNode, ", str(error), text)

    def test_wrong_arguments(self) -> None:
        """A function that is used in a wrong way tells how it is used."""
        for text in (
            "alias(a.b)",
            "alias(a.b, 5)",
            "alias('a', 'b')",
            "aliasByNode(a.b)",
            "aliasByNode(a.b, 'x')",
            "consolidateBy(a.b, 'median')",
            "consolidateBy(a.b, 'max', 1)",
            "constantLine()",
            "constantLine(x.y)",
        ):
            error = self.assertRaises(InvalidArguments, read_target, text)
            self.assertIn(f"{text.partition('(')[0]} takes ", str(error), text)

    def test_no_target(self) -> None:
        """A text that is no target is refused with the place where it goes wrong."""
        for text in (
            "",
            " ",
            "100",
            "'a'",
            "(",
            ")",
            "a.b)",
            "a.b c.d",
            "alias(a.b, 'x'",
            "alias(a.b 'x')",
            "alias(a.b,)",
            "alias(,a.b)",
            "alias(a.b, 'x) ",
            "a.{b,c",
            "a}b",
            "a" * 4097,
            "alias(" * 17 + "a" + ",'x')" * 17,
        ):
            self.assertRaises(InvalidArguments, read_target, text)

    @given(st.text("ab.*{},()'\" 1e-", max_size=40))
    def test_any_text(self, text: str) -> None:
        """No text does more than be read or be refused."""
        try:
            self.assertIsInstance(read_target(text), RenderTarget)
        except InvalidArguments as error:
            self.assertTrue(str(error).startswith("target "))
