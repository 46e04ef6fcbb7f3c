"""A capture of packets becomes what a program and its server said, in order."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.capture_file import BadCapture, CapturedPacket, LinkType, read_packets
from netd.wire.captures import recording_of
from netd.wire.recording import Recording, write_recording

PROGRAM, SERVER = "192.168.1.20", "192.168.1.5"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(is_said: bool, number: int, data: bytes = b"", flags: int = PSH | ACK, ports: tuple[int, int] = (50001, 9000)) -> bytes:
    """An IPv4 packet between the program and its server."""
    source, target = (ports[0], ports[1]) if is_said else (ports[1], ports[0])
    body = struct.pack(">HHIIBBHHH", source, target, number & 0xFFFFFFFF, 0, 5 << 4, flags, 1000, 0, 0) + data
    return ipv4(body, 6, is_said)


def udp(is_said: bool, data: bytes) -> bytes:
    """An IPv4 packet with a datagram."""
    ports = (4210, 9000) if is_said else (9000, 4210)
    return ipv4(struct.pack(">HHHH", *ports, 8 + len(data), 0) + data, 17, is_said)


def ipv4(body: bytes, protocol: int, is_said: bool = True, fragment: int = 0) -> bytes:
    """An IPv4 packet with *body*."""
    ends = [ip_address(one).packed for one in ((PROGRAM, SERVER) if is_said else (SERVER, PROGRAM))]
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, fragment, 64, protocol, 0) + b"".join(ends) + body


def ipv6(body: bytes, protocol: int, options: bytes = b"") -> bytes:
    """An IPv6 packet with *body*, behind a header with *options*."""
    first = 60 if options else protocol
    ends = [ip_address(one).packed for one in ("fd00::20", "fd00::5")]
    return struct.pack(">IHBB", 6 << 28, len(options) + len(body), first, 64) + b"".join(ends) + options + body


def captured(packets: Iterable[bytes], link: int = LinkType.RAW, began: float = 1000.0) -> list[CapturedPacket]:
    """*packets*, a tenth of a second apart."""
    return [CapturedPacket(began + place / 10, link, packet, True) for place, packet in enumerate(packets)]


def lines(recording: Recording) -> list[str]:
    """The events of *recording*, as in its transcript."""
    text = write_recording(recording)
    return [" ".join(line.split()) for line in text.split("\n\n", 1)[1].splitlines()]


def conversation(ends: Sequence[bytes] = ()) -> list[bytes]:
    """A program that says hello and is answered."""
    return [
        tcp(True, 100, flags=SYN),
        tcp(False, 500, flags=SYN | ACK),
        tcp(True, 101, b"hello\n"),
        tcp(False, 501, b"ok\n"),
        *ends,
    ]


class ConversationTests(SynchronousTestCase):
    def test_a_conversation(self) -> None:
        """Both sides are there, with the side that hung up first, though the other said something after that."""
        packets = conversation([tcp(True, 107, flags=FIN | ACK), tcp(False, 504, b"bye\n"), tcp(False, 508, flags=FIN | ACK)])
        recording = recording_of(captured(packets), 9000)
        self.assertEqual(1000.0, recording.began)
        self.assertEqual(
            [
                "0.000 1 opened 192.168.1.20:50001",
                r"0.200 1 said hello\n",
                r"0.300 1 heard ok\n",
                r"0.500 1 heard bye\n",
                "0.600 1 closed program",
            ],
            lines(recording),
        )

    def test_a_reset(self) -> None:
        """A server that breaks a connection off has closed it, and a segment that comes late opens no other."""
        packets = conversation([tcp(False, 504, flags=RST), tcp(True, 107, b"what?\n")])
        self.assertEqual("0.400 1 closed server", lines(recording_of(captured(packets), 9000))[-1])

    def test_a_side_that_ended_before_the_capture_did(self) -> None:
        """The last connection of a capture is closed by the side that is known to have hung up."""
        self.assertEqual(
            "0.400 1 closed program",
            lines(recording_of(captured(conversation([tcp(True, 107, flags=FIN | ACK)])), 9000))[-1],
        )

    def test_the_same_port_again(self) -> None:
        """A program that comes back from the same port has a connection of its own."""
        again = [tcp(True, 900, flags=SYN), tcp(True, 901, b"again\n")]
        told = lines(recording_of(captured([*conversation([tcp(False, 504, flags=RST)]), *again]), 9000))
        self.assertEqual(["0.500 2 opened 192.168.1.20:50001", r"0.600 2 said again\n"], told[-2:])

    @given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
    def test_segments_out_of_order(self, order: list[int], repeated: set[int]) -> None:
        """Whatever the network does to segments, and wherever their numbers begin, the program has said the same."""
        start = 0xFFFFFFF8
        pieces = [tcp(True, start + 1 + 4 * place, b"abc%d" % place) for place in range(8)]
        sent = [tcp(True, start, flags=SYN), *(pieces[place] for place in order), *(pieces[place] for place in repeated)]
        recording = recording_of(captured(sent), 9000)
        said = b"".join(event.data for event in recording.events[1:])
        self.assertEqual(b"".join(b"abc%d" % place for place in range(8)), said)

    def test_a_capture_that_began_late(self) -> None:
        """A conversation whose beginning is missing begins with the first bytes; acknowledgements alone begin none."""
        packets = [tcp(False, 500, flags=ACK), tcp(True, 100, b"T=1\n")]
        self.assertEqual(
            ["0.000 1 opened 192.168.1.20:50001", r"0.000 1 said T=1\n"], lines(recording_of(captured(packets), 9000))
        )

    def test_a_hole(self) -> None:
        """Bytes that were not captured end their connection: what follows would be misread."""
        packets = [*conversation(), *(tcp(True, 200 + place, b"x") for place in range(300))]
        told = lines(recording_of(captured(packets), 9000))
        self.assertEqual("closed program", told[-1].partition(" 1 ")[2])
        self.assertEqual(4, len(told))

    def test_datagrams(self) -> None:
        """By UDP each packet is a message."""
        recording = recording_of(captured([udp(True, b"T=1"), udp(False, b"ok"), tcp(True, 1, b"x")]), 9000, is_udp=True)
        self.assertEqual(["0.000 1 opened 192.168.1.20:4210", "0.000 1 said T=1", "0.100 1 heard ok"], lines(recording))

    def test_nothing_of_that_port(self) -> None:
        """Whoever names a wrong port is told which ones the capture has."""
        for packets, words in ((conversation(), "it has ports 9000, 50001"), ([], "it has none")):
            error = self.assertRaises(BadCapture, recording_of, captured(packets), 1234)
            self.assertIn(words, str(error))

    def test_cut_packets(self) -> None:
        """A capture that kept the beginnings of packets is refused, with the remedy."""
        packets = [CapturedPacket(0.0, LinkType.RAW, tcp(True, 1, b"x"), False)]
        self.assertIn("tcpdump -s 0", str(self.assertRaises(BadCapture, recording_of, packets, 9000)))


class LinkTests(SynchronousTestCase):
    def test_links(self) -> None:
        """Ethernet with and without VLAN, loopback and Linux' cooked captures are read; other things on them are passed over."""
        packet = tcp(True, 1, b"x")
        for link, head in (
            (LinkType.ETHERNET, b"\0" * 12 + b"\x08\x00"),
            (LinkType.ETHERNET, b"\0" * 12 + b"\x81\x00\0\x05\x08\x00"),
            (LinkType.LINUX_SLL, b"\0" * 14 + b"\x08\x00"),
            (LinkType.LINUX_SLL2, b"\x08\x00" + b"\0" * 18),
            (LinkType.NULL, b"\x02\0\0\0"),
            (LinkType.LOOP, b"\0\0\0\x02"),
            (LinkType.IPV4, b""),
        ):
            arp = b"\0" * 12 + b"\x08\x06" + b"\0" * 28
            told = lines(recording_of(captured([arp, b"", head + packet], link), 9000))
            self.assertEqual("said x", told[1].partition(" 1 ")[2], link)

    def test_unknown_link(self) -> None:
        """A capture of a radio says that it is none that is read."""
        self.assertIn("link type 127", str(self.assertRaises(BadCapture, recording_of, captured([b"x"], 127), 9000)))

    def test_ipv6(self) -> None:
        """IPv6 is read, with headers before that of UDP; what is cut short, or no UDP, is passed over."""
        body = struct.pack(">HHHH", 4210, 9000, 9, 0) + b"x"
        options = struct.pack(">BB6x", 17, 0)
        packets = [ipv6(body, 17), ipv6(body, 17, options), ipv6(body, 58), ipv6(body, 17)[:30], ipv6(body[:4], 17)]
        told = lines(recording_of(captured(packets, LinkType.IPV6), 9000, is_udp=True))
        self.assertEqual(["0.000 1 opened [fd00::20]:4210", "0.000 1 said x", "0.100 1 said x"], told)

    def test_fragments(self) -> None:
        """Fragments of packets are passed over."""
        packets = [ipv4(udp(True, b"y")[20:], 17, fragment=0x2000), ipv4(b"", 17)[:10], udp(True, b"x")]
        self.assertEqual(2, len(recording_of(captured(packets), 9000, is_udp=True).events))


def pcap(packets: Sequence[bytes], order: str = "<", mark: int = 0xA1B2C3D4, ticks: int = 10**6) -> bytes:
    """A pcap file."""
    head = struct.pack(f"{order}IHHiIII", mark, 2, 4, 0, 0, 65535, LinkType.RAW)
    return head + b"".join(
        struct.pack(f"{order}IIII", 1000 + place, ticks // 2, len(one), len(one)) + one for place, one in enumerate(packets)
    )


def block(order: str, kind: int, body: bytes) -> bytes:
    """A block of a pcapng file."""
    body += b"\0" * (-len(body) % 4)
    return struct.pack(f"{order}II", kind, 12 + len(body)) + body + struct.pack(f"{order}I", 12 + len(body))


def pcapng(packets: Sequence[bytes], order: str = "<", resolution: int | None = None, offset: int = 0) -> bytes:
    """A pcapng file."""
    options = struct.pack(f"{order}HHB3x", 9, 1, resolution) if resolution is not None else b""
    options += struct.pack(f"{order}HHq", 14, 8, offset) if offset else b""
    ticks = 10**6 if resolution is None else 2 ** (resolution & 127) if resolution & 128 else 10**resolution
    time = int((1000.5 - offset) * ticks)
    head = block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(order, 1, struct.pack(f"{order}HHI", LinkType.RAW, 0, 0) + options)
    comment = block(order, 5, b"\0" * 12)
    return b"".join(
        (
            head,
            interface,
            comment,
            *(
                block(order, 6, struct.pack(f"{order}IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(one), len(one)) + one)
                for one in packets
            ),
        )
    )


class FileTests(SynchronousTestCase):
    def test_pcap(self) -> None:
        """Files of both byte orders and both resolutions have the same packets."""
        for order in "<>":
            for mark, ticks in ((0xA1B2C3D4, 10**6), (0xA1B23C4D, 10**9)):
                found = list(read_packets(pcap([b"one", b"two"], order, mark, ticks)))
                self.assertEqual([(1000.5, b"one"), (1001.5, b"two")], [(one.time, one.data) for one in found])

    def test_pcapng(self) -> None:
        """So have files of Wireshark, whatever the resolution and the offset of their times."""
        for order in "<>":
            for resolution, offset in ((None, 0), (9, 0), (0x80 | 10, 0), (6, 900)):
                (found,) = read_packets(pcapng([b"one"], order, resolution, offset))
                self.assertEqual((1000.5, b"one", True, LinkType.RAW), (found.time, found.data, found.is_whole, found.link))

    def test_a_file_that_is_still_written(self) -> None:
        """A capture that goes on has the packets that are whole."""
        for data in (pcap([b"one", b"two"]), pcapng([b"one", b"two"])):
            self.assertEqual([b"one"], [packet.data for packet in read_packets(data[:-1])])

    def test_no_capture(self) -> None:
        """A file of another kind, or a damaged one, is refused in words."""
        interface = pcapng([])
        for data, words in (
            (b"hello", "neither pcap nor pcapng"),
            (b"\x1f\x8b\x08", "gunzip it first"),
            (pcap([])[:20], "not whole"),
            (interface + struct.pack("<III", 6, 13, 0), "is damaged"),
            (interface + block("<", 6, struct.pack("<IIIII", 7, 0, 0, 0, 0)), "does not have"),
            (interface + block("<", 3, b"\0" * 8), "without times"),
        ):
            error = self.assertRaises(BadCapture, lambda data=data: list(read_packets(data)))
            self.assertIn(words, str(error))

    def test_a_short_block(self) -> None:
        """A packet's block without a packet is passed over."""
        self.assertEqual([], list(read_packets(pcapng([]) + block("<", 6, b"\0" * 8))))

    @given(st.binary(max_size=200), st.sampled_from([b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"\xa1\xb2\x3c\x4d", b""]))
    def test_any_bytes(self, data: bytes, head: bytes) -> None:
        """Damaged files are refused, or have fewer packets; nothing else happens."""
        try:
            recording_of(read_packets(head + data), 9000)
        except BadCapture:
            return
