"""How good the drafts are, program by program: a table that may only get better."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.learn import draft
from tests.wire.corpus import KEPT_ASIDE, NAMES, played
from tests.wire.learn.measure import MOST_EDITS, edits

EDITS = {
    "barcode": 4,
    "csv_nodes": 1,
    "eof_ended": 1,
    "fixed_width": 1,
    "heartbeat": 1,
    "hex_words": 1,
    "length_little": 3,
    "modbus_rtu": 1,
    "nmea": 2,
    "one_send": 2,
    "packed_struct": 1,
    "relay_board": 1,
    "robot": 2,
    "scale": 2,
    "start_sum": 3,
    "statsd": 4,
    "syslog": 4,
    "topic_pub": 4,
    "turnstile": 1,
    "weather_json": 2,
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
