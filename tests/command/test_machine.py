"""Tests of ``netd.command.machine`` and ``grammar``: what a connection says, and what it is told."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.command.machine import BATCH, CommandConversation, CommandInput, CommandState
from tests.command.bench import SUCCESS, TEST, Bench, Side, answers


def line(**members: Any) -> bytes:
    """A command."""
    return json.dumps(members).encode() + b"\n"


class OldDialectTests(SynchronousTestCase):
    """Programs that connect, send one line, read one answer and see the connection closed."""

    def setUp(self) -> None:
        self.bench = Bench()

    def refusal(self, said: bytes) -> str:
        """The one error that *said* is answered with, before the close."""
        side = self.bench.connect()
        [answer] = answers(side.say(said))
        self.assertEqual(answer["status"], "error")
        self.assertEqual((side.state, side.peer.closed is not None), (CommandState.OVER, True))
        return str(answer["error"])

    def test_success(self) -> None:
        """The wire page's example runs, with its arguments, and the connection ends after the answer."""
        side = self.bench.connect()
        self.assertEqual(side.say(TEST), SUCCESS)
        self.assertEqual(side.peer.closed, "answered")
        self.assertEqual(self.bench.ran, [("test_command", {"param1": 100, "param2": "", "param4": [1, 2, "text"]})])

    def test_result(self) -> None:
        """What a function returns travels as ``result``."""
        self.assertEqual(self.bench.connect().say(line(command_id="echo", text="x")), b'{"status":"success","result":"x"}\n')

    def test_carriage_return(self) -> None:
        """A line may end as telnet ends it."""
        self.assertEqual(self.bench.connect().say(TEST.replace(b"\n", b"\r\n")), SUCCESS)

    def test_exception(self) -> None:
        """The message of an exception travels as ``error``."""
        self.assertEqual(self.refusal(line(command_id="fail", why="the lamp is broken")), "the lamp is broken")

    def test_arguments(self) -> None:
        """An argument that is missing, unknown or of the wrong type is named, and its value is in no log."""
        for members, named in (
            ({}, "param1: this argument is missing"),
            ({"param1": "secret"}, "param1: must be a whole number, not text"),
            ({"param1": 1, "parm2": 1}, "parm2: no such argument; there are: param1, param2, param4"),
        ):
            side = self.bench.connect()
            [answer] = answers(side.say(line(command_id="test_command", **members)))
            self.assertEqual(answer, {"status": "error", "error": named})
            self.assertEqual(side.refused, [("wrong arguments", b"")])

    def test_unknown_command(self) -> None:
        """A command that is not there is refused with the one that may have been meant."""
        self.assertEqual(
            self.refusal(line(command_id="tset_command")), "there is no command 'tset_command'; did you mean 'test_command'?"
        )
        self.assertEqual(self.refusal(line(command_id="x" * 5000)), f"there is no command '{'x' * 80}'")

    def test_no_command(self) -> None:
        """What is no command is refused with the reason, and with what a command is."""
        for said, reason in (
            (b"hello\n", "not JSON: .*one JSON object in one line"),
            (b"[1]\n", "not a JSON object"),
            (b"{}\n", "`command_id` is missing"),
            (b'{"command_id": 3}\n', "`command_id` is not text"),
            (b'{"command_id": null}\n', "`command_id` is not text"),
            (b'{"command_id": "echo", "text": -NaN}\n', "not JSON"),
            (b'{"command_id": "echo", "text": 1e999}\n', "not JSON"),
            (b"[" * 60_000 + b"\n", "nested more than 64 deep"),
            (b'{"command_id": ' + b"1" * 5000 + b"}\n", "not JSON"),
            ('{"command_id": "echo"}'.encode("utf-16-le") + b"\n", "not JSON"),
            (b'{"command_id": "\\ud800"}\n', "not JSON"),
            (b'{"command_id": "\xed\xa0\x80"}\n', "not JSON"),
            (b'{"command_id": "echo", "id": true}\n', "`id` is a whole number or a text"),
            (b'{"command_id": "echo", "id": null}\n', "`id` is a whole number or a text"),
            (line(command_id="echo", id="x" * 65), "`id` is a whole number or a text"),
        ):
            self.assertRegex(self.refusal(said), reason)

    def test_repeated_member(self) -> None:
        """Of a repeated member the last counts, as in the programs' own JSON."""
        said = b'{"command_id": "fail", "text": "a", "text": "b", "command_id": "echo"}\n'
        self.assertEqual(answers(self.bench.connect().say(said))[0]["result"], "b")

    def test_blank_lines(self) -> None:
        """Blank lines before a command mean nothing."""
        self.assertEqual(self.bench.connect().say(b"\n \r\n" + TEST), SUCCESS)

    def test_line_too_long(self) -> None:
        """A line that never ends is refused as soon as it is too long; nothing more is read of it."""
        side = self.bench.connect()
        [answer] = answers(side.say(b"x" * 65536, b"x"))
        self.assertEqual(answer["error"], "a command has at most 65536 bytes here (`max_command`)")
        self.assertEqual((side.peer.closed, side.refused), ("line too long", [("line too long", b"x")]))

    def test_the_log(self) -> None:
        """The log gets the words that the program gets, and what was not understood, but no arguments."""
        said = (TEST.replace(b"test", b"tset"), TEST.replace(b"100", b'"s"'), b"hello\n")
        for line, excerpt in zip(said, (b"tset_command", b"", b"hello"), strict=True):
            side = self.bench.connect()
            [answer] = answers(side.say(line))
            self.assertEqual((side.why, side.refused[0][1]), (answer["error"], excerpt))

    def test_only_one_answer(self) -> None:
        """What follows the one command is neither run nor answered."""
        side = self.bench.connect()
        self.assertEqual(side.say(TEST + TEST), SUCCESS)
        self.assertEqual(len(self.bench.ran), 1)

    def test_more_while_it_runs(self) -> None:
        """While the one command runs nothing more is read."""
        side = self.bench.connect()
        side.say(line(command_id="later"))
        self.assertIsNone(side.peer.expiry)
        side.say(b"x" * 100_000)
        self.assertFalse(side.peer.is_reading)
        self.bench.finish()
        self.assertEqual((side.peer.sent, side.peer.closed), (SUCCESS, "answered"))

    def test_unserialisable(self) -> None:
        """A result that no JSON can say is an error that says so, to the program and to the log."""
        self.assertIn("the result of odd cannot be written as JSON", self.refusal(line(command_id="odd")))
        side = self.bench.connect()
        side.say(line(command_id="odd"))
        self.assertEqual(side.unanswered, ["odd"])

    def test_no_number(self) -> None:
        """NaN and infinities are no numbers to JSON: the program reads which result has one and where, not null in its place."""
        why = self.refusal(line(command_id="measure"))
        self.assertEqual(
            why,
            "the result of measure cannot be written as JSON: there is no number nan (at ['values'][2]); None becomes null",
        )

    def test_fault_of_netd(self) -> None:
        """Where netd itself fails, the program reads so at once, with its id, and the log has the reason."""

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        for members in ({}, {"id": 7}):
            side = Bench(run=broken).connect()
            [answer] = answers(side.say(line(command_id="echo", text="x", **members)))
            self.assertEqual(answer, {**members, "status": "error", "error": "internal error; netd's log has it"})
            self.assertEqual((side.peer.closed, len(side.failures), side.state), ("internal error", 1, CommandState.OVER))

    def test_1024_bytes(self) -> None:
        """An answer of 1024 bytes arrives; a longer one becomes an error that says how long it was, and the remedy."""
        room = 1024 - len(b'{"status":"success","result":""}\n')
        side = self.bench.connect()
        self.assertEqual(len(side.say(line(command_id="echo", text="x" * room))), 1024)
        error = self.refusal(line(command_id="echo", text="x" * (room + 1)))
        self.assertIn("makes an answer of 1025 bytes, where at most 1024 are sent; give the command an `id`", error)

    def test_long_error(self) -> None:
        """The text of an error is cut so that it fits, whatever is in it."""
        for why in ("x" * 5000, '"' * 5000, "\0" * 3000, "ä" * 3000, "\ud800" * 9):
            side = self.bench.connect()
            said = line(command_id="later")
            side.say(said)
            self.bench.open.pop(0)(type("Failed", (), {"error": why, "result": None})())
            sent = side.peer.take_sent()
            self.assertLessEqual(len(sent), 1024)
            self.assertEqual(answers(sent)[0]["status"], "error")

    def test_silence(self) -> None:
        """Who says nothing is told so when the time is up."""
        side = self.bench.connect()
        self.assertEqual(side.peer.expiry, 4.0)
        side.conversation.expired()
        self.assertEqual(
            answers(side.peer.sent), [{"status": "error", "error": "no command came within 4 s (`receive_timeout`)"}]
        )
        self.assertEqual(side.peer.closed, "timed out")

    def test_no_newline(self) -> None:
        """A whole object without a newline is taken after a short silence."""
        side = self.bench.connect()
        self.assertEqual(side.say(TEST[:-1]), b"")
        self.assertEqual(side.peer.expiry, 0.2)
        side.conversation.expired()
        self.assertEqual(side.peer.sent, SUCCESS)

    def test_no_newline_and_not_whole(self) -> None:
        """An object that is not whole after the silence has until the time is up; then it is refused."""
        side = self.bench.connect()
        side.say(TEST[:10])
        self.bench.clock.advance(0.2)
        side.conversation.expired()
        self.assertEqual((side.peer.expiry, side.peer.closed), (3.8, None))
        self.assertEqual(side.say(TEST[10:-2]), b"")
        self.assertEqual(side.peer.expiry, 0.2)
        self.bench.clock.advance(3.8)
        side.conversation.expired()
        [answer] = answers(side.peer.sent)
        self.assertEqual(answer["error"], "the command did not end within 4 s (`receive_timeout`); a newline ends it")
        self.assertEqual(side.refused, [("timed out", TEST[:-2])])

    def test_no_newline_and_no_object(self) -> None:
        """What only ends like an object has its time, too: more may come."""
        side = self.bench.connect()
        side.say(b'{"command_id": {}')
        self.bench.clock.advance(0.2)
        side.conversation.expired()
        self.assertEqual((side.peer.sent, side.peer.closed), (b"", None))

    def test_several_objects(self) -> None:
        """Objects that follow one another without a newline are as good as a line each, at once or after the silence."""
        echo = b'{"command_id": "echo", "text": "}{"}'
        for between in (b"", b"\0", b" \0 "):
            side = self.bench.connect()
            self.assertEqual(side.say(echo + between + TEST), b'{"status":"success","result":"}{"}\n')
            self.assertEqual(side.peer.closed, "answered")  # the first dialect has one answer
            side = self.bench.connect()
            self.assertEqual(side.say(echo + between + TEST[:-1] + between), b"")
            self.assertEqual(side.peer.expiry, 0.2)
            side.conversation.expired()
            self.assertEqual(side.peer.sent, b'{"status":"success","result":"}{"}\n')
        kept = self.bench.connect()
        first, second = (echo[:-1] + b', "id": %d}' % number for number in (1, 2))
        self.assertEqual([answer["id"] for answer in answers(kept.say(first + second + b"\n"))], [1, 2])
        kept.say(first + b"\0" + second + b"\0")
        kept.conversation.expired()
        self.assertEqual([answer["id"] for answer in answers(kept.peer.take_sent())], [1, 2])

    def test_begun_behind_a_whole_one(self) -> None:
        """What is whole is carried out after the silence, and does not wait for the object that has begun behind it."""
        side = self.bench.connect()
        side.say(TEST[:-1] + b'{"comm')
        side.conversation.expired()
        self.assertEqual((side.peer.sent, side.peer.closed), (SUCCESS, "answered"))
        first, second = (b'{"command_id": "echo", "text": "}{", "id": %d}' % number for number in (1, 2))
        for cut in range(1, len(second)):
            kept = self.bench.connect()
            kept.say(first + second[:cut])
            kept.conversation.expired()
            self.assertEqual([answer["id"] for answer in answers(kept.peer.take_sent())], [1])
            self.assertEqual(kept.peer.kept, cut)
            self.assertEqual([answer["id"] for answer in answers(kept.say(second[cut:] + b"\n"))], [2])

    def test_several_lines(self) -> None:
        """An object may be spread over lines, as ``json.dumps(…, indent=2)`` writes it, however the stream is cut."""
        spread = json.dumps({"command_id": "give", "value": [["}", 1], {"a": "[,"}]}, indent=2).encode()
        wanted = b'{"status":"success","result":[["}",1],{"a":"[,"}]}\n'
        for text in (spread, spread.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + spread, spread.replace(b"\n", b"\n\n")):
            for cut in range(len(text)):
                side = self.bench.connect()
                self.assertEqual(side.say(text[:cut], text[cut:] + b"\n"), wanted, text[:cut])
                self.assertEqual((side.peer.closed, side.peer.kept), ("answered", 0))
            side = self.bench.connect()
            self.assertEqual(side.say(text), b"")
            self.assertEqual(side.peer.expiry, 0.2)
            side.conversation.expired()
            self.assertEqual(side.peer.sent, wanted)
            side = self.bench.connect()
            side.say(text)
            side.conversation.ended()
            self.assertEqual(side.peer.sent, wanted)
        many = json.dumps({"command_id": "give", "value": list(range(100))}, indent=1).encode() + b"\n"
        self.assertEqual(answers(self.bench.connect().say(many)), [{"status": "success", "result": list(range(100))}])

    def test_several_lines_and_not_whole(self) -> None:
        """What is spread over lines is bounded as a line is: in its time, in its length, and by the end of the connection."""
        side = self.bench.connect()
        self.assertEqual(side.say(b'{\n"command_id": "echo",\n'), b"")
        self.assertEqual((side.peer.expiry, side.peer.kept), (0.2, 24))
        self.bench.clock.advance(0.2)
        side.conversation.expired()
        self.assertEqual((side.peer.expiry, side.peer.sent), (3.8, b""))
        self.bench.clock.advance(3.8)
        side.conversation.expired()
        [answer] = answers(side.peer.take_sent())
        self.assertIn("the command did not end within 4 s", answer["error"])
        side = self.bench.connect()
        side.say(b'{\n"command_id": "echo",\n')
        side.conversation.ended()
        [answer] = answers(side.peer.take_sent())
        self.assertIn("not JSON", answer["error"])
        side = self.bench.connect()
        side.say(b'{\n"command_id":\n"ec')
        side.conversation.ended()
        [answer] = answers(side.peer.take_sent())
        self.assertIn("not JSON", answer["error"])
        [answer] = answers(self.bench.connect().say(b"{\n" + b'"a": 1,\n' * (65_536 // 8 + 1)))
        self.assertIn("`max_command`", answer["error"])

    def test_no_newline_and_no_hope(self) -> None:
        """What can never become a command is refused after the silence, and not when the time is up."""
        for said in (TEST[:-1] + b"junk", b"hello", b"[1] x", b"}"):
            side = self.bench.connect()
            self.assertEqual(side.say(said), b"")
            side.conversation.expired()
            [answer] = answers(side.peer.sent)
            self.assertIn("one JSON object in one line", answer["error"])
        for said in (b"\xef\xbb", b"{"):
            side = self.bench.connect()
            side.say(said)
            side.conversation.expired()
            self.assertEqual((side.peer.sent, side.peer.closed), (b"", None))

    def test_what_is_kept(self) -> None:
        """A part of a command counts as memory as long as it is one: until its newline, or the silence that ends it."""
        said = line(command_id="echo", text="x" * 500, id=1)
        side = self.bench.connect()
        side.say(said[:100])
        self.assertEqual(side.peer.kept, 100)
        self.bench.clock.advance(0.2)
        side.conversation.expired()
        self.assertEqual(side.peer.kept, 100)
        side.say(said[100:-1])
        self.assertEqual(side.peer.kept, len(said) - 1)
        side.conversation.expired()
        self.assertEqual((side.state, side.peer.kept), (CommandState.KEPT, 0))
        side.say(b"\0")
        side.conversation.expired()
        self.assertEqual(side.peer.kept, 0)
        side.say(said[:9], said[9:] + said[:7])
        self.assertEqual(side.peer.kept, 7)

    def test_padding(self) -> None:
        """NULs and byte order marks around an object mean nothing: programs in C and C# say them."""
        mark = b"\xef\xbb\xbf"
        for said in (TEST[:-1] + b"\0\n", mark + TEST, b"\0" + mark + b" " + TEST[:-1] + mark + b"\0\0\r\n", TEST + b"\0"):
            self.assertEqual(self.bench.connect().say(said), SUCCESS)
            self.assertEqual(self.bench.connect().say(*(bytes([byte]) for byte in said)), SUCCESS)
        side = self.bench.connect()
        side.say(mark + TEST[:-1] + b"\0")
        side.conversation.expired()
        self.assertEqual(side.peer.sent, SUCCESS)
        side = self.bench.connect()
        side.say(TEST[:-1] + b"\0")
        side.conversation.ended()
        self.assertEqual(side.peer.sent, SUCCESS)

    def test_nothing_but_padding(self) -> None:
        """A NUL alone is no command that has begun: the program has the time that it had."""
        side = self.bench.connect()
        side.say(b"\0")
        self.bench.clock.advance(1)
        side.conversation.expired()
        self.assertEqual((side.peer.expiry, side.peer.closed), (3.0, None))
        self.assertEqual(side.say(TEST), SUCCESS)
        kept = self.bench.connect()
        kept.say(line(command_id="echo", text="", id=1) + b"\0")
        self.bench.clock.advance(100)
        kept.conversation.expired()
        self.assertEqual((kept.peer.expiry, kept.peer.closed), (200.0, None))
        kept.say(b"\0")
        self.bench.clock.advance(201)
        kept.conversation.expired()
        self.assertEqual(kept.peer.expiry, 0.0)

    def test_nan(self) -> None:
        """A program whose JSON has NaN and infinities, as Python's, may say them without an ``id``, and is answered in kind."""
        for said in (b"NaN", b"-Infinity", b'[{"NaN": Infinity, "a": "Infinity \\" NaN"}]'):
            answer = self.bench.connect().say(b'{"command_id": "give", "value": ' + said + b"}\n")
            self.assertEqual(answer, b'{"status":"success","result":' + said.replace(b": ", b":").replace(b", ", b",") + b"}\n")
        [answer] = answers(self.bench.connect().say(b'{"command_id": "give", "value": NaN, "id": 7}\n'))
        self.assertEqual(answer["id"], 7)
        self.assertIn("only commands without `id` may have them", answer["error"])
        [answer] = answers(self.bench.connect().say(b'{"command_id": "nest", "value": NaN}\n'))
        self.assertIn("cannot be written as JSON", answer["error"])

    def test_names(self) -> None:
        """The first of the members that may name the command does; the others are its arguments."""
        bench = Bench(name_member=("command_id", "command", "action"))
        for said, wanted in (
            ({"action": "echo", "text": "a"}, "a"),
            ({"action": "x", "command": "echo", "text": "b"}, "action: no such argument; there are: text"),
            ({"command_id": "give", "value": 1}, 1),
            ({"action": "all_of", "x": 1}, {"action": "all_of", "x": 1}),
            ({"text": "a"}, "`command_id` or `command` or `action` is missing: it names the command to run"),
            ({"action": 3}, "`action` is not text: it names the command to run"),
        ):
            [answer] = answers(bench.connect().say(line(**said)))
            self.assertEqual(answer.get("result", answer.get("error")), wanted)

    def test_silence_switched_off(self) -> None:
        """With ``silence = off`` only the newline counts, or the end."""
        side = Bench(silence=None).connect()
        side.say(TEST[:-1])
        self.assertEqual(side.peer.expiry, 4.0)
        self.assertEqual(side.say(b"\n"), SUCCESS)
        late = Bench(silence=None)
        side = late.connect()
        side.say(TEST[:-1])
        late.clock.advance(4.0)
        side.conversation.expired()
        self.assertIn(b"error", side.peer.sent)

    def test_drip(self) -> None:
        """A byte now and then does not buy time."""
        side = self.bench.connect()
        for _ in range(39):
            self.bench.clock.advance(0.1)
            side.say(b"{")
        self.assertAlmostEqual(side.peer.expiry or 0, 0.1)

    def test_half_close(self) -> None:
        """An object without a newline is taken when the program closes its sending side."""
        side = self.bench.connect()
        side.say(TEST[:-1])
        side.conversation.ended()
        side.conversation.ended()
        self.assertEqual((side.peer.sent, side.peer.closed), (SUCCESS, "answered"))

    def test_half_close_in_the_middle(self) -> None:
        """A part of an object is refused when nothing more can come."""
        side = self.bench.connect()
        side.say(TEST[:10])
        side.conversation.ended()
        self.assertIn("not JSON", answers(side.peer.sent)[0]["error"])

    def test_half_close_without_a_command(self) -> None:
        """Who ends without a command is told so."""
        side = self.bench.connect()
        side.conversation.ended()
        self.assertEqual(answers(side.peer.sent), [{"status": "error", "error": "no command came"}])
        side.conversation.ended()
        self.assertEqual(side.peer.closed, "no command came")

    def test_half_close_while_it_runs(self) -> None:
        """A program may close its sending side at once, and still gets its answer."""
        side = self.bench.connect()
        side.say(line(command_id="later"))
        side.conversation.ended()
        self.bench.finish("done")
        self.assertEqual(answers(side.peer.sent), [{"status": "success", "result": "done"}])

    def test_lost(self) -> None:
        """The outcome of a command whose program has gone goes nowhere, and disturbs nothing."""
        side = self.bench.connect()
        side.say(line(command_id="later"))
        side.conversation.lost()
        self.bench.finish()
        side.conversation.receive(TEST)
        side.conversation.ended()
        self.assertEqual((side.peer.sent, side.peer.closed), (b"", None))


class KeptTests(SynchronousTestCase):
    """Connections that are kept: of newer programs, which give an id, or of all with ``persistent = yes``."""

    def setUp(self) -> None:
        self.bench = Bench()

    def test_id(self) -> None:
        """An ``id`` comes back with the answer, first of all members, and the connection is kept."""
        side = self.bench.connect()
        self.assertEqual(side.say(line(command_id="echo", text="x", id=7)), b'{"id":7,"status":"success","result":"x"}\n')
        self.assertEqual(side.say(line(command_id="test_command", param1=1, id="a")), b'{"id":"a","status":"success"}\n')
        self.assertEqual((side.peer.closed, side.state, side.peer.expiry), (None, CommandState.KEPT, 300.0))

    def test_long_answer(self) -> None:
        """A program that gives an id gets long answers, up to ``max_answer``."""
        side = Bench(max_answer=5000).connect()
        self.assertEqual(len(answers(side.say(line(command_id="echo", text="x" * 4900, id=1)))[0]["result"]), 4900)
        [answer] = answers(side.say(line(command_id="echo", text="x" * 5000, id=2)))
        self.assertEqual((answer["id"], answer["status"]), (2, "error"))
        self.assertIn("return less, or raise `max_answer`", answer["error"])

    def test_long_complaint(self) -> None:
        """A program that gives an id reads all of what is wrong with its command."""
        members = {"x" * 3000: 1}
        [answer] = answers(self.bench.connect().say(line(command_id="test_command", param1=1, id=1, **members)))
        [short] = answers(self.bench.connect().say(line(command_id="test_command", param1=1, **members)))
        self.assertTrue(answer["error"].endswith(": no such argument; there are: param1, param2, param4"), answer)
        self.assertTrue(short["error"].endswith("…"), short)

    def test_errors_keep_it(self) -> None:
        """A command with an id that cannot be run is answered, and the connection is kept."""
        side = self.bench.connect()
        for members in ({"command_id": "nothing"}, {"command_id": "echo"}, {"command_id": "fail", "why": "x"}, {}):
            [answer] = answers(side.say(line(id=3, **members)))
            self.assertEqual((answer["id"], answer["status"]), (3, "error"))
        [answer] = answers(side.say(b"?\n"))
        self.assertNotIn("id", answer)
        self.assertEqual((side.state, side.peer.closed), (CommandState.KEPT, None))

    def test_persistent(self) -> None:
        """With ``persistent = yes`` each line gets its answer, in order, good or bad."""
        side = Bench(persistent=True).connect()
        sent = side.say(TEST + b"?\n" + line(command_id="echo", text="x"))
        self.assertEqual([answer["status"] for answer in answers(sent)], ["success", "error", "success"])
        self.assertIsNone(side.peer.closed)

    def test_order(self) -> None:
        """Commands that come while one runs wait; their answers come in order."""
        side = self.bench.connect()
        side.say(line(command_id="later", id=1) + line(command_id="echo", text="x", id=2))
        self.assertFalse(side.peer.is_reading)
        self.assertEqual(side.say(line(command_id="later", id=3)), b"")
        self.bench.finish("a")
        self.assertEqual([answer["id"] for answer in answers(side.peer.take_sent())], [1, 2])
        self.bench.finish("b")
        self.assertEqual([answer["id"] for answer in answers(side.peer.take_sent())], [3])
        self.assertTrue(side.peer.is_reading)

    def test_others_have_their_turn(self) -> None:
        """Many commands at once are carried out a few at a time, and no more is read meanwhile."""
        side = self.bench.connect()
        side.conversation.receive(line(command_id="echo", text="x", id=1) * (3 * BATCH - 1))
        self.assertEqual((len(self.bench.ran), side.peer.is_reading), (BATCH, False))
        side.take_turn()
        self.assertEqual(len(self.bench.ran), 2 * BATCH)
        side.take_turns()
        self.assertEqual((len(answers(side.peer.sent)), side.peer.is_reading), (3 * BATCH - 1, True))

    def test_long_answers(self) -> None:
        """Commands with long answers are carried out fewer at a time."""
        bench = Bench(max_command=1 << 20)
        side = bench.connect()
        side.conversation.receive(line(command_id="echo", text="x" * 30_000, id=1) * 6)
        self.assertEqual(len(bench.ran), 3)
        side.take_turns()
        self.assertEqual(len(answers(side.peer.sent)), 6)

    def test_a_program_that_does_not_read(self) -> None:
        """Answers are not heaped up for a program that does not read them; it gets them all when it does."""
        side = self.bench.connect()
        side.peer.is_full = True
        side.conversation.receive(line(command_id="echo", text="x", id=1) * (BATCH + 1))
        side.take_turns()
        self.assertEqual((len(self.bench.ran), side.peer.is_reading), (BATCH, False))
        side.peer.is_full = False
        side.peer.flush()
        side.conversation.drained()
        self.assertEqual((len(self.bench.ran), side.peer.is_reading), (BATCH + 1, True))

    def test_idle(self) -> None:
        """A kept connection that stays silent is closed without a word: the program would take it for an answer."""
        side = self.bench.connect()
        side.say(line(command_id="echo", text="x", id=1))
        self.bench.clock.advance(300)
        side.conversation.expired()
        self.assertEqual((side.peer.sent, side.peer.closed), (b"", "idle"))

    def test_idle_from_the_last_command_on(self) -> None:
        """Each command gives the connection its whole time again, though its timer is not moved for each."""
        side = self.bench.connect()
        side.say(line(command_id="echo", text="x", id=1))
        self.assertEqual(side.peer.expiry, 300)
        self.bench.clock.advance(200)
        side.say(line(command_id="echo", text="x", id=2))
        self.bench.clock.advance(100)
        side.conversation.expired()
        self.assertEqual((side.peer.closed, side.peer.expiry), (None, 200))
        self.bench.clock.advance(200)
        side.conversation.expired()
        self.assertEqual(side.peer.closed, "idle")

    def test_blank_lines(self) -> None:
        """Blank lines are no commands: a kept connection on which only they come is closed like a silent one."""
        side = self.bench.connect()
        side.say(line(command_id="echo", text="x", id=1))
        for _ in range(3):
            self.assertEqual(side.peer.expiry, 300)
            self.bench.clock.advance(100)
            side.say(b"\n")
        side.conversation.expired()
        self.assertEqual((side.peer.sent, side.peer.closed), (b"", "idle"))

    def test_complaints_renew_it(self) -> None:
        """A command that is refused is one all the same: the connection stays for the whole time after it."""
        side = self.bench.connect()
        side.say(line(command_id="echo", text="x", id=1))
        self.bench.clock.advance(100)
        side.say(line(command_id="echo", id=2))
        self.assertEqual(side.peer.expiry, 300)

    def test_unfinished(self) -> None:
        """A further command has its own time to arrive, and needs no newline either."""
        side = self.bench.connect()
        said = line(command_id="echo", text="x", id=1)
        side.say(said)
        self.bench.clock.advance(100)
        side.say(said[:-1])
        self.assertEqual(side.peer.expiry, 0.2)
        side.conversation.expired()
        self.assertEqual(answers(side.peer.take_sent())[0]["id"], 1)
        side.say(b"\n{")
        self.bench.clock.advance(4)
        side.conversation.expired()
        self.assertIn("did not end within 4 s", answers(side.peer.take_sent())[0]["error"])
        self.assertEqual(side.peer.closed, "timed out")

    def test_unfinished_while_another_runs(self) -> None:
        """The time in which a command runs is not taken from the next one's time to arrive."""
        side = self.bench.connect()
        side.say(line(command_id="later", id=1) + b'{"id"')
        self.bench.clock.advance(3.9)
        self.bench.finish()
        side.take_turns()
        self.bench.clock.advance(0.2)
        side.conversation.expired()
        self.assertIsNone(side.peer.closed)
        self.assertAlmostEqual(side.peer.expiry or 0, 3.8)

    def test_too_long(self) -> None:
        """A line that is too long ends a kept connection, after what runs has been answered."""
        side = self.bench.connect()
        side.say(line(command_id="later", id=1), b"x" * 65537)
        self.assertIsNone(side.peer.closed)
        side.conversation.receive(TEST)
        self.bench.finish()
        self.assertEqual([answer.get("id") for answer in answers(side.peer.sent)], [1, None])
        self.assertEqual(side.peer.closed, "line too long")

    def test_half_close(self) -> None:
        """All that was said before the end is answered; then the connection ends without a word."""
        side = self.bench.connect()
        side.conversation.receive(line(command_id="later", id=1) + line(command_id="echo", text="x", id=2)[:-1])
        side.conversation.ended()
        self.bench.finish()
        self.assertEqual([answer["id"] for answer in answers(side.peer.sent)], [1, 2])
        self.assertIsNotNone(side.peer.closed)


class StopTests(SynchronousTestCase):
    """The service stops."""

    def test_each_state(self) -> None:
        """What runs is answered first; what waits behind it is not begun; who has said nothing is told why it ends."""
        bench = Bench()
        fresh, kept, running = bench.connect(), bench.connect(), bench.connect()
        kept.say(line(command_id="echo", text="x", id=1))
        running.say(line(command_id="later", id=1) + line(command_id="echo", text="x", id=2))
        for side in (fresh, kept, running):
            side.conversation.finish("netd stops")
        running.conversation.receive(line(command_id="echo", text="x", id=3))
        running.conversation.ended()
        self.assertEqual(answers(fresh.peer.sent), [{"status": "error", "error": "netd stops"}])
        self.assertEqual((kept.peer.sent, kept.peer.closed), (b"", "netd stops"))
        self.assertEqual((running.peer.sent, running.peer.closed), (b"", None))
        bench.finish()
        self.assertEqual(answers(running.peer.sent), [{"id": 1, "status": "success"}])
        self.assertEqual(running.peer.closed, "netd stops")


class TableTests(SynchronousTestCase):
    def test_every_pair(self) -> None:
        """A connection that is being closed stays so, and an input that comes too late changes nothing."""
        bench = Bench()
        self.assertNotIn(CommandState.OVER, {state for state, _ in CommandConversation.TRANSITIONS})
        for state, happened in itertools.product(CommandState, CommandInput):
            if (state, happened) not in CommandConversation.TRANSITIONS:
                side = bench.connect()
                side.conversation.state = state
                side.conversation._step(happened, None)
                self.assertEqual((side.state, side.peer.sent, side.peer.closed), (state, b"", None))


SAMPLES = (
    TEST,
    b"\n" + TEST,
    b'{"command_id": "fail", "why": "\xc3\xa4"}\r\n',
    b"nonsense\n" + TEST,
    line(command_id="echo", text="a\nb", id=1) + line(command_id="nothing", id="2") + b"?\n" + line(command_id="echo", text="c"),
)


class CutTests(SynchronousTestCase):
    """TCP may cut the stream anywhere."""

    def heard(self, *pieces: bytes) -> tuple[bytes, str | None]:
        """What is answered, and how it ends."""
        side = Bench().connect()
        return side.say(*pieces), side.peer.closed

    def test_every_position(self) -> None:
        """Each sample cut at each byte, or into single bytes, is answered alike."""
        for sample in SAMPLES:
            whole = self.heard(sample)
            self.assertEqual(self.heard(*(bytes([byte]) for byte in sample)), whole)
            for at in range(1, len(sample)):
                self.assertEqual(self.heard(sample[:at], sample[at:]), whole)

    def test_one_whole_line(self) -> None:
        """A line that comes in one read is what it is in two, in the log and at the limit, too."""
        for length, ending in itertools.product((0, 1, 98, 99, 100), (b"\n", b"\r\n")):
            line = b"x" * length + ending
            whole, cut = Bench(max_command=100).connect(), Bench(max_command=100).connect()
            self.assertEqual(whole.say(line), cut.say(line[:1], line[1:]))
            self.assertEqual((whole.refused, whole.peer.closed), (cut.refused, cut.peer.closed))
        for ending in (b"\n", b"\r\n"):
            side = Bench(max_command=100).connect()
            side.say(b"x" * 101 + ending)
            self.assertEqual(side.peer.closed, "line too long")

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.binary(max_size=60) | st.sampled_from([b"\n", b"{", b'{"id": 1}\n', TEST, *SAMPLES]), max_size=8))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever bytes come, nothing is raised, and answers are whole lines that say success or error."""
        side: Side = Bench().connect()
        sent = side.say(*pieces)
        side.conversation.ended()
        for answer in answers(sent + side.peer.sent):
            self.assertIn(answer["status"], ("success", "error"))
        self.assertIsNotNone(side.peer.closed)
