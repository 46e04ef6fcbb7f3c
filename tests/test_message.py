"""What travels on the bus."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import encode
from netd.message import Message


class MessageTests(SynchronousTestCase):
    def test_encoded_once(self) -> None:
        """However many browsers watch, an event is written as JSON once; and not at all when none does."""
        asked: list[object] = []

        def record(event: object) -> bytes:
            asked.append(event)
            return encode(event)

        message = Message("a.b", {"x": 1})
        self.assertEqual([], asked)
        first = message.encoded(record)
        self.assertEqual(b'{"x":1}', first)
        self.assertIs(first, message.encoded(record))
        self.assertEqual([{"x": 1}], asked)

    def test_empty_encoding_is_kept(self) -> None:
        """Even an encoding of no bytes is made once."""
        encodings = [b"second", b""]
        message = Message("a", None)
        for _ in range(2):
            self.assertEqual(b"", message.encoded(lambda _: encodings.pop()))

    def test_already_encoded(self) -> None:
        """An event that came as JSON leaves as the same JSON."""
        message = Message("a", {"x": 1}, text=b'{"x": 1.0}')
        self.assertEqual(b'{"x": 1.0}', message.encoded(encode))

    def test_equality(self) -> None:
        """Two messages are equal when they say the same, whether anyone has read them or not."""
        read, unread = Message("a", [1]), Message("a", [1])
        read.encoded(encode)
        self.assertEqual(read, unread)
        self.assertNotEqual(read, Message("b", [1]))
        self.assertEqual("Message(subject='a', event=[1])", repr(read))
