"""Sums that tell two lists of devices apart."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.directory import Directory, RemoteDevice
from netd.cluster.marks import OwnMarks


def device(subject: str, generation: int, is_online: bool = True) -> RemoteDevice:
    """A device of node B."""
    return RemoteDevice("B", "main", subject, subject, "10.0.0.7:1", is_online, generation, 1.0, 1.0, (), True)


class MarksTests(SynchronousTestCase):
    def test_same_sum(self) -> None:
        """A node and one that knows its devices have the same sum, in whatever order the devices came and went."""
        own, directory = OwnMarks(), Directory("A")
        own.begin([("main", "door", 1)])
        directory.begin_list("B", own.changes)
        for subject, generation, is_online in (("lamp", 2, True), ("pump", 3, True), ("lamp", 2, False), ("door", 4, True)):
            own.note("main", subject, generation, is_online)
        for subject, generation, is_online in (("door", 1, True), ("pump", 3, True), ("door", 4, True), ("lamp", 2, False)):
            directory.put(device(subject, generation, is_online))
        self.assertEqual(own.sum, directory.marks("B"))
        own.note("main", "pump", 3, False)
        self.assertNotEqual(own.sum, directory.marks("B"))
        directory.put(device("pump", 3, False))
        self.assertEqual(own.sum, directory.marks("B"))

    def test_lists_and_ends(self) -> None:
        """What a list leaves out, and what ends with its node, is out of the sum."""
        directory = Directory("A")
        directory.put(device("door", 1))
        own = OwnMarks()
        own.begin([("main", "lamp", 2)])
        directory.begin_list("B", own.changes)
        directory.put(device("lamp", 2))
        directory.end_list("B")
        self.assertEqual(own.sum, directory.marks("B"))
        own.note("main", "lamp", 2, False)
        directory.end("B", 0.0)
        self.assertEqual(own.sum, directory.marks("B"))
        directory.put(device("lamp", 3))
        directory.clear("B")
        self.assertEqual(own.sum, directory.marks("B"))

    def test_changes(self) -> None:
        """A change that no event has told makes another sum, until a list has it."""
        own, directory = OwnMarks(), Directory("A")
        own.begin([])
        directory.begin_list("B", own.changes)
        own.begin([])
        self.assertNotEqual(own.sum, directory.marks("B"))
        directory.begin_list("B", own.changes)
        self.assertEqual(own.sum, directory.marks("B"))

    def test_too_many(self) -> None:
        """Of a node whose devices are too many to be known one by one, there is no sum."""
        directory = Directory("A", most=1)
        directory.put(device("door", 1))
        directory.put(device("lamp", 2))
        self.assertIsNone(directory.marks("B"))
        self.assertIsNone(directory.marks("C"))


class EndTests(SynchronousTestCase):
    def test_clock_set_back(self) -> None:
        """A node that starts again, its clock set back, counts from less; its devices are known all the same."""
        directory = Directory("A")
        directory.put(device("door", 5))
        directory.put(device("door", 5, is_online=False))
        directory.end("B", 0.0)
        self.assertTrue(directory.put(device("door", 5)))
        self.assertFalse(directory.put(device("door", 4)))
