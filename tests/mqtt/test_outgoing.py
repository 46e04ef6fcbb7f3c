"""What waits for the broker, within its bounds."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.mqtt.outgoing import GREATEST_NUMBER, OVERHEAD, Outgoing, Publication


def value(topic: str, payload: bytes = b"1") -> Publication:
    """A retained publication."""
    return Publication(topic, payload, is_retained=True)


def taken(outgoing: Outgoing) -> list[Publication]:
    """All that waits."""
    return list(iter(outgoing.take, None))


class OutgoingTests(SynchronousTestCase):
    def test_newest_value(self) -> None:
        """While the broker takes nothing, of a value only the newest waits, at its old place; what happens waits each time."""
        outgoing = Outgoing(0, 10_000)
        outgoing.is_held = True
        for publication in (value("a", b"1"), value("b"), Publication("c", b"x"), Publication("c", b"y"), value("a", b"2")):
            outgoing.add(publication)
        self.assertEqual(taken(outgoing), [value("a", b"2"), value("b"), Publication("c", b"x"), Publication("c", b"y")])
        self.assertEqual((outgoing.counts, outgoing.size), ({"replaced": 1}, 0))

    def test_within_a_turn(self) -> None:
        """As long as the broker takes everything, nothing is left out."""
        outgoing = Outgoing(0, 10_000)
        for number in range(3):
            outgoing.add(value("a", b"%d" % number))
        self.assertEqual([one.payload for one in taken(outgoing)], [b"0", b"1", b"2"])

    def test_bound(self) -> None:
        """Over the bound the oldest are dropped and counted, with either QoS."""
        for qos in (0, 1):
            outgoing = Outgoing(qos, 3 * (OVERHEAD + 2))
            for number in range(5):
                outgoing.add(value(f"{number}"))
            self.assertEqual([one.topic for one in taken(outgoing)], ["2", "3", "4"])
            self.assertEqual((outgoing.counts, outgoing.size), ({"dropped": 2}, 0))

    def test_flying(self) -> None:
        """With QoS 1, what was not acknowledged is sent again after a lost connection, before the rest and in order."""
        outgoing = Outgoing(1, 10_000)
        for topic in "abcd":
            outgoing.add(value(topic))
        numbers = [outgoing.number(one) for one in (outgoing.take(), outgoing.take(), outgoing.take()) if one is not None]
        self.assertEqual((numbers, outgoing.flying, outgoing.waiting), ([1, 2, 3], 3, 1))
        self.assertEqual(outgoing.acknowledged(2), value("b"))
        self.assertIsNone(outgoing.acknowledged(2))
        outgoing.connection_lost()
        self.assertEqual((outgoing.size, outgoing.flying), (3 * (OVERHEAD + 2), 0))
        self.assertEqual([one.topic for one in taken(outgoing)], ["a", "c", "d"])

    def test_numbers(self) -> None:
        """Numbers begin anew at their end, and pass over those that are under way."""
        outgoing = Outgoing(1, 1 << 30)
        first = outgoing.number(value("a"))
        for _ in range(GREATEST_NUMBER - 1):
            outgoing.acknowledged(outgoing.number(value("b")))
        self.assertEqual((first, outgoing.number(value("c"))), (1, 2))

    def test_lost_with_qos_0(self) -> None:
        """With QoS 0 nothing waits for another connection; values are published anew there, what happened is counted as lost."""
        outgoing = Outgoing(0, 10_000)
        outgoing.add(value("a"))
        outgoing.add(Publication("b", b"1"))
        outgoing.connection_lost()
        self.assertEqual((taken(outgoing), outgoing.size, outgoing.counts), ([], 0, {"dropped": 1}))
