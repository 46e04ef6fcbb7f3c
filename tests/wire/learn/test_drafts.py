"""How good the drafts are, program by program: a table that may only get better."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.learn import draft
from tests.wire.corpus import KEPT_ASIDE, NAMES, played
from tests.wire.learn.measure import MOST_EDITS, edits

EDITS = {
    "fixed_width": 1,
    "hex_words": 1,
    "length_little": 2,
    "modbus_rtu": 1,
    "nmea": 2,
    "one_send": 1,
    "packed_struct": 1,
    "scale": 2,
    "statsd": 4,
    "syslog": 4,
    "turnstile": 2,
}
"""The lines to edit until a draft is right, where it is not; four stands for more than three."""


class DraftTests(SynchronousTestCase):
    def test_no_worse(self) -> None:
        """No draft needs more edits than it did, each is one that the daemon takes, and the table is as good as the drafts."""
        found = {}
        for name in NAMES:
            program = played(name)
            drafted = draft(program.recording, name)
            read_section(drafted.section)  # raises an error with all mistakes
            found[name] = edits(drafted.section, program.section, program.recording)
        self.assertEqual({name: EDITS.get(name, 0) for name in NAMES}, found)

    def test_share(self) -> None:
        """Those that nobody looked at are counted apart."""
        aside = [EDITS.get(name, 0) for name in KEPT_ASIDE]
        self.assertGreaterEqual(sum(count < MOST_EDITS for count in aside), 15)
