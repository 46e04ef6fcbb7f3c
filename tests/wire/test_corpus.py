"""The corpus of invented programs is whole."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.recording import Direction
from tests.wire.corpus import FOLDER, KEPT_ASIDE, LATER, NAMES, played

WORDS = {"sample", "event", "name", "tell", "reply", "call", "answer", "unmatched", "failed", "bye"}


class CorpusTests(SynchronousTestCase):
    def test_each_program_is_whole(self) -> None:
        """Each has a transcript, a section by hand and a truth about the connections that the transcript has."""
        for name in NAMES:
            one = played(name)
            self.assertTrue(one.section.startswith(f"[wire:{name}]\n"), name)
            numbers = {event.connection for event in one.recording.events}
            for line in one.expected:
                number, word, *_ = line.split(" ")
                self.assertIn(int(number), numbers, (name, line))
                self.assertIn(word, WORDS, (name, line))
            said = [event for event in one.recording.events if event.direction is Direction.SAID]
            self.assertGreaterEqual(len(said), 10, name)

    def test_nothing_is_left_over(self) -> None:
        """Each file belongs to a program, and each name of a group is one of a program."""
        self.assertEqual(set(NAMES), {path.stem for path in FOLDER.iterdir()})
        self.assertEqual((52, 20, 12), (len(NAMES), len(KEPT_ASIDE & set(NAMES)), len(LATER & set(NAMES))))

    def test_nobody_is_real(self) -> None:
        """Addresses in transcripts are private ones, and no byte says whom it was recorded at."""
        for name in NAMES:
            for event in played(name).recording.events:
                if event.direction is Direction.OPENED:
                    self.assertRegex(event.data.decode(), re.compile(r"192\.168\.1\.\d+:\d+|127\.0\.0\.1:\d+|/dev/tty\w+"))
