"""``docs/wires-grammar.md`` is true: each row of its tables says a message to a section, and something comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.checks import SUMS
from netd.wire.config import read_section
from netd.wire.escapes import unescape
from netd.wire.fields import SPECIAL, FieldType
from netd.wire.framing import KINDS
from netd.wire.recording import Direction, Recorded, Recording, Transport
from netd.wire.replay import replay
from netd.wire.rules import Verb
from tests.test_docs import CHECKOUT

PAGE = CHECKOUT / "docs" / "wires-grammar.md"

DEFAULT_RULES = {"frame": "event {text}", "check": "event {start:2}{*}"}
"""The rule of a table that has none, by its option."""

_CELL = re.compile(r"`([^`]*)`")


def rows() -> Iterator[Mapping[str, str]]:
    """Each row of a table that has messages: what stands in its cells, by the heads of the table."""
    heads: list[str] = []
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("| ") and "`" not in line and "---" not in line:
            heads = [head.strip() for head in line.strip("|").split("|")]
        elif line.startswith("| `") and "gives" in heads:
            yield dict(zip(heads, _CELL.findall(line), strict=False))


def given(row: Mapping[str, str]) -> str:
    """What comes of the message of a row."""
    options = {name: value for name, value in row.items() if name not in ("rule", "message", "gives", "which is")}
    rule = row.get("rule") or next(DEFAULT_RULES[name] for name in options)
    lines = [f"{name} = {value}" for name, value in options.items()]
    section = "\n".join(["[wire:grammar]", "listen = tcp:9000:interface=127.0.0.1", *lines, f"rules = {rule}", ""])
    said = unescape(row["message"]) + (b"" if "frame" in row else b"\n")
    events = (Recorded(0.0, 1, Direction.OPENED, b"peer"), Recorded(0.1, 1, Direction.SAID, said))
    replayed = replay(read_section(section).plan(False, False), Recording(Transport.TCP, True, events))
    return "; ".join(one.words for one in replayed.consequences()) or "nothing"


class GrammarTests(SynchronousTestCase):
    def test_rows(self) -> None:
        """Each example gives what the page says."""
        found = list(rows())
        self.assertGreater(len(found), 60)
        self.assertEqual([], [f"{row}: {told}" for row in found if (told := given(row)) != row["gives"]])

    def test_complete(self) -> None:
        """Each verb, type, special name, frame and check has an example."""
        found = list(rows())
        rules = [row.get("rule", "") for row in found]
        verbs = {rule.partition(" ")[0] for rule in rules}
        self.assertEqual({verb.value for verb in Verb}, verbs - {""})
        types = set(re.findall(r"\{\w*:([a-z]+)\}", " ".join(rules)))
        self.assertEqual(set(), {kind.value for kind in FieldType} - types)
        self.assertEqual(set(), {name for name in SPECIAL if not any(re.search(rf"\{{{name}[}}:]", rule) for rule in rules)})
        self.assertEqual(set(KINDS) - {"datagram"}, {row["frame"].partition(":")[0] for row in found if "frame" in row})
        self.assertEqual({*SUMS, "nmea"}, {row["check"] for row in found if "check" in row})
