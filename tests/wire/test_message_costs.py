"""No message, whatever is in it, holds a text pattern up for long."""

from __future__ import annotations

import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.errors import LineError
from netd.wire.rules import Rule, RuleSet, Verb, parse_rule
from netd.wire.text_pattern import TextPattern

PLACES = [Path(__file__).parents[2] / "docs" / "wires.md", *(Path(__file__).parent / "transcripts").glob("*.ini")]

LONGEST = 0.005
"""Seconds of CPU that a message of 4 KiB may take."""

KINDS = [
    *(b" ", b"0", b"a", b",", b"\t", b"1.", b"1e", b"+-", b" 1", b"a=1 ", b"\xff", b"1,a;"),
]
"""What a message is full of: a beginning that the pattern knows stands before it."""


def rules() -> list[Rule]:
    """The rules of the documentation and of the transcripts whose patterns are text."""
    words = tuple(f"{verb.value} " for verb in Verb)
    lines = {line.strip().removeprefix("rules = ") for place in PLACES for line in place.read_text().splitlines()}
    found = []
    for line in sorted(lines):
        if line.startswith(words):
            try:
                rule = parse_rule(line)
            except LineError:
                continue  # a sentence of the page
            if isinstance(rule.pattern, TextPattern):
                found.append(rule)
    return found


def least(rule: Rule, message: bytes) -> float:
    """Seconds of CPU that *rule* takes for *message*; the least of three, because the processor is not ours alone."""
    tried, times = RuleSet((rule,)), []
    for _ in range(3):
        began = time.process_time()
        tried.match(message)
        times.append(time.process_time() - began)
        if times[-1] < LONGEST:
            break
    return min(times)


class HostileTests(SynchronousTestCase):
    def test_text_patterns(self) -> None:
        """Each text pattern is through with 4 KiB of anything within 5 ms."""
        all_rules = rules()
        self.assertGreater(len(all_rules), 40)
        for rule in all_rules:
            assert isinstance(rule.pattern, TextPattern)
            first = rule.pattern.parts[0]
            head = first.encode("utf-8", "surrogateescape") if isinstance(first, str) else b""
            for kind in KINDS:
                for start in {b"", head}:
                    message = (start + kind * 4096)[:4096]
                    self.assertLess(least(rule, message), LONGEST, (rule.text, kind, start))
