"""A chat in which nothing ends a message, and everybody hears everything."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.learn import draft
from netd.wire.recording import read_recording

CHAT = """\
transport = tcp
caller = program
   0.188  1  opened  127.0.0.1:60914
   0.205  1  heard   NICK
   0.216  1  said    ann
   0.217  1  heard   ann joined!
   0.260  1  heard   Connected to server!
   0.500  2  opened  127.0.0.1:60916
   0.502  2  heard   NICK
   0.502  2  said    bob
   0.502  1  heard   bob joined!
   0.502  2  heard   bob joined!
   0.544  2  heard   Connected to server!
   0.783  1  said    ann: hi bob, how are you?
   0.784  1  heard   ann: hi bob, how are you?
   0.784  2  heard   ann: hi bob, how are you?
   0.984  2  said    bob: fine! and you
   0.985  2  heard   bob: fine! and you
   0.985  1  heard   bob: fine! and you
   1.184  1  said    ann: me too
   1.185  1  heard   ann: me too
   1.185  2  heard   ann: me too
   1.422  2  heard   ann left!
   1.422  1  closed  program
   1.429  2  closed  program
"""


class ChatTests(SynchronousTestCase):
    def test_relay(self) -> None:
        """Who comes is welcomed as before, and what is said is told to all, whoever of them heard it first."""
        self.assertEqual(
            [
                "greeting =",
                "    NICK",
                "rules =",
                "    name {name:word} => {text} joined!Connected to server!",
                "    tell-all {text} => {text}",
            ],
            draft(read_recording(CHAT), "chat").section.split("\n")[4:9],
        )
