"""Tests of ``netd.wire.strangers``: what programs send that netd never reads."""

from __future__ import annotations

import pickle
from collections import OrderedDict

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.framing import FramingFailed, parse_frame, recognised

PICKLES = 'this program sends pickles; netd never unpickles: let it send json.dumps(…) + "\\n"'
VALUES = ({"temp": 21.5, "hum": 40}, {}, [1, 2], (1, 2), "hello", 3, 1.5, None, OrderedDict(a=1), b"x" * 300)
JAVA = b"\xac\xed\x00\x05sr\x00\x07Reading"


class RecognitionTests(SynchronousTestCase):
    def test_pickles(self) -> None:
        """Pickles of all protocols that have a mark are recognised by themselves."""
        for protocol in range(2, 6):
            for value in VALUES:
                self.assertEqual(recognised(pickle.dumps(value, protocol)), PICKLES)

    def test_every_frame(self) -> None:
        """A program that sends pickles is told so in any frame, and nothing of them is taken for a message."""
        value = VALUES[0]
        for protocol in range(2, 6):
            pickled = pickle.dumps(value, protocol)
            for text in (
                "lines",
                "until:<EOF>",
                "json",
                "silence:1s",
                "datagram",
                "length:4:big",
                "length:64",
                r"between:\x02:\x07",
            ):
                frame = parse_frame(text)
                whole = pickled if text in ("silence:1s", "datagram") else frame.encode(pickled)
                for step in (1, 5, len(whole)) if text != "datagram" else (len(whole),):
                    self.assertEqual(self.refusal(text, whole, step), ([], PICKLES), (text, protocol, step))

    def test_later(self) -> None:
        """A pickle behind other messages is recognised, too, and those count."""
        framed = b"hello\n" + pickle.dumps([1], 4)
        self.assertEqual(self.refusal("lines", framed, len(framed)), ([b"hello"], PICKLES))
        self.assertEqual(self.refusal("lines", framed, 1), ([b"hello"], PICKLES))

    def test_before_it_is_whole(self) -> None:
        """The first bytes suffice: no megabyte of a pickle is collected."""
        decoder = parse_frame("length:4:big").decoder(1 << 24)
        big = pickle.dumps(b"x" * (1 << 20), 4)
        with self.assertRaises(FramingFailed):
            decoder.feed(len(big).to_bytes(4, "big") + big[:64])

    def test_java(self) -> None:
        """Java objects are recognised by their magic number."""
        found, why = self.refusal("lines", JAVA, 3)
        self.assertEqual(found, [])
        self.assertIn("this program sends Java objects", why)

    def test_ordinary(self) -> None:
        """Records and texts that begin like one are none: a binary version byte, the euro of cp1252, UTF-8."""
        for text, said in (
            ("bytes:4", b"\x80\x02ab"),
            ("length:1:big", b"\x04\x80\x02ab"),
            ("bytes:24", b"\x80\x03" + bytes(13) + b"." + bytes(8)),
            ("lines", b"\x80 12.50\n"),
            ("lines", "À 12\n".encode()),
            ("datagram", b"\xac\xed\x00\x04"),
        ):
            for step in (1, len(said)):
                if text != "datagram" or step > 1:
                    decoder = parse_frame(text).decoder(4096)
                    found = [message for at in range(0, len(said), step) for message in decoder.feed(said[at : at + step])]
                    self.assertEqual(len(found), 1, text)

    def refusal(self, text: str, stream: bytes, step: int) -> tuple[list[bytes], str]:
        """The messages before the refusal, and its words; no words if nothing was refused."""
        decoder, found = parse_frame(text).decoder(4096), []
        try:
            for at in range(0, len(stream), step):
                found += decoder.feed(stream[at : at + step])
            found += decoder.end()
        except FramingFailed as error:
            return found + error.messages, str(error)
        return found, ""
