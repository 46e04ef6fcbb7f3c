"""Tests of :mod:`netd.wire.tools.outcome`: what became of a transcript, in words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.recording import read_recording
from netd.wire.tools.outcome import RuleLines, kinds_told, steps_told
from netd.wire.tools.trial import WireTrial, try_section

SECTION = """\
; another section has the same rule
[wire:cellar]
rules =
    sample T={t}
[wire:shed]
listen = tcp:9000:interface=127.0.0.1
rules =
    sample T={t} => ok
    ignore # {*}
    sample each ; {channel}={value}
"""
LINES = RuleLines(SECTION, "wire:shed")


def tried(said: str, section: str = SECTION[SECTION.index("[wire:shed]") :]) -> WireTrial:
    """What comes of lines of a transcript."""
    recording = read_recording(f"0 1 opened a:1\n{said}")
    return try_section(read_section(section).plan(recording.is_dialled, False), recording)


class OutcomeTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """Each rule has its line in the file, how many messages it took, and an example; what no rule takes comes last."""
        found = tried("1 1 said what?\\nT=1\\nT=2\\n# x\\n\n").found
        self.assertEqual(
            [
                "line 8: sample T={t} => ok: 2 messages",
                r"    T=1 → t 1, reply ok\n",
                "line 9: ignore # {*}: 1 message",
                "    # x → nothing",
                "no rule: 1 message",
                "    what? → unmatched",
            ],
            list(kinds_told(found, LINES)),
        )

    def test_steps(self) -> None:
        """Each message has its rule's line; of many values the first are told."""
        found = tried(f"1 1 said {';'.join(f'c{n}={n}' for n in range(9))}\\n\n1 1 said {'x' * 99}\\n\n").found
        self.assertEqual(
            [
                "   1.000  1  line 10   c0=0;c1=1;c2=2;c3=3;c4=4;c5=5;c6=6;c7=7;c8=8 → c0 0, c1 1, c2 2, c3 3, c4 4, c5 5, …",
                f"   1.000  1  no rule   {'x' * 60}… → unmatched",
            ],
            list(steps_told(found, LINES)),
        )

    def test_nearest(self) -> None:
        """A message that no rule takes has the rule that comes nearest, and where the two part."""
        section = "[wire:shed]\nlisten = tcp:9000:interface=127.0.0.1\nrules =\n"
        rules = "    sample {light}\\t{temp}\\t{door:flag}\n    sample T={t} C\n    name hello {name} from {}\n    sample json\n"
        for said, words in (
            ("787\\t20.5\\tajar", "line 4 comes nearest: 'ajar' is not {door:flag}"),
            ("787\\t20.5", "line 4 comes nearest: the end is not '\\t'"),
            ("T=21 F", "line 5 comes nearest: 'F' is not ' C'"),
            ("T=warm", "line 5 comes nearest: 'warm' is not {t}"),
            ("T=21 Celsius, as ever and ever", "line 5 comes nearest: 'elsius, as ever and '… stands behind its end"),
            ("what?", ""),
        ):
            (step,) = tried(f"1 1 said {said}\\n\n", section + rules).found.steps
            self.assertEqual((words, None), (step.why, step.rule), said)
            self.assertTrue(next(steps_told(tried(f"1 1 said {said}\\n\n", section + rules).found, LINES)).endswith(words), said)

    def test_greeting(self) -> None:
        """What netd says of its own accord stands between the messages."""
        greeted = "[wire:shed]\nlisten = tcp:9000:interface=127.0.0.1\ngreeting = hi\nrules = event {*}\n"
        found = tried("", greeted).found
        self.assertEqual(["   0.000  1            netd speaks first → reply hi\\n"], list(steps_told(found, LINES)))
        faults = tried("1 1 said what?\\n\n", greeted.replace("event {*}", "event x")).faults
        self.assertEqual(("1 of 1 message did not fit: no rule matches, or it was refused",), faults)

    def test_faults(self) -> None:
        """Messages without a rule and other replies are faults."""
        self.assertEqual((), tried("1 1 said T=1\\n\n1 1 heard ok\\n\n").faults)
        self.assertEqual(
            ("1 of 2 messages did not fit: no rule matches, or it was refused",),
            tried("1 1 said T=1\\nwhat\\n\n1 1 heard ok\\n\n").faults,
        )
        self.assertEqual(
            (r"connection 1: the section says ok\n, and the recording has OK\n there",),
            tried("1 1 said T=1\\n\n1 1 heard OK\\n\n").faults,
        )

    def test_long_transcripts(self) -> None:
        """Of a long transcript the beginning is said, and less of it byte by byte; both are enough to see what is wrong."""
        recording = read_recording("0 1 opened a:1\n" + "1 1 said T=1\\n\n" * 9 + "2 1 said what?\\n\n")
        plan = read_section(SECTION[SECTION.index("[wire:shed]") :]).plan(False, False)
        whole = try_section(plan, recording)
        self.assertEqual((10, True, 1), (len(whole.found.steps), whole.is_whole, len(whole.faults)))
        short = try_section(plan, recording, most=20, most_cut=10)
        self.assertEqual((4, False, ()), (len(short.found.steps), short.is_whole, short.faults))
        self.assertEqual(whole, try_section(plan, recording, most_cut=10))

    def test_rule_from_elsewhere(self) -> None:
        """A rule that is not in the file has no line."""
        found = tried("1 1 said T=1\\n\n").found
        self.assertIn("?: sample T={t} => ok: 1 message", list(kinds_told(found, RuleLines("", "wire:shed"))))
