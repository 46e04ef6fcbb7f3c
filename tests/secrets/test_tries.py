"""Tests of ``netd.secrets.tries``: how many wrong secrets a connection, and an address, may give."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netd.secrets.tries import MOST_ADDRESSES, TRIES, WINDOW, Tries, WrongSecrets


class WrongSecretsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.wrong = WrongSecrets(self.clock.seconds)

    def test_one_too_many(self) -> None:
        """The third within a minute is one too many, and so is each one after it, over whichever connections they come."""
        self.assertEqual([self.wrong.note("10.0.0.1") for _ in range(5)], [False, False, True, True, True])

    def test_others(self) -> None:
        """Other addresses are not held to account for it."""
        for _ in range(5):
            self.wrong.note("10.0.0.1")
        self.assertFalse(self.wrong.note("10.0.0.2"))
        self.assertFalse(self.wrong.note(""))

    def test_forgotten(self) -> None:
        """A minute after the first of them, an address begins anew."""
        for _ in range(TRIES):
            self.wrong.note("10.0.0.1")
        self.clock.advance(WINDOW - 0.1)
        self.assertTrue(self.wrong.note("10.0.0.1"))
        self.clock.advance(0.1)
        self.assertFalse(self.wrong.note("10.0.0.1"))

    def test_one_owner(self) -> None:
        """Of IPv6, a customer has a whole network: another address of it is no new start. IPv4 spelled as IPv6 is itself."""
        for host in ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2%eth0"):
            self.wrong.note(host)
        self.assertTrue(self.wrong.note("2001:db8:0:1::3"))
        self.assertFalse(self.wrong.note("2001:db8:0:2::1"))
        for host in ("10.0.0.1", "::ffff:10.0.0.1"):
            self.wrong.note(host)
        self.assertTrue(self.wrong.note("10.0.0.1"))
        self.assertFalse(self.wrong.note("::ffff:10.0.0.2"))

    def test_bounded(self) -> None:
        """However many addresses there are, only so many are remembered: the one that tried last is among them."""
        for number in range(MOST_ADDRESSES + 10):
            self.wrong.note(f"host-{number}")
            self.wrong.note("10.0.0.1")
        self.assertEqual(len(self.wrong._counts), MOST_ADDRESSES)
        self.assertTrue(self.wrong.note("10.0.0.1"))

    @given(st.text(max_size=40))
    def test_any_host(self, host: str) -> None:
        """Whatever a transport calls the other end, it is counted."""
        wrong = WrongSecrets(float)
        self.assertEqual([wrong.note(host) for _ in range(TRIES)][-1], True)


class TriesTests(SynchronousTestCase):
    def test_a_connection(self) -> None:
        """A connection has three tries however slowly it takes them; each is noted, the last of them when it is over."""
        clock, noted = Clock(), list[bool]()
        tries = Tries(WrongSecrets(clock.seconds), "10.0.0.1", lambda: noted.append(tries.is_over))
        for _ in range(TRIES):
            tries.fail()
            clock.advance(WINDOW)
        self.assertEqual((noted, tries.failed), ([False, False, True], TRIES))

    def test_next_connection(self) -> None:
        """The next connection of an address that gave too many has one try."""
        wrong = WrongSecrets(float)
        for _ in range(TRIES):
            wrong.note("10.0.0.1")
        tries = Tries(wrong, "10.0.0.1")
        tries.fail()
        self.assertTrue(tries.is_over)
