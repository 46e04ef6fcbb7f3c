"""What other nodes have is fetched from some of them at a time."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.following import MOST_OPEN, Following
from netd.cluster.interfaces import NoAnswer
from netd.cluster.member import Member, MemberState


class Asked:
    """Questions that wait for their answers."""

    def __init__(self) -> None:
        self.open: dict[str, Deferred[Any]] = {}

    def ask(self, node: str, what: str, after: object = None, epoch: str | None = None) -> Deferred[Any]:
        """Ask."""
        assert node not in self.open
        self.open[node] = Deferred()
        return self.open[node]


class FollowingTests(SynchronousTestCase):
    """Many members are there at once."""

    def setUp(self) -> None:
        """Begin with three members more than are asked at a time."""
        self.asked, self.taken = Asked(), list[str]()
        self.following = Following(self.asked)  # type: ignore[arg-type]
        self.following.receivers["devices"] = lambda member, answer: self.taken.append(member.name)
        self.members = [self.member(number) for number in range(MOST_OPEN + 3)]
        for member in self.members:
            self.following.begin(member)

    def member(self, number: int) -> Member:
        """Make a member that is there."""
        shell: Any = None
        return Member(f"n{number}", shell, state=MemberState.THERE, versions={"devices": 1})

    def test_bounded(self) -> None:
        """So many are asked, and each answer has the next one asked, until all have been."""
        self.assertEqual(list(self.asked.open), [member.name for member in self.members[:MOST_OPEN]])
        while self.asked.open:
            self.asked.open.pop(next(iter(self.asked.open))).callback("all")
            self.assertLessEqual(len(self.asked.open), MOST_OPEN)
        self.assertEqual(self.taken, [member.name for member in self.members])

    def test_no_answer(self) -> None:
        """Without an answer there is room for another, whose next hello has it asked."""
        self.asked.open.pop("n0").errback(NoAnswer("no answer in time"))
        self.following.look(self.members[-1])
        self.assertIn(self.members[-1].name, self.asked.open)

    def test_gone(self) -> None:
        """A member that has gone while it waited is not asked."""
        self.following.end(self.members[-1])
        while self.asked.open:
            self.asked.open.pop(next(iter(self.asked.open))).callback("all")
        self.assertNotIn(self.members[-1].name, self.taken)
