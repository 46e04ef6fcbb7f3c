"""The sum by which two nodes find out that they do not know the same of the devices of one of them.

Events of presence tell what changes. When the last one is lost on the way, nothing that follows shows that. So a node says in its
hello the sum of the marks of its connected devices, and another node compares it with that of what it knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

__all__ = ["OwnMarks", "mark_of", "summed"]

_BELOW = 1 << 48
"""The sums are below that."""

_STEP = 0x9E3779B97F4B
"""What one change adds to a sum: so much that no few marks make up for it."""


def mark_of(instance: str, subject: str, generation: int) -> int:
    """Return a number for a connected device: another one for each of its connections."""
    return crc32(f"{instance}.{subject}.{generation}".encode())


def summed(marks: int, changes: int) -> int:
    """Return what a node says of its devices.

    :param marks: the sum of the marks of those that are connected.
    :param changes: changes that no event of presence has told.
    """
    return (marks + changes * _STEP) % _BELOW


class OwnMarks:
    """The marks of the connected devices of this node.

    :ivar changes: changes that no event of presence has told. A list of the devices says up to which one it goes.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._marks: dict[tuple[str, str], int] = {}
        self._sum = 0

    @property
    def sum(self) -> int:
        """The sum that the other nodes are told."""
        return summed(self._sum, self.changes)

    def begin(self, devices: Iterable[tuple[str, str, int]]) -> None:
        """Begin anew, with the instance, subject and generation of each connected device. This counts as a change."""
        self.changes += 1
        self._marks = {(instance, subject): mark_of(instance, subject, generation) for instance, subject, generation in devices}
        self._sum = sum(self._marks.values())

    def note(self, instance: str, subject: str, generation: int, is_online: bool) -> None:
        """Note that a device has come or gone."""
        key = instance, subject
        self._sum -= self._marks.pop(key, 0)
        if is_online:
            mark = self._marks[key] = mark_of(instance, subject, generation)
            self._sum += mark
