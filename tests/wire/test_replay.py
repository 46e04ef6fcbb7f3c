"""Transcripts are said again: fifty-two programs and their sections, to the last reply, and what goes wrong is told."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.consequences import ReplayedWire
from netd.wire.plan import WirePlan
from netd.wire.recording import Recording, read_recording
from netd.wire.replay import difference_when_cut, replay
from tests.wire.corpus import NAMES, played


def plan_of(options: str, recording: Recording) -> WirePlan:
    """The plan of a section with *options*, for the connections of *recording*."""
    config = read_section(f"[wire:shed]\n{options}")
    return config.plan(recording.is_dialled, bool(config.datagrams))


def replayed(options: str, transcript: str) -> ReplayedWire:
    """What comes of *transcript*, whose lines are those behind the headers."""
    recording = read_recording(transcript)
    return replay(plan_of(options, recording), recording)


def consequences(options: str, transcript: str) -> list[str]:
    """The same as lines."""
    return [str(one) for one in replayed(options, transcript).consequences()]


HERE = "listen = tcp:9000:interface=127.0.0.1\n"
THERE = "connect = tcp:192.168.1.40:5025\n"
SENSOR = f"{HERE}rules = sample T={{temp °C}} => ok\n"


class CorpusTests(SynchronousTestCase):
    def test_sections_by_hand(self) -> None:
        """Each program of the corpus is served as its player knew: the same samples, events and replies, in order."""
        for name in NAMES:
            one = played(name)
            config = read_section(one.section)
            plan = config.plan(one.recording.is_dialled, bool(config.datagrams))
            found = replay(plan, one.recording)
            self.assertEqual(list(one.expected), [str(line) for line in found.consequences()], name)
            self.assertEqual((), found.differences, name)
            self.assertIsNone(difference_when_cut(plan, one.recording, found), name)


class ReplayTests(SynchronousTestCase):
    def test_another_reply(self) -> None:
        """Where a section answers something else than the old server did, both are told, from the message in which they part."""
        found = replayed(SENSOR, "0 1 opened a:1\n1 1 said T=1\\nT=2\\n\n1 1 heard ok\\nOK\\n\n")
        (difference,) = found.differences
        self.assertEqual((1, b"OK\n", b"ok\n"), (difference.connection, difference.heard, difference.said))

    def test_silence_where_a_reply_was(self) -> None:
        """A reply that is missing is a difference; replies to a program that had no server are none."""
        lone = f"{HERE}rules = sample T={{temp}}\n"
        (difference,) = replayed(lone, "0 1 opened a:1\n1 1 said T=1\\n\n1 1 heard ok\\n\n").differences
        self.assertEqual((b"ok\n", b""), (difference.heard, difference.said))
        self.assertEqual((), replayed(SENSOR, "0 1 opened a:1\n1 1 said T=1\\n\n1 1 tried OK\\n\n").differences)

    def test_no_rule(self) -> None:
        """A message that no rule takes is told with its beginning, one that takes a rule with that."""
        found = replayed(SENSOR, "0 1 opened a:1\n1 1 said T=1\\nhello\\n\n")
        taken, missed = found.steps
        self.assertEqual((b"T=1", "sample T={temp °C} => ok"), (taken.message, taken.rule and taken.rule.text))
        self.assertEqual(["temp 1 °C", r"reply ok\n"], [one.words for one in taken.consequences])
        self.assertEqual((True, None, ["1 unmatched hello"]), (missed.is_bad, missed.rule, list(map(str, missed.consequences))))
        self.assertFalse(taken.is_bad)

    def test_end_of_a_connection(self) -> None:
        """A message ends with its connection; a frame that nobody can read ends the connection itself."""
        self.assertEqual(
            ["1 sample - temp 1 °C", r"1 reply ok\n"], consequences(SENSOR, "0 1 opened a:1\n1 1 said T=1\n2 1 closed program\n")
        )
        binary = f"{HERE}frame = length:4:big\nrules = event {{text}}\n"
        told = consequences(binary, "0 1 opened a:1\n1 1 said GET / HTTP/1.1\\r\\n\n2 1 said more\n")
        self.assertEqual(2, len(told))
        self.assertIn("1 refused bad framing: ", told[0])
        self.assertIn("1 close ", told[1])

    def test_names(self) -> None:
        """What a program calls itself stands before its events; its address does not."""
        options = f"{HERE}rules =\n    name I am {{name}}\n    event says {{text}}\n"
        told = replayed(options, "0 1 opened a:1\n1 1 said says x\\nI am anna\\nsays y\\n\n")
        self.assertEqual(
            ['1 event - {"text":"x"}', "1 name anna", '1 event anna {"text":"y"}'], list(map(str, told.consequences()))
        )
        self.assertEqual('anna: event {"text":"y"}', list(told.consequences())[-1].words)

    def test_functions_and_devices(self) -> None:
        """What only a running daemon can answer is answered as in the transcript, or by the field's own name."""
        options = f"{HERE}rules =\n    call check CARD {{card}} => {{result}}\n    send {{to}} TO {{to}} {{text}} => {{answer}}\n"
        said = "0 1 opened a:1\n1 1 said CARD 7\\n\n"
        self.assertEqual(['1 call check {"card":"7"}', r"1 reply yes\n"], consequences(options, f"{said}1 1 heard yes\\n\n"))
        self.assertEqual(r"1 reply {result}\n", consequences(options, said)[1])
        told = consequences(options, "0 1 opened a:1\n1 1 said TO fan on\\n\n")
        self.assertEqual(["1 send fan on", r"1 reply {answer}\n"], told)

    def test_functions_within_a_reply(self) -> None:
        """Where the reply has more than the result, the recorded result is what stands within; else all of what was heard."""
        options = f"{HERE}rules = call check CARD {{card}} => \\{{{{card}}: {{result}}\\}}\n"
        said = "0 1 opened a:1\n1 1 said CARD 7\\n\n"
        self.assertEqual(r"1 reply {7: yes}\n", consequences(options, f"{said}1 1 heard {{7: yes}}\\n\n")[1])
        self.assertEqual(r"1 reply {7: no}\n", consequences(options, f"{said}1 1 heard no\\n\n")[1])
        as_json = f'{HERE}rules = call check CARD {{card}} => \\{{"is": {{result}}\\}}\n'
        for heard, replied in {'{"is": 5}': '{"is": 5}', '{"is": "yes"}': '{"is": "yes"}', "no!": '{"is": "no!"}'}.items():
            told = consequences(as_json, f"{said}1 1 heard {heard}\\n\n")[1]
            self.assertEqual(rf"1 reply {replied}\n", told)
        silent = f"{HERE}rules = call check CARD {{card}}\n"
        self.assertEqual(['1 call check {"card":"7"}'], consequences(silent, f"{said}1 1 heard no\\n\n"))

    def test_telling_all(self) -> None:
        """What is told to all is said on each connection that is open."""
        options = f"{HERE}rules = tell-all {{text}} => > {{text}}\n"
        told = consequences(options, "0 1 opened a:1\n0 2 opened a:2\n1 1 said hi\\n\n2 2 closed server\n3 1 said ho\\n\n")
        self.assertEqual(["1 tell - > hi", r"1 reply > hi\n", r"2 reply > hi\n", "1 tell - > ho", r"1 reply > ho\n"], told)

    def test_what_a_person_sent(self) -> None:
        """Where netd dials, what nobody asks regularly was sent by a person; that it was never acknowledged is a note."""
        options = f"{THERE}ack = OK {{answer}}\nrules = ignore {{*}}\n"
        transcript = (
            "caller = netd\n0 1 opened b:1\n1 1 heard ON 3\\n\n1.1 1 said OK 3\\n\n2 1 heard ON 4\\n\n2 1 closed program\n"
        )
        found = replayed(options, transcript)
        self.assertEqual([r"1 reply ON 3\n", "1 answer 3", r"1 reply ON 4\n"], list(map(str, found.consequences())))
        self.assertEqual("note the connection has ended", found.steps[-1].consequences[-1].words)
        self.assertEqual([r"1 reply ON 3\n"], consequences(f"{THERE}rules = ignore {{*}}\n", transcript.partition("1.1")[0]))

    def test_several_messages_heard_at_once(self) -> None:
        """A greeting and a question that came in one packet are two messages, and the next question waits for its turn."""
        options = (
            f"{THERE}greeting = SYST:REM\nask =\n    0s *IDN? => event {{text}}\n"
            "    300ms VOLT? => sample {v V}\n    300ms CURR? => sample {a A}\n"
        )
        turns = "".join(
            f"{time} 1 heard {asked}?\\n\n{time + 0.01} 1 said {value}\\n\n"
            for time, asked, value in ((1.0, "VOLT", 1), (1.1, "CURR", 2), (1.2, "VOLT", 3), (1.3, "CURR", 4))
        )
        first = "caller = netd\n0 1 opened b:1\n0.1 1 heard SYST:REM\\n*IDN?\\n\n0.2 1 said DMM\\n\n"
        found = replayed(options, f"{first}{turns}9 1 closed server\n")
        self.assertEqual([], [step for step in found.steps if step.is_bad])
        self.assertEqual((), found.differences)

    def test_a_silence_where_netd_dials(self) -> None:
        """The silence that ends a message passes as it was recorded, also at the end of the transcript."""
        options = f"{THERE}frame = silence:50ms\nrules = sample {{v}}\n"
        told = consequences(options, "caller = netd\n0 1 opened b:1\n1 1 said 1\n1.02 1 said 2\n1.5 1 said 3\n")
        self.assertEqual(["1 sample - v 12", "1 sample - v 3"], told)

    def test_an_address_that_was_forgotten(self) -> None:
        """By UDP an address that was silent for a minute is away, and comes back with its next datagram."""
        options = "listen = udp:9000:interface=127.0.0.1\nrules = sample {name} {v}\n"
        told = consequences(options, "transport = udp\n0 1 opened a:1\n1 1 said x 1\n90 1 said x 2\n")
        self.assertEqual(["1 sample x v 1", "1 close silent for 60 s", "1 sample x v 2"], told)

    def test_cuts(self) -> None:
        """A section that reads something else when the network cuts the bytes elsewhere is found out."""
        recording = read_recording("0 1 opened a:1\n1 1 said T=1\\nT=2\\n\n")
        plan = plan_of(SENSOR, recording)
        whole = replay(plan, recording)
        self.assertIsNone(difference_when_cut(plan, recording, whole))
        other = replay(plan_of(f"{HERE}rules = sample T={{t}} => ok\n", recording), recording)
        self.assertEqual(("1 sample - t 1", "1 sample - temp 1 °C"), difference_when_cut(plan, recording, other))

    def test_empty_reads(self) -> None:
        """A line without text is nothing: no program says nothing, but people edit transcripts."""
        self.assertEqual([], consequences(SENSOR, "0 1 opened a:1\n1 1 said\n"))
