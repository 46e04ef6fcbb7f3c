"""The check of commit messages finds the commit that has a subject alone, and no other."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.commits import Commit, parse_log


class CommitTests(SynchronousTestCase):
    def test_body(self) -> None:
        """A sentence below the subject is enough."""
        self.assertTrue(Commit("1c40094", "Relay: answers are joined", "One write a turn costs a third.\n").says_why)

    def test_subject_alone(self) -> None:
        """No body, blank lines and a rule of dashes say nothing."""
        for body in ("", "\n\n", "-----\n", " \n"):
            self.assertFalse(Commit("1c40094", "Relay: answers are joined", body).says_why)

    def test_trailers_alone(self) -> None:
        """Lines for programs are no reason, but they may stand below one."""
        trailer = "Signed-off-by: A Person <person@example.org>\n"
        self.assertFalse(Commit("1c40094", "Relay: answers are joined", trailer, trailer).says_why)
        self.assertTrue(Commit("1c40094", "Relay: answers are joined", f"Fewer writes.\n\n{trailer}", trailer).says_why)


class LogTests(SynchronousTestCase):
    def test_several_commits(self) -> None:
        """Bodies of many lines stay with their commit."""
        log = "aaaaaaa\x00First\x00Why.\n\nMore.\n\x00\x01\nbbbbbbb\x00Second\x00\x00\x01\n"
        self.assertEqual(
            [Commit("aaaaaaa", "First", "Why.\n\nMore.\n"), Commit("bbbbbbb", "Second", "")],
            list(parse_log(log)),
        )

    def test_no_commit(self) -> None:
        """Where the rule holds for no commit yet, none is at fault."""
        self.assertEqual([], list(parse_log("")))
