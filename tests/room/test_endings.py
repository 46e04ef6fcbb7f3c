"""How rooms ended is known, also after a restart."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.room.endings import MOST_RESULTS, WITHIN, Endings
from netd.room.results import RoomResult
from netd.testing import MemoryDisk, MemoryState
from tests.room.bench import NAMES, Hall

OWNER = "room.main"


class EndingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.disk = MemoryDisk()
        self.restart()

    def restart(self, **rules: Any) -> None:
        """The next daemon, after the one before was killed."""
        self.hall = Hall(**rules)
        self.hall.rooms.use_state(MemoryState(self.hall.clock, self.hall.bus.wall, self.disk).part(OWNER))

    def results(self) -> list[RoomResult]:
        """The results, newest first."""
        return self.hall.rooms.endings.newest()

    def test_after_a_restart(self) -> None:
        """A room that was over has its result, and the next room has the next number: subjects of rooms are not used twice."""
        self.hall.talking()
        self.hall.rooms.end_all("ended by an operator")
        self.hall.end_turn()
        expected = [RoomResult(1, 0.0, 0.0, 0, self.hall.rooms.rules.rounds, list(NAMES), 1, "ended by an operator")]
        self.assertEqual(expected, self.results())
        self.hall.clock.advance(WITHIN)
        self.restart()
        self.assertEqual(expected, self.results())
        self.hall.bots()
        self.assertEqual([2], [room.id for room in self.hall.rooms])

    def test_lines(self) -> None:
        """Lines that were passed on are counted, in rooms with turns and without; those who left are named, too."""
        self.restart(turns=False)
        first, second = self.hall.bot("Ada\n"), self.hall.bot("Bob\n")
        first.say(b"hello\n")
        self.hall.end_turn()
        first.lose()
        second.lose()
        self.hall.end_turn()
        [result] = self.results()
        self.assertEqual((["Ada", "Bob"], 1, 0), (result.bots, result.lines, result.rounds))

    def test_bounded(self) -> None:
        """The last results are kept, in memory and on the disk."""
        endings = Endings()
        state = MemoryState(self.hall.clock, self.hall.bus.wall, self.disk)
        endings.load(state.part(OWNER))
        for room in range(MOST_RESULTS + 5):
            for bot in range(MOST_RESULTS + 5):
                endings.joined(room, f"bot{bot}", 1.0)
            endings.over(room, 1, 2, "over", 3.0)
            self.hall.clock.advance(0)
        self.hall.clock.advance(WITHIN)
        kept = [str(room) for room in range(5, MOST_RESULTS + 5)]
        self.assertEqual(kept, [key for _, key, _, _ in self.disk.load(OWNER)])
        self.assertEqual(kept[::-1], [str(result.room) for result in endings.newest()])
        self.assertEqual(MOST_RESULTS, len(endings.newest()[0].bots))

    def test_entries_of_another_version(self) -> None:
        """An entry that this netd does not understand is dropped."""
        self.disk.commit([(OWNER, "result", "1", 0.0, "{}"), (OWNER, "result", "2", 0.0, '{"bots":[],"colour":1}')])
        self.restart()
        self.hall.clock.advance(0)
        self.assertEqual(([], []), (self.results(), self.disk.load(OWNER)))
