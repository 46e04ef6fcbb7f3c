"""Tests of :mod:`netd.reserved`: proofs and names of agents, bots and commands. Devices: ``tests/relay/test_rights.py``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.command.commands import LIST, BadFunctions, Command, read_command
from netd.command.declaration import Declaration
from netd.principal import ANONYMOUS, PROVE_FIRST, Kind, Role
from netd.reserved import NOTHING_RESERVED, owns
from tests.command.bench import Bench as CommandBench
from tests.command.bench import Side as CommandSide
from tests.command.bench import answers, made
from tests.room.bench import Hall
from tests.room.bench import Side as BotSide
from tests.session.bench import HOST, hello
from tests.session.bench import Bench as SessionBench
from tests.session.bench import Side as AgentSide


class NothingTests(SynchronousTestCase):
    def test_outside_of_a_daemon(self) -> None:
        """Where there are no credentials, every name is free."""
        self.assertTrue(owns(NOTHING_RESERVED, ANONYMOUS, Kind.DEVICE, "door-lock"))


def said(session: int | None, **members: Any) -> bytes:
    """The hello of a newer agent."""
    named = {} if session is None else {"session": session}
    return json.dumps({**named, "channels": {"x": {}}, **members}).encode() + b"\n"


class AgentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = SessionBench(accept_unsolicited=True)
        self.token = self.bench.credentials.add("greenhouse", Kind.AGENT)

    def stranger(self, host: str = HOST) -> AgentSide:
        """A data connection that its address does not admit."""
        side = self.bench.connect(host)
        side.peer.principal = ANONYMOUS
        return side

    def test_token(self) -> None:
        """An agent that proves who it is has the name of its credential, whether it says one or not."""
        session, _line = self.bench.await_agent()
        side = self.stranger().say(said(session.number, token=self.token))
        self.assertEqual(("greenhouse", "streaming", None), (session.agent, session.state.value, side.peer.closed))
        self.assertEqual([(Kind.AGENT, Kind.USER)], self.bench.credentials.shown)

    def test_no_proof(self) -> None:
        """A stranger without one is refused, whatever it knows, and the session goes on waiting."""
        session, _line = self.bench.await_agent()
        newer = self.stranger().say(said(session.number))
        self.assertEqual({"error": PROVE_FIRST, "denied": True}, json.loads(newer.peer.take_sent()))
        older = self.stranger().say(b"s1%d" % session.number, b"s2")
        self.assertEqual(("not permitted", PROVE_FIRST), (older.peer.closed, older.why))
        self.assertEqual("awaiting the agent", session.state.value)

    def test_other_names(self) -> None:
        """A token of one agent does not make another of it: neither what it says, nor what an operator calls it."""
        told = json.loads(self.stranger().say(said(None, name="cellar", token=self.token)).peer.take_sent())
        self.assertIn("session.stream for 'cellar' is not permitted", told["error"])
        named = self.bench.start(name="cellar")
        self.assertIs(named, self.bench.roster.find("cellar"))
        told = json.loads(self.stranger().say(said(None, token="netd_made-up")).peer.take_sent())
        self.assertEqual({"error": "unknown token", "denied": True}, told)

    def test_reserved(self) -> None:
        """An agent without the token is not called so; the session that it would have had is not left behind."""
        operator = self.bench.credentials.add("ops", Kind.USER, Role.OPERATOR)
        for members in ({}, {"token": operator}):
            side = self.bench.connect().say(said(None, name="greenhouse", **members))
            self.assertIn("'greenhouse' belongs to the agent whose credential has it", side.why)
            self.bench.clock.advance(1)
            self.assertEqual([], self.bench.roster.live())

    def test_number(self) -> None:
        """No number behind a name makes the name of somebody else's credential of it."""
        self.bench.credentials.add("cellar-2", Kind.AGENT)
        for host in ("10.0.0.5", "10.0.0.6", "10.0.0.7"):
            self.assertEqual("", self.bench.connect(host).say(said(None, name="cellar")).why)
        self.assertEqual(["cellar", "cellar-3", "cellar-4"], [session.agent for session in self.bench.roster.live()])

    def test_cut_token(self) -> None:
        """The log has no part of a token, wherever the hello was cut."""
        whole = said(None, name="cellar", token="netd_AbCdEfGhIjKlMnOpQrStUv")
        for cut in range(1, len(whole)):
            side = self.stranger().say(whole[:cut], whole[cut:])
            [(_kind, excerpt)] = side.refused
            self.assertEqual(whole[:60], excerpt[:60])

    def test_given_name(self) -> None:
        """A session that an operator has called so is for the agent that proves it."""
        session = self.bench.start(name="greenhouse")
        self.bench.dialled[-1].session.connected(self.bench.connect().peer)
        self.bench.clock.advance(0)
        self.assertIn("belongs to the agent", self.bench.connect().say(said(session.number)).why)
        self.assertEqual("", self.stranger().say(said(session.number, token=self.token)).why)
        self.assertEqual("streaming", session.state.value)

    def test_every_cut(self) -> None:
        """However the hello is cut, it proves the same; a byte order mark and NULs cost nothing."""
        whole = said(None, token=self.token)
        pieces = [[whole[:cut], whole[cut:]] for cut in range(1, len(whole))]
        for parts in [*pieces, [b"\xef\xbb\xbf" + whole], [whole[:-1] + b"\0\n"]]:
            side = self.stranger()
            side.say(*parts)
            self.assertEqual(("greenhouse", ""), (side.peer.principal.name, side.why))
            side.lose()
            self.bench.clock.advance(1)

    def test_half_a_hello(self) -> None:
        """Half a hello proves nothing, and its time is bounded; one of a stranger has 4 KiB, a token is a text."""
        side = self.stranger().say(said(None, token=self.token)[:-5])
        self.assertIn("timed out in the middle of a hello", side.expire().why)
        self.assertIn("at most 4096 bytes", self.stranger().say(b'{"a": "' + b"x" * 5000).why)
        self.assertIn("`token` is a text", self.stranger().say(said(None, token=5)).why)
        self.assertIn("it was left out, and all else counts", self.bench.connect().say(hello(None, x={"label": "x" * 5000})).why)


class BotTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hall = Hall()
        self.token = self.hall.credentials.add("Ann", Kind.BOT)

    def stranger(self) -> BotSide:
        """A connection that its address does not admit."""
        side = self.hall.connect()
        side.peer.principal = ANONYMOUS
        return side

    def line(self, **members: Any) -> bytes:
        """A hello."""
        return json.dumps(members).encode() + b"\n"

    def test_token(self) -> None:
        """A bot that says name and token in its first line has a place, and reads lines."""
        for members in ({"name": "Ann"}, {}):
            side = self.stranger()
            side.say(self.line(token=self.token, **members))
            self.assertIn(b"Bot: Ann has been sucessfully connected", b"".join(side.hear()))
            side.lose()

    def test_every_cut(self) -> None:
        """However the line is cut, and however long the pause in it is, it is not taken for the name of an old bot."""
        whole = self.line(name="Ann", token=self.token)
        pieces = [[whole[:cut], whole[cut:]] for cut in range(3, len(whole))]
        for parts in [*pieces, [b"\xef\xbb\xbf" + whole], [whole[:-1] + b"\0\n"]]:
            side = self.stranger()
            for part in parts:
                self.hall.clock.advance(1)
                side.say(part)
            self.assertEqual("Ann", side.conversation.seat and side.conversation.seat.name, parts)
            side.lose()

    def test_half_a_hello(self) -> None:
        """Half a hello is no name, and is dismissed in time; one of more than 1 KiB is refused."""
        side = self.stranger()
        side.say(self.line(name="Ann", token=self.token)[:20])
        self.hall.clock.advance(9)
        self.assertIn(b"No name came within", b"".join(side.hear()))
        long = self.stranger()
        long.say(b'{"name": "' + b"x" * 2000)
        self.assertIn(b"Your name is too long", b"".join(long.hear()))

    def test_refused(self) -> None:
        """Strangers without a token, wrong ones, those of another bot, and hellos that are none: each learns why."""
        bob = self.hall.credentials.add("Bob", Kind.BOT)
        for first, why in (
            (b"Eve\n", PROVE_FIRST),
            (self.line(name="Eve", token="netd_made-up"), "unknown token"),
            (self.line(name="Ann", token=bob), "room.join for 'Ann' is not permitted: the bot Bob may do it for Bob alone"),
            (self.line(name=5, token=bob), "`name` is a text"),
            (self.line(name="Ann", token=5), "Your hello is wrong: `token` is a text"),
            (b'{"name": "Ann"\n', "Your hello is wrong: "),
            (self.line(name=""), "Your name is empty"),
        ):
            side = self.stranger()
            side.say(first)
            self.assertIn(why, b"".join(side.hear()).decode())
        self.assertEqual(0, len(self.hall.rooms))

    def test_reserved(self) -> None:
        """Nobody is Ann without her token, on this machine neither; and that is an event."""
        for said_first in (b"Ann\n", b"Ann"):
            side = self.hall.connect()
            side.say(said_first)
            self.hall.clock.advance(1)
            self.assertIn(b"the name 'Ann' belongs to the bot whose credential has it", b"".join(side.hear()))
        refused: list[Any] = self.hall.bus.events("room.main.refused")
        self.assertEqual([("Ann", "127.0.0.1:50412", "")] * 2, [(one.bot, one.address, one.holder) for one in refused])

    def test_names_with_braces(self) -> None:
        """A name that only looks a little like JSON is a name."""
        for name in ("{x}", "{Ann", "[Ann]"):
            side = self.hall.bot(f"{name}\n")
            self.assertEqual(name, side.conversation.seat and side.conversation.seat.name)


class CommandTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = CommandBench()
        self.token = self.bench.credentials.add("nightly", Kind.COMMAND, only=("echo",))

    def stranger(self) -> CommandSide:
        """A connection that its address does not admit."""
        side = self.bench.connect()
        side.peer.principal = ANONYMOUS
        return side

    def ask(self, side: CommandSide, command_id: str = "echo", **members: Any) -> dict[str, Any]:
        """The answer to a command."""
        [found] = answers(side.say(json.dumps({"command_id": command_id, **members}).encode() + b"\n"))
        return found

    def test_token(self) -> None:
        """The token is taken out before the function sees the object; a kept connection stays proved."""
        side = self.stranger()
        for number, proof in enumerate([{"token": self.token}, {}, {"token": None}]):
            told = self.ask(side, text="x", id=number, **proof)
            self.assertEqual({"id": number, "status": "success", "result": "x"}, told)
        self.assertEqual([("echo", {"text": "x"})] * 3, self.bench.ran)
        self.assertEqual([(Kind.COMMAND, Kind.USER)], self.bench.credentials.shown)

    def test_whole_object(self) -> None:
        """A function that takes the whole object does not see the token either."""
        side = self.bench.connect()
        ops = self.bench.credentials.add("ops", Kind.USER, Role.OPERATOR)
        self.ask(side, "all_of", a=1, token=ops)
        self.assertEqual([("all_of", {"data": {"command_id": "all_of", "a": 1}})], self.bench.ran)

    def test_no_proof(self) -> None:
        """A stranger learns what it takes, and not which commands there are."""
        for command_id in ("echo", "nothing", "command.list"):
            self.assertEqual({"status": "error", "error": PROVE_FIRST, "denied": True}, self.ask(self.stranger(), command_id))
        self.assertEqual([], self.bench.ran)

    def test_wrong_proof(self) -> None:
        """A wrong token is not forgiven, whatever the address; one that is no text is a mistake."""
        for side in (self.stranger(), self.bench.connect()):
            self.assertEqual(
                ("unknown token", True), (told := self.ask(side, token="netd_no"))["error"] and (told["error"], True)
            )
        told = self.ask(self.bench.connect(), text="x", token=5)
        self.assertEqual((True, False), ("`token` is a text" in told["error"], "denied" in told))
        self.assertEqual([], self.bench.ran)

    def test_guessing(self) -> None:
        """A wrong token ends a connection that is kept, too: nobody tries one after the other on it."""
        side = self.bench.connect()
        self.assertEqual("success", self.ask(side, text="x", id=1)["status"])
        told = self.ask(side, text="x", id=2, token="netd_no")
        self.assertEqual(
            ({"id": 2, "status": "error", "error": "unknown token", "denied": True}, "not permitted"), (told, side.peer.closed)
        )
        self.assertEqual(1, len(self.bench.ran))

    def test_only(self) -> None:
        """A token runs the commands that it is for, and no other; of the list, it sees these."""
        told = self.ask(self.stranger(), "fail", token=self.token)
        self.assertIn("command.run for 'fail' is not permitted: the command nightly may do it for echo alone", told["error"])
        self.assertTrue(told["denied"])

    def test_roles(self) -> None:
        """A command takes the role that it declares; the list has those alone that the caller may run."""
        commands, listed = self.bench.context.commands, {}
        roles = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
        for command_id, least in (("look", "viewer"), ("reset", "admin")):
            commands.add(read_command(Declaration(command_id, lambda: "done", False, None, least)))

        def list_them(is_shown: Callable[[Command], bool]) -> list[str]:
            return [one.command_id for one in commands.describe(is_shown)]

        commands.add(Command(LIST, list_them, False, (), False, "", "", ""))
        for role in roles:
            token = self.bench.credentials.add(role.name.lower(), Kind.USER, role)
            said = [("look", {}), ("echo", {"text": "x"}), ("reset", {})]
            runs = [self.ask(self.stranger(), one, token=token, **members)["status"] for one, members in said]
            self.assertEqual(["success" if role >= one else "error" for one in roles], runs)
            listed[role] = self.ask(self.stranger(), LIST, token=token)["result"]
        self.assertEqual(["command.list", "look"], listed[Role.VIEWER])
        self.assertEqual({"reset"}, set(listed[Role.ADMIN]) - set(listed[Role.OPERATOR]))
        self.assertEqual(["command.list", "echo"], self.ask(self.stranger(), LIST, token=self.token)["result"])
        self.assertEqual(listed[Role.OPERATOR], self.ask(self.bench.connect(), LIST)["result"])
        self.assertIn("needs the role admin", self.ask(self.bench.connect(), "reset")["error"])
        self.assertEqual("there is no command 'rese'", self.ask(self.bench.connect(), "rese")["error"])
        self.assertIn("did you mean 'reset'?", self.ask(self.stranger(), "rese", token=token)["error"])

    def test_argument(self) -> None:
        """Where no tokens are taken, a member of that name is an argument, as it was."""
        self.bench.credentials.takes_tokens = False
        self.ask(self.bench.connect(), "all_of", token="netd_x")
        self.assertEqual([("all_of", {"data": {"command_id": "all_of", "token": "netd_x"}})], self.bench.ran)

    def test_parameter(self) -> None:
        """A function cannot have such a parameter where tokens are taken: it would never get a value."""

        def unlock(token: str) -> None:
            """Unlock."""

        commands = self.bench.context.commands
        commands.check_names()
        commands.add(made(unlock))
        self.assertIn("call the parameter something else", str(self.assertRaises(BadFunctions, commands.check_names)))
