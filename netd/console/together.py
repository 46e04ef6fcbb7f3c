"""Events of one turn in one message: each is an item, ``[index, time, data]``, and the subjects' names are told once.

An event by itself takes some 210 bytes of JSON, of which a sample is 30; and each one is parsed by itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from netd.bus.journal import MOST_SUBJECTS, JournalEntry
from netd.codec.jsontext import encode
from netd.connection.fanout import BLOCK

__all__ = ["NumberedText", "Togetherness"]

NumberedText = tuple[int, bytes]
"""The text of an event with its number in a stream; 0 where it is older than the stream."""

_TIME = len(b',"time":')
_SUBJECT = len(b',"subject":"')
_DATA = len(b'","data":')


class Togetherness:
    """The items of one stream, and the names of its subjects.

    A name is told with the first event of its subject, and all names so far with the answer to a subscription. Which names a
    subscriber knows thus follows from the number of the last event that it was sent: nothing is kept for each subscriber.

    :ivar names: the subjects by index. Those beyond the first :data:`~netd.bus.journal.MOST_SUBJECTS` have none.
    """

    def __init__(self, pattern: str) -> None:
        self.names: list[str] = []
        self._indices: dict[str, int] = {}
        self._first = array("Q")  # the number of the event with which each name is told
        self._head = b'{"jsonrpc":"2.0","method":"events","params":{"pattern":"%b","seq":' % pattern.encode()

    def name(self, subject: str, seq: int) -> None:
        """Give *subject* an index, if it has none: its name is told with event *seq*."""
        if subject not in self._indices and len(self.names) < MOST_SUBJECTS:
            self._indices[subject] = len(self.names)
            self.names.append(subject)
            self._first.append(seq)

    def item(self, seq: int, entry: JournalEntry) -> bytes:
        """Return event *seq*, which must still be kept, as an item.

        An event from before the beginning of the stream, and one of a subject without index, has the name in the index's place.
        """
        text: bytes = entry.text  # type: ignore[assignment]
        subject = entry.key[1]
        index = self._indices.get(subject) if seq else None
        comma = text.index(b",", _TIME)
        data = text[comma + _SUBJECT + len(subject) + _DATA : -2]
        place = b'"%b"' % subject.encode() if index is None else b"%d" % index
        return b"[%b,%b,%b]" % (place, text[_TIME:comma], data)

    def messages(self, after: int, items: list[NumberedText], upto: int) -> list[NumberedText]:
        """Join *items* to messages, each with the number of its last item.

        The numbers of the items in a message are consecutive. Told with them are the names that belong to the events after number
        *after*, up to number *upto*, among them those of events that are lost.
        """
        messages, told, start, size = [], after, 0, 0
        for at, (number, text) in enumerate(items):
            before = items[at - 1][0]
            if at > start and (size >= BLOCK or number != (before + 1 if before else 0)):
                messages.append(self._message(told, items[start:at]))
                told, start, size = max(told, items[at - 1][0]), at, 0
            size += len(text)
        if items:
            messages.append(self._message(told, items[start:]))
            told = max(told, items[-1][0])
        if self._named(told, upto):
            messages.append((upto, self._text(told, upto, [])))
        return messages

    def _message(self, told: int, items: list[NumberedText]) -> NumberedText:
        number = items[-1][0]
        return number, self._text(told, number, [text for _, text in items])

    def _text(self, told: int, number: int, items: list[bytes]) -> bytes:
        named = self._named(told, number)
        subjects = b',"subjects":%b' % encode(named) if named else b""
        return b'%b%b%b,"items":[%b]}}' % (self._head, b"%d" % number if number else b"null", subjects, b",".join(items))

    def _named(self, after: int, upto: int) -> list[str]:
        """Return the names that are told after event *after*, up to event *upto*."""
        return self.names[bisect_right(self._first, after) : bisect_right(self._first, upto)]
