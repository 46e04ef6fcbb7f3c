"""The states of another node: each state with each input."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.member import Member, MemberInput, MemberState

ABSENT, JOINING, THERE = MemberState.ABSENT, MemberState.JOINING, MemberState.THERE
SUSPECT, UNREACHABLE, INCOMPATIBLE = MemberState.SUSPECT, MemberState.UNREACHABLE, MemberState.INCOMPATIBLE

COLUMNS = tuple(MemberInput)

TABLE = {
    # the columns: HELLO, ANSWERED, OTHER_EPOCH, OTHER_VERSION, SILENT, NOBODY, UNANSWERED, LEFT, LOST
    ABSENT: ("ask joining", "", "", "incompatible", "", "", "", "", ""),
    JOINING: ("ask joining", "there there", "absent", "incompatible", "absent", "absent", "", "absent", "absent"),
    THERE: ("", "", "gone absent", "gone incompatible", "probe suspect", "gone absent", "", "gone absent", "unreachable"),
    SUSPECT: (
        "there",
        "there",
        "gone absent",
        "gone incompatible",
        "probe suspect",
        "gone absent",
        "gone absent",
        "gone absent",
        "unreachable",
    ),
    UNREACHABLE: (
        "there there",
        "there there",
        "gone absent",
        "gone incompatible",
        "probe unreachable",
        "gone absent",
        "gone absent",
        "gone absent",
        "",
    ),
    INCOMPATIBLE: ("ask joining", "", "", "", "absent", "", "", "absent", "absent"),
}
"""What is told, then the state that follows; nothing where the input changes nothing."""


class Shell:
    """Writes down what a member asks for."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.reasons: list[str] = []

    def ask_alive(self, member: Member) -> None:
        self.told.append("ask")

    def probe(self, member: Member) -> None:
        self.told.append("probe")

    def arrived(self, member: Member) -> None:
        self.told.append("there")

    def parted(self, member: Member, reason: str) -> None:
        self.told.append("gone")
        self.reasons.append(reason)

    def changed(self, member: Member) -> None:
        """The state itself is looked at."""


class MemberTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shell = Shell()

    def member(self, state: MemberState = ABSENT) -> Member:
        """A member in *state*."""
        return Member("B", self.shell, epoch="e1", state=state)

    def test_each_pair(self) -> None:
        """The table, as the design has it: who is told what, and which state follows."""
        for state, cells in TABLE.items():
            for happened, expected in zip(COLUMNS, cells, strict=True):
                self.shell.told.clear()
                member = self.member(state)
                member.step(happened)
                told = [*self.shell.told, member.state.value] if self.shell.told or member.state is not state else []
                self.assertEqual(expected.split(), told, (state, happened))

    def test_no_death_by_own_loss(self) -> None:
        """Whatever the state: that this node has lost NATS is nobody's death."""
        for state in MemberState:
            self.member(state).step(MemberInput.LOST)
        self.assertNotIn("gone", self.shell.told)

    def test_another_epoch(self) -> None:
        """A node that was started again is gone first, under its old epoch, and is then asked as a new one."""
        member = self.member(THERE)
        member.beat = 9
        member.hello("e2", 1, 5.0)
        self.assertEqual((["gone", "ask"], JOINING, "e2", 1), (self.shell.told, member.state, member.epoch, member.beat))
        self.assertEqual(["it was started again"], self.shell.reasons)

    def test_late_hellos(self) -> None:
        """Hellos that come late or twice, and those of the process before, are known as such."""
        member = self.member(THERE)
        member.hello("e1", 3, 5.0)
        self.assertEqual([True, True, False], [member.is_late("e1", beat) for beat in (2, 3, 4)])
        member.hello("e2", 1, 6.0)
        self.assertEqual((True, False), (member.is_late("e1", 99), member.is_late("e3", 1)))

    def test_the_name_changes_hands(self) -> None:
        """When the process that took a name has left, the one before may have it again: it was there all the time."""
        member = self.member(THERE)
        member.hello("e2", 1, 6.0)
        member.step(MemberInput.ANSWERED)
        member.step(MemberInput.LEFT)
        self.assertFalse(member.is_late("e1", 99))

    def test_skew(self) -> None:
        """The difference of the clocks goes by the hello that was the quickest, and half a round trip is taken for its way."""
        member = self.member(JOINING)
        self.assertIsNone(member.skew)
        member.answered("1", 0.2, 5.0)
        for late in (0.5, 0.1, 3.0):
            member.note_time(1000.0, 900.0 + late)
        self.assertAlmostEqual(100.0, member.skew or 0.0)

    def test_round_trip(self) -> None:
        """The round trip is the shortest that was seen: longer ones waited somewhere."""
        member = self.member(JOINING)
        for seconds in (0.3, 0.1, 2.0):
            member.answered("1", seconds, 5.0)
        self.assertEqual(0.1, member.round_trip)
