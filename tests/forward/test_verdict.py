"""What the answers of servers mean."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.forward.verdict import Meaning, judge


class VerdictTests(SynchronousTestCase):
    def test_meanings(self) -> None:
        """Each answer of the three servers means one thing."""
        cases = [
            (204, "", Meaning.TAKEN, 0),
            (400, '{"error":"partial write: field type conflict: input field \\"value\\" … dropped=2"}', Meaning.TAKEN, 2),
            (
                422,
                '{"message":"failure writing points: partial write: points beyond retention policy dropped=3"}',
                Meaning.TAKEN,
                3,
            ),
            (400, '{"error":"partial write: unable to parse"}', Meaning.TAKEN, 1),
            (400, '{"error":"unable to parse \'x\': missing fields"}', Meaning.BAD, 0),
            (413, "partial write: too large", Meaning.BAD, 0),
            (401, "", Meaning.REFUSED, 0),
            (404, "database not found", Meaning.REFUSED, 0),
            (302, "", Meaning.REFUSED, 0),
            (429, "", Meaning.LATER, 0),
            (503, "", Meaning.LATER, 0),
        ]
        for code, text, meaning, dropped in cases:
            verdict = judge(code, "Word", text, None)
            self.assertEqual((code, verdict.meaning, verdict.dropped), (code, meaning, dropped))

    def test_words(self) -> None:
        """What the server says is told in one line of bounded length, with the remedy."""
        verdict = judge(401, "Unauthorized", "no\n\x1btoken " * 100, None)
        self.assertIn("the answer is 401 Unauthorized: no token", verdict.why)
        self.assertIn("see token_file", verdict.why)
        self.assertLess(len(verdict.why), 500)
        self.assertTrue(verdict.why.isprintable())
        self.assertEqual(judge(503, "Busy", "", 30.0).wait, 30.0)
