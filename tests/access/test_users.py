"""Tests of ``netd.access.users``."""

from __future__ import annotations

import getpass
import os
import socket
import struct
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from netd.access.users import is_own_user, user_at


class FakeSocket:
    """One whose other end is a process of the user *uid*."""

    def __init__(self, uid: int) -> None:
        self._uid = uid

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """What Linux tells of the other end."""
        assert (level, size) == (socket.SOL_SOCKET, 12)
        return struct.pack("3i", 4711, self._uid, 0)


class UserTests(SynchronousTestCase):
    def test_own(self) -> None:
        """The operating system knows who made a connection."""
        one, other = socket.socketpair()
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        self.assertEqual(getpass.getuser(), user_at(SimpleNamespace(socket=one)))

    def test_others(self) -> None:
        """Users have their names; one that the machine does not know has a number."""
        self.assertEqual("root", user_at(SimpleNamespace(socket=FakeSocket(0))))
        self.assertEqual("uid 54321", user_at(SimpleNamespace(socket=FakeSocket(54321))))

    def test_untold(self) -> None:
        """Where it is not told, nobody but the daemon's own user can have opened the socket's file."""
        self.assertEqual(user_at(SimpleNamespace(socket=FakeSocket(os.geteuid()))), user_at(SimpleNamespace()))

    def test_own_user(self) -> None:
        """Root and the daemon's own user are told apart from others, and from connections of which nothing is known."""
        for uid, expected in ((0, True), (os.geteuid(), True), (54321, False)):
            self.assertEqual(expected, is_own_user(SimpleNamespace(socket=FakeSocket(uid))), uid)
        self.assertFalse(is_own_user(SimpleNamespace()))
