"""Packets out of a stream that is cut anywhere, and bytes that are none."""

from __future__ import annotations

import itertools

import mqtt5
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import ProtocolError
from netd.mqtt.packets import MalformedPacket, PacketReader, PacketTooLong, reason_text

LIMIT = 1 << 16

PACKETS = st.lists(
    st.one_of(
        st.builds(mqtt5.PublishPacket, st.sampled_from(["a", "a/b"]), st.binary(max_size=300)),
        st.builds(mqtt5.PubAckPacket, st.integers(1, 65535)),
        st.builds(mqtt5.PingRespPacket),
        st.builds(lambda: mqtt5.ConnAckPacket(reason_str="hello")),
        st.builds(lambda: mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER)),
    ),
    max_size=8,
)


def read(reader: PacketReader, *pieces: bytes) -> tuple[list[bytes], str]:
    """What the reader makes of the pieces: the packets, and the kind of the error that ends them."""
    found: list[bytes] = []
    try:
        for piece in pieces:
            found += (packet.write() for packet in reader.feed(piece))
    except ProtocolError as error:
        return found, error.kind
    return found, ""


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """*stream* in pieces."""
    ends = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in itertools.pairwise(ends)]


class PacketTests(SynchronousTestCase):
    @given(packets=PACKETS, places=st.lists(st.integers(0, 5000), max_size=20))
    def test_any_cut(self, packets: list[mqtt5.Packet], places: list[int]) -> None:
        """The same packets come, wherever the network has cut the stream."""
        written = [packet.write() for packet in packets]
        self.assertEqual(read(PacketReader(LIMIT), *cut(b"".join(written), places)), (written, ""))

    @given(packets=PACKETS, noise=st.binary(max_size=60), places=st.lists(st.integers(0, 5000), max_size=20))
    def test_noise(self, packets: list[mqtt5.Packet], noise: bytes, places: list[int]) -> None:
        """Bytes that are no packet end in one and the same way, and the packets before them have been read."""
        stream = b"".join(packet.write() for packet in packets) + noise
        whole = read(PacketReader(LIMIT), stream)
        self.assertEqual(read(PacketReader(LIMIT), *cut(stream, places)), whole)

    def test_announcement(self) -> None:
        """A packet of 256 MB is refused by its first five bytes, and nothing is kept for it."""
        reader = PacketReader(LIMIT)
        self.assertEqual(read(reader, b"\x30\xff\xff\xff"), ([], ""))
        self.assertEqual(read(reader, b"\x7f"), ([], PacketTooLong.kind))
        self.assertEqual(reader.held, 0)

    def test_long_packet_in_small_pieces(self) -> None:
        """A long packet that comes byte by byte is read once, and not once for each byte."""
        packet = mqtt5.PublishPacket("a", b"x" * 20_000).write()
        reader = PacketReader(LIMIT)
        found = [one for place in range(len(packet)) for one in reader.feed(packet[place : place + 1])]
        self.assertEqual([one.write() for one in found], [packet])

    def test_malformed(self) -> None:
        """Lengths that cannot be, and fields longer than their packet, are told."""
        for stream in (b"\x30\xff\xff\xff\xff\x01", b"\x30\x05\x00\x09abc", b"\x00\x00", b"\x20\x03\x00\x07\x00"):
            self.assertEqual(read(PacketReader(LIMIT), stream), ([], MalformedPacket.kind), stream)

    def test_old_broker(self) -> None:
        """A broker that speaks MQTT 3 alone is told from one that sends nonsense."""
        with self.assertRaisesRegex(MalformedPacket, "speaks MQTT 3 alone"):
            list(PacketReader(LIMIT).feed(b"\x20\x02\x00\x01"))

    def test_reasons(self) -> None:
        """A reason is told in words, with those of the broker."""
        self.assertEqual(reason_text(mqtt5.ConnAckReasonCode.NOT_AUTHORIZED, None), "not authorized")
        self.assertEqual(reason_text(mqtt5.ConnAckReasonCode.BANNED, "go away"), "banned (go away)")
