"""Tests of ``netd.access.section``."""

from __future__ import annotations

import getpass
import os
from types import SimpleNamespace

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from netd.access.rules import AccessRules, AccessWord
from netd.access.section import MOST_REMEMBERED, SectionAccess
from netd.principal import LOCAL, Principal, Proof, Role
from tests.access.test_users import FakeSocket

LOCAL_ONLY = AccessRules(frozenset([AccessWord.LOOPBACK]))


def at(host: str | None, uid: int = 54321) -> SimpleNamespace:
    """The transport of a connection from *host*; without one, of a process of the user *uid* to a unix socket."""
    address = UNIXAddress("") if host is None else IPv4Address("TCP", host, 4711)
    return SimpleNamespace(getPeer=lambda: address, socket=FakeSocket(uid))


class SectionAccessTests(SynchronousTestCase):
    def test_address(self) -> None:
        """The address of a connection tells who is there, as far as the rules have it."""
        access = SectionAccess("relay", LOCAL_ONLY)
        self.assertEqual([LOCAL, None], [access.admit(at(host).getPeer()) for host in ("127.0.0.1", "10.0.0.7")])
        self.assertEqual([LOCAL, None], [access.admit_transport(at(host)) for host in ("127.0.0.1", "10.0.0.7")])
        self.assertEqual("this address is not admitted by `access` of [relay]", access.objection())

    def test_unix(self) -> None:
        """On a unix socket, the daemon's own user and root are administrators; others are programs on this machine."""
        access = SectionAccess("relay", LOCAL_ONLY)
        own, root = (Principal(name, Role.ADMIN, None, Proof.UNIX) for name in (getpass.getuser(), "root"))
        self.assertEqual([own, root, LOCAL], [access.admit_transport(at(None, uid)) for uid in (os.geteuid(), 0, 54321)])

    def test_many_addresses(self) -> None:
        """However many addresses come, only so many are remembered, and all get the same answers as before."""
        access = SectionAccess("relay", LOCAL_ONLY)
        for number in range(MOST_REMEMBERED + 10):
            self.assertIsNone(access.admit_host(f"10.0.{number >> 8}.{number & 255}"))
        self.assertLessEqual(len(access._known), MOST_REMEMBERED)
        self.assertIs(LOCAL, access.admit_host("127.0.0.1"))

    def test_other_rules(self) -> None:
        """Other rules hold at once, also for addresses that were there before."""
        access = SectionAccess("relay", LOCAL_ONLY)
        self.assertEqual((LOCAL, False), (access.admit_host("127.0.0.1"), access.takes_tokens))
        access.follow(AccessRules(frozenset([AccessWord.TOKENS])))
        self.assertEqual((None, True), (access.admit_host("127.0.0.1"), access.takes_tokens))
