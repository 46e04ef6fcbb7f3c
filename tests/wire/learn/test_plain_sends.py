"""Programs with a plain ``send()`` and ``recv(1024)``: only a pause ends their messages, and they wait for an answer."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.learn import draft
from netd.wire.recording import SERVER, Direction, Recorded, Recording, Transport
from netd.wire.replay import replay
from tests.wire.learn.recordings import recorded


def rules_of(recording: Recording) -> list[str]:
    """The rules that are drafted, without what is unsure of them."""
    lines = draft(recording, "shed").section.partition("rules =\n")[2].splitlines()
    return [line.strip() for line in lines if line.startswith("    ") and "; ?" not in line]


def moments(*events: tuple[float, int, Direction, bytes]) -> Recording:
    """A recording of programs that talk at the same time."""
    return Recording(Transport.TCP, False, tuple(Recorded(*event) for event in events))


SENSOR = recorded(
    [(b"hi im plant7", b"welcome"), *((b"soil:%d|light:%d.5" % (300 + 7 * n, n * n), b"got %d" % n) for n in range(1, 9))],
)
SAID, HEARD = Direction.SAID, Direction.HEARD
CHAT = moments(
    (0.0, 1, Direction.OPENED, b"a:1"),
    (0.1, 1, SAID, b"anna"),
    (0.101, 1, HEARD, b"anna joined"),
    (1.1, 1, SAID, b"anna: hello number 0"),
    (1.9, 2, Direction.OPENED, b"a:2"),
    (2.0, 2, SAID, b"bert"),
    (2.001, 1, HEARD, b"bert joined"),
    (2.001, 2, HEARD, b"bert joined"),
    (2.1, 1, SAID, b"anna: hello number 1"),
    (2.101, 2, HEARD, b"anna: hello number 1"),
    (3.0, 2, SAID, b"bert: hello number 0"),
    (3.0, 1, HEARD, b"bert: hello number 0"),
    (3.1, 1, SAID, b"anna: hello number 2"),
    (3.101, 2, HEARD, b"anna: hello number 2"),
    (4.0, 2, SAID, b"bert: hello number 1"),
    (4.0, 1, HEARD, b"bert: hello number 1"),
    (5.0, 1, SAID, b"/quit"),
    (5.001, 2, HEARD, b"anna left"),
    (5.002, 1, Direction.CLOSED, SERVER),
    (6.0, 2, SAID, b"/quit"),
    (6.002, 2, Direction.CLOSED, SERVER),
)


class PlainSendTests(SynchronousTestCase):
    def test_numbers_in_answers(self) -> None:
        """A server that counts is answered for with one of its answers: without any, the program would wait for ever."""
        self.assertEqual(["name hi im {name} => welcome", "sample soil:{soil}|light:{light} => got 1"], rules_of(SENSOR))
        self.assertIn("; ? the numbers in the answers vary; netd says got 1 each time", draft(SENSOR, "shed").section)

    def test_name_behind_small_words(self) -> None:
        """What stands between a greeting and the name is part of the rule, and the name is no secret."""
        self.assertIn(b"hi im plant7", {event.data for event in draft(SENSOR, "shed").transcript.events})

    def test_answered_at_once(self) -> None:
        """A program that says more within the silence was answered before: replayed, its messages stay apart."""
        recording = recorded([(b"hi im plant7", b"welcome"), (b"soil:1|light:2", b"ok")], pause=0.004)
        config = read_section(
            "[wire:shed]\nlisten = tcp:9000\naccess = anyone\nframe = silence:50ms\n"
            "rules =\n    name hi im {name} => welcome\n    sample soil:{soil}|light:{light} => ok\n"
        )
        found = replay(config.plan(is_dialled=False, is_datagram=False), recording)
        self.assertEqual([b"hi im plant7", b"soil:1|light:2"], [step.message for step in found.steps])
        self.assertEqual((), found.differences)

    def test_chat(self) -> None:
        """A chat whose lines begin with the speaker's own name is one rule, though two people speak within a millisecond."""
        self.assertEqual(["bye /quit", "name {name:word} => {text} joined", "tell {text} => {text}"], sorted(rules_of(CHAT)))

    def test_end_of_a_long_difference(self) -> None:
        """Without lines, a difference is shown from a little before it, wherever it stands."""
        recording = recorded([(b"a" * 30, b"b" * 90 + b"c")])
        config = read_section(
            f"[wire:shed]\nlisten = tcp:9000\naccess = anyone\nframe = silence:50ms\nrules = ignore {{*}} => {'b' * 90}d\n"
        )
        (found,) = replay(config.plan(is_dialled=False, is_datagram=False), recording).differences
        self.assertEqual((b"b" * 20 + b"c", b"b" * 20 + b"d"), (found.heard, found.said))

    def test_titles_between_tabs(self) -> None:
        """The titles of a table whose columns are parted by tabs name its fields."""
        lines = [b"light\ttemp\n", *(b"%d\t%d.5\n" % (n * 37 % 11, 20 + n) for n in range(9))]
        self.assertIn("sample {light}\\t{temp}", rules_of(recorded(lines)))
