"""The newest events of one stream, kept for those who lost their connection, and for those who come late.

Of each subject the newest so many are kept. What is kept is one text for all who are sent it.
"""

from __future__ import annotations

from collections import Counter, deque

from attrs import define

from netd.bus.subject import matches

__all__ = ["MOST_REPEATED", "MOST_SUBJECTS", "OVERHEAD", "History"]

MOST_SUBJECTS = 10_000
"""Subjects whose newest events are kept."""

MOST_REPEATED = 10_000
"""Past events that a subscription begins with, at most."""

OVERHEAD = 300
"""Bytes that a kept event takes beside its text, with its share of what its subject takes."""


@define(eq=False)
class _Kept:
    """An event that was sent: its number, its subject, and its text; None once it is no longer kept."""

    seq: int
    subject: str
    text: bytes | None


class History:
    """Events of one stream, in the order of their numbers.

    :param most: events of each subject.
    :ivar size: bytes of memory that they take.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = 0
        self._kept: deque[_Kept] = deque()
        self._alive = 0
        self._rings: dict[str, deque[_Kept]] = {}

    def __contains__(self, subject: str) -> bool:
        """Whether events of *subject* are kept."""
        return subject in self._rings

    def add(self, seq: int, subject: str, text: bytes) -> None:
        """Keep *text*, the event number *seq*; the oldest of its subject makes room."""
        ring = self._rings.get(subject)
        if ring is None:
            while len(self._rings) >= MOST_SUBJECTS:
                self.shorten()
            ring = self._rings[subject] = deque()
        elif len(ring) >= self._most:
            self._forget(ring.popleft())
        kept = _Kept(seq, subject, text)
        ring.append(kept)
        self._kept.append(kept)
        self._alive += 1
        self.size += len(text) + OVERHEAD
        if len(self._kept) > 2 * self._alive + 100:
            self._kept = deque([one for one in self._kept if one.text is not None])

    def shorten(self) -> int:
        """Forget the oldest event that is kept; the bytes that it took."""
        before = self.size
        while self._kept:
            kept = self._kept.popleft()
            if kept.text is not None:
                ring = self._rings[kept.subject]
                ring.popleft()
                if not ring:
                    del self._rings[kept.subject]
                self._forget(kept)
                break
        return before - self.size

    def forget(self, pattern: str) -> int:
        """Forget the events of all subjects under *pattern*; the bytes that they took."""
        before = self.size
        for subject in [subject for subject in self._rings if matches(pattern, subject)]:
            for kept in self._rings.pop(subject):
                self._forget(kept)
        return before - self.size

    def since(self, seq: int, newest: int) -> tuple[list[bytes], dict[str, int] | None]:
        """What came after number *seq*, up to number *newest*: the texts that are kept, in order; first and last number of the
        others.
        """
        found: list[tuple[int, bytes]] = []
        for kept in reversed(self._kept):
            if kept.seq <= seq or len(found) == MOST_REPEATED:
                break
            if kept.text is not None:
                found.append((kept.seq, kept.text))
        last = next((newest - back for back, (number, _) in enumerate(found) if number != newest - back), newest - len(found))
        found.reverse()
        texts = [text for _, text in found]
        if len(found) == newest - seq:
            return texts, None
        first = next((due for due, (number, _) in enumerate(found, seq + 1) if number != due), seq + 1 + len(found))
        return texts, {"from": first, "to": last}

    def newest(self, count: int) -> list[bytes]:
        """Texts of up to *count* of the newest events of each subject, oldest first."""
        found: list[bytes] = []
        seen: Counter[str] = Counter()
        for kept in reversed(self._kept):
            if len(found) == MOST_REPEATED:
                break
            if kept.text is not None and seen[kept.subject] < count:
                seen[kept.subject] += 1
                found.append(kept.text)
        found.reverse()
        return found

    def _forget(self, kept: _Kept) -> None:
        assert kept.text is not None
        self.size -= len(kept.text) + OVERHEAD
        kept.text = None
        self._alive -= 1
