"""Whatever was recorded, the draft is one that the daemon takes, and it does not take for ever."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.learn import draft
from netd.wire.recording import PROGRAM, SERVER, Direction, Recorded, Recording, Transport
from tests.wire.corpus import NAMES, played
from tests.wire.learn.recordings import recorded

WORDS = st.sampled_from(
    [
        "T",
        "temp",
        "21.5",
        "=",
        ":",
        ";",
        ",",
        "OK",
        "name",
        "bob",
        "PING",
        "{",
        "}",
        "[",
        "]",
        "<",
        ">",
        "json",
        "struct",
        "each",
        "=>",
        "/",
        "\\",
        "0x1F",
        "on",
        "off",
        "-",
        "--",
        "*",
        "#",
        "$",
        "|",
        "é",
        "°C",
        "12",
        "1,5",
        "A041",
        "quit",
        " ",
        " => ",
        "{a}",
        '{"type":"a","v":1}',
        '{"a b":1}',
        '{"h}":2}',
        "1|c",
        "01T+2.5H3",
        "2030-05-01T12:00:00Z",
        "\t",
        "\x00",
        "5231.21",
        "N",
        "/x/",
        "/(?P<a>b)/",
        '"',
        "'",
        "\x02",
        "\x03",
        "\x80",
        "\n",
        ";POS?",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map("".join)
PIECES = st.one_of(
    TEXTS.map(lambda text: text.encode()),
    TEXTS.map(lambda text: text.encode("latin-1", "replace")),
    st.binary(min_size=1, max_size=30),
)
STEPS = st.tuples(st.sampled_from([0.001, 0.1, 1.0, 3.0]), st.booleans(), st.integers(0, 4), st.booleans())


@st.composite
def recordings(choose: st.DrawFn) -> Recording:
    """Programs that say a few things again and again, and hear some others."""
    vocabulary = choose(st.lists(PIECES, min_size=5, max_size=5))
    end = choose(st.sampled_from([b"\n", b"\r\n", b"", b";", b"\0", b"> "]))
    events: list[Recorded] = []
    time = 0.0
    for number in range(1, choose(st.integers(2, 4))):
        events.append(Recorded(time, number, Direction.OPENED, b"192.168.1.2:40000"))
        for pause, is_heard, place, is_echo in choose(st.lists(STEPS, max_size=14)):
            time = round(time + pause, 3)
            data = vocabulary[place] + end
            events.append(Recorded(time, number, Direction.SAID, data))
            if is_heard:
                heard = data if is_echo else vocabulary[place - 1] + end
                events.append(Recorded(round(time + 0.0005, 4), number, Direction.HEARD, heard))
        if choose(st.booleans()):
            events.append(Recorded(time + 0.01, number, Direction.CLOSED, choose(st.sampled_from([PROGRAM, SERVER]))))
    return Recording(choose(st.sampled_from(list(Transport))), choose(st.booleans()), tuple(events))


@st.composite
def damaged(choose: st.DrawFn) -> Recording:
    """A program of the corpus, some of whose bytes were lost or changed, up to some moment."""
    recording = played(choose(st.sampled_from(NAMES))).recording
    events = list(recording.events[: choose(st.integers(1, len(recording.events)))])
    for at, place, piece in choose(st.lists(st.tuples(st.integers(0), st.integers(0), PIECES), max_size=6)):
        event = events[at % len(events)]
        if event.direction in {Direction.SAID, Direction.HEARD}:
            cut = place % len(event.data)
            events[at % len(events)] = Recorded(
                event.time, event.connection, event.direction, event.data[:cut] + piece[:3] + event.data[cut + 1 :]
            )
    return Recording(recording.transport, recording.is_dialled, tuple(events))


class AnyRecordingTests(SynchronousTestCase):
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.one_of(recordings(), damaged()))
    def test_the_daemon_takes_it(self, recording: Recording) -> None:
        """No draft has a mistake that `netd check` would tell, cut and damaged as the recording may be."""
        found = draft(recording, "shed")
        if found.refused is None:
            read_section(found.section)  # raises an error with all mistakes

    def test_a_long_recording(self) -> None:
        """Only the beginning of a long recording is looked at, and a person is told so."""
        read = b"".join(b"T=%d.5;H=%d\n" % (number % 40, number % 90) for number in range(4000))
        found = draft(recorded([read] * 60), "shed")
        self.assertIn("sample T={t};H={h}", found.section)
        self.assertIn("the recording is long; only its beginning was looked at", found.remarks)
        self.assertNotIn("the recording is long", draft(recorded([b"T=1.5;H=2\n"]), "shed").section)

    def test_long_messages(self) -> None:
        """A message of thousands of numbers is a text: a name has 256 channels at most. So is a long constant."""
        wide = b",".join(b"%d" % number for number in range(2000)) + b"\n"
        for message in (wide, b"x" * 5000 + b"\n"):
            found = draft(recorded([message] * 5), "shed")
            self.assertIn("event {text}", found.section)
            self.assertLess(len(found.section), 600)
