"""Calls between nodes as bytes: what is written is read, and anything else is refused in one way."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.callwire import (
    LONGEST,
    PART,
    BadCall,
    CallHead,
    MoreHead,
    Vouched,
    call_bytes,
    more_bytes,
    part_bytes,
    read_call,
    read_part,
)

HEAD = CallHead("A", "A1", 7, Vouched("token panel", "operator", ("session.>", "relay.main@B.>")), 30.0)
REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"relay.list","params":{"instance":"main"}}'


class CallWireTests(SynchronousTestCase):
    @given(
        st.text(st.characters(exclude_categories=("C", "Z")), max_size=50),
        st.none() | st.lists(st.text(max_size=20), max_size=5).map(tuple),
        st.integers(1, 1 << 40),
    )
    def test_there_and_back(self, who: str, subjects: tuple[str, ...] | None, number: int) -> None:
        """A call is read as it was written, whatever its caller is called."""
        head = CallHead("A", "A1", number, Vouched(who, "viewer", subjects), 2.5)
        self.assertEqual((head, REQUEST), read_call(call_bytes(head, REQUEST)))

    def test_more(self) -> None:
        """So is a request for a further part."""
        head = MoreHead("A", "A1", 7, PART)
        self.assertEqual((head, b""), read_call(more_bytes(head)))

    def test_parts(self) -> None:
        """The parts of an answer make the answer; a short one is sent as it is."""
        for size in (1, PART, PART + 1, 3 * PART):
            answer = random.Random(size).randbytes(size)
            have = b""
            while len(have) < size:
                part = read_part(part_bytes(answer, len(have)))
                self.assertEqual((size, len(have)), (part.size, part.begin))
                have += part.piece
            self.assertEqual(answer, have)
        self.assertEqual(REQUEST, part_bytes(REQUEST, 0))

    def test_bad_parts(self) -> None:
        """A part that does not tell its place is refused, and so is one of an answer that nobody would take."""
        for line in (
            b'{"size":1',
            b'{"size":-1,"from":0}\nx',
            b'{"size":5,"from":5}\nx',
            b'{"size":5,"from":0}\n',
            b'{"size":"5"}\nx',
        ):
            self.assertRaises(BadCall, read_part, line)
        self.assertRaises(BadCall, read_part, b'{"size":%d,"from":0}\nx' % (LONGEST + 1))

    def test_unknown_members(self) -> None:
        """A later version may tell more."""
        body = call_bytes(HEAD, REQUEST).replace(b'{"node"', b'{"v":2,"node"', 1)
        self.assertEqual((HEAD, REQUEST), read_call(body))

    def test_mutations(self) -> None:
        """Of 20,000 damaged calls each is read or refused, and none is anything else."""
        chance, body = random.Random(4), bytearray(call_bytes(HEAD, REQUEST))
        refused = 0
        for _ in range(20_000):
            damaged = bytearray(body)
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                read_call(bytes(damaged))
            except BadCall:
                refused += 1
        self.assertTrue(2_000 < refused < 20_000, refused)
