"""Values under ``custom``: kept over restarts, promised at a bounded rate."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.bus.local import LocalBus
from netd.codec.jsontext import encode
from netd.console.custom import BURST, CUSTOM_STATE, MOST_CUSTOM, WITHIN, CustomValues
from netd.state.state import LAZILY
from netd.testing import MemoryDisk, MemoryState, WallClock, result_of


class CustomValuesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.wall = WallClock(self.clock)
        self.disk = MemoryDisk()
        self.restart()

    def restart(self) -> None:
        """The next daemon, after the one before was killed."""
        self.bus = LocalBus(self.wall)
        self.values = CustomValues(self.bus, self.clock.seconds)
        MemoryState(self.clock, self.wall, self.disk).join(CUSTOM_STATE, self.values)

    def publish(self, subject: str, data: object) -> Deferred[bool]:
        """Publish a value."""
        return self.values.publish(subject, data, encode(data))

    def last(self) -> dict[str, tuple[float, Any]]:
        """What the bus retains."""
        return {message.subject: (message.time, message.event) for message in self.bus.last("custom.>")}

    def test_found_again(self) -> None:
        """A value is published at once, and promised when it is on the disk; a restart finds it with its own time."""
        done = self.publish("custom.setpoint", {"kelvin": 4.2})
        self.assertEqual({"custom.setpoint": (self.wall(), {"kelvin": 4.2})}, self.last())
        self.assertNoResult(done)
        self.clock.advance(0)
        self.assertTrue(result_of(done))
        written = self.wall()
        self.clock.advance(500)
        self.restart()
        self.assertEqual({"custom.setpoint": (written, {"kelvin": 4.2})}, self.last())
        [message] = self.bus.last(">")
        self.assertEqual((b'{"kelvin":4.2}', 14), (message.text, message.weight))

    def test_bounded_rate(self) -> None:
        """Values that come by the second are promised; a stream of many a second is written now and then."""
        for _ in range(100):
            done = self.publish("custom.x", 1)
            self.clock.advance(1)
            self.assertTrue(result_of(done))
        commits = len(self.disk.commits)
        told = []
        for number in range(1000):
            self.publish("custom.x", number).addCallback(told.append)
            self.clock.advance(0.01)
        self.assertLess(sum(told), BURST + 11)
        self.assertLess(len(self.disk.commits) - commits, BURST + 12)
        self.clock.advance(WITHIN)
        self.restart()
        self.assertEqual(999, self.last()["custom.x"][1])

    def test_full_disk(self) -> None:
        """A value that the disk refuses is published, and not promised."""
        self.disk.refuses = OSError("database or disk is full")
        done = self.publish("custom.x", 1)
        self.clock.advance(0)
        self.assertFalse(result_of(done))
        self.assertIn("custom.x", self.last())

    def test_forgotten(self) -> None:
        """What is forgotten does not come back; nor do values of subjects that were pushed out."""
        for number in range(MOST_CUSTOM + 1):
            self.publish(f"custom.x{number}", number)
        self.clock.advance(WITHIN)
        removed = self.values.remove("custom.x7")
        self.assertNoResult(removed)
        self.clock.advance(0)
        result_of(removed)
        result_of(self.values.remove("custom.other"))
        self.restart()
        self.assertEqual({f"custom.x{number}" for number in range(1, MOST_CUSTOM + 1) if number != 7}, set(self.last()))

    def test_forgotten_on_a_full_disk(self) -> None:
        """What could not be taken off the disk is taken off once that is mended, unless it is published again before."""
        for name in ("custom.x", "custom.y"):
            self.publish(name, 1)
        self.clock.advance(WITHIN)
        self.disk.refuses = OSError("database or disk is full")
        refused = [self.values.remove(name) for name in ("custom.x", "custom.y")]
        again = self.publish("custom.y", 2)
        self.clock.advance(0)
        for one in refused:
            self.failureResultOf(one)
        self.assertFalse(result_of(again))
        self.disk.refuses = None
        self.clock.advance(LAZILY)
        self.restart()
        self.assertEqual({"custom.y"}, set(self.last()))

    def test_without_a_state(self) -> None:
        """Without a state database, values live as long as the process."""
        self.values = CustomValues(self.bus, self.clock.seconds)
        self.assertFalse(result_of(self.publish("custom.x", 1)))
        result_of(self.values.remove("custom.x"))
