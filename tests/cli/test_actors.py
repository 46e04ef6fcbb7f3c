"""Tests of :mod:`netd.cli.actors`: what each says of what it does, with clients that are not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.cli.actors import AbsentPart, AgentPart, BotPart, CommandsPart, ControllerPart, DevicePart, FeedPart, Part
from netd.cli.relay import RelayPlace
from netd.client.control import NoSuchTarget, NotRunning, OperationFailed
from netd.client.feed import Block, Sample
from netd.client.relay import Outcome
from netd.client.room import Exchange, Heard
from tests.cli.fakes import FakeMessage

PLACE = RelayPlace("127.0.0.1", 7)


class FakeClient:
    """Any client: it is given what to do, and notes what was asked of it.

    :ivar is_closed: whether it was closed.
    """

    def __init__(self, part: Part | None = None) -> None:
        self.is_closed = False
        self.trouble: OSError | None = None
        self.opened_with: tuple[Any, ...] = ()
        self.messages: list[FakeMessage] = []
        self.asked: list[tuple[Any, ...]] = []
        self.heard: list[str] = []
        self.options: dict[str, Any] = {}
        self.result: Any = 3
        self.results: dict[str, Any] = {}
        self.result_after_run: Any = None

    def open(self, *arguments: Any, **options: Any) -> FakeClient:
        """Stands in for the client's class."""
        self.opened_with, self.options = arguments, options
        return self

    def close(self) -> None:
        """Note it."""
        self.is_closed = True

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[FakeMessage]:
        return iter(self.messages)

    def send(self, *arguments: Any, **options: Any) -> Outcome:
        """As a controller."""
        self.asked.append(arguments)
        self.part.over.set()
        return Outcome("acknowledged", b"21 \xff")

    def call(self, name: str, **arguments: Any) -> Any:
        """As a caller of commands, or a control connection."""
        self.asked.append((name, arguments))
        self.part.over.set()
        result = self.results.get(name, self.result)
        if isinstance(result, Exception):
            raise result
        return result

    def listen(self) -> None:
        """As an agent."""
        self.asked.append(("listen",))
        if self.trouble is not None:
            raise self.trouble

    def run(self) -> None:
        """As an agent, for one session."""
        self.asked.append(("run",))
        channels, hooks = self.opened_with[0], self.options["hooks"]
        hooks.started(42, "127.0.0.1")
        for channel in channels.values():
            channel.source()
        hooks.stopped("netd stopped it")
        self.result = self.result_after_run

    def exchanges(self) -> Iterator[Exchange]:
        """As a bot."""
        heard = Heard("Batman: eat?", "Batman", "eat", 0, False)
        self.part.over.set()  # it does not think
        yield Exchange(heard, self.opened_with[3]("Ada", heard))

    def blocks(self, size: int) -> Iterator[Block]:
        """As a feed."""
        samples = tuple(Sample("text", "word " * 40, 0.0, seq) for seq in range(size))
        yield Block(1, samples, 2.04)

    part: Part


class ActorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = FakeClient()
        self.told: list[str] = []

    def play(self, part: Any) -> None:
        """Play a part once."""
        self.client.part = part
        part.run(self.told.append)

    def test_device(self) -> None:
        """The device answers whatever it is asked."""
        self.client.messages = [FakeMessage(b"light on"), FakeMessage(b"temperature?"), FakeMessage(b"\xff")]
        self.play(DevicePart("demo-device", PLACE, self.client.open))
        replies = [message.replies for message in self.client.messages]
        self.assertEqual(
            replies, [[("acknowledged", "done: light on")], [("acknowledged", "21.5 °C")], [("acknowledged", "done: \ufffd")]]
        )
        self.assertEqual(self.told[0], "demo-device waits for requests")
        self.assertEqual(self.told[2], "2 requests answered; temperature? → 21.5 °C")
        self.assertEqual(self.client.opened_with, ("127.0.0.1", 7, "demo-device"))

    def test_controller(self) -> None:
        """The controller tells what became of its request."""
        controller = ControllerPart("demo-device", PLACE, self.client.open, pause=0.0)
        self.play(controller)
        self.assertEqual(self.told, ["light on: acknowledged 21 \ufffd"])
        self.assertTrue(self.client.is_closed)

    def test_commands(self) -> None:
        """A command has its result."""
        self.play(CommandsPart(PLACE, self.client.open))
        self.assertEqual((self.client.asked, self.told), ([("add", {"first": 1, "second": 2})], ["add 1 + 2 = 3"]))

    def test_feed(self) -> None:
        """A client of the feed counts its blocks, and shows the beginning of the last value."""
        self.play(FeedPart("text", 5, "old", PLACE, self.client.open))
        self.assertEqual(self.client.opened_with, ("127.0.0.1", 7, ("text",), "client-text"))
        self.assertEqual(self.told, ["block 1: 5 samples in 2.0 s, the last one: " + "word " * 12])
        self.assertTrue(self.client.is_closed)
        self.play(FeedPart("text", 1, "old", PLACE, self.client.open))
        self.assertIn("block 1: 1 sample in ", self.told[1])

    def test_bot(self) -> None:
        """A bot waits, and answers in character."""
        self.play(BotPart("Ada", "happy", "old", PLACE, self.client.open))
        self.assertEqual(self.told, ["waits for a room to fill", "I think eating sounds great! Awesome!"])

    def test_agent(self) -> None:
        """The agent listens before netd is asked to dial it, shows its values, and has netd end the session with it."""
        self.client.result = {"session": 42}
        self.play(AgentPart(PLACE, 10001, lambda: self.client, lambda: 0.5, self.client.open))  # type: ignore[arg-type, return-value]
        call = ("session.start", {"host": "127.0.0.1", "wait": False})
        stop = ("session.stop", {"session": 42})
        self.assertEqual(self.client.asked, [("listen",), call, ("run",), stop])
        self.assertEqual(self.told[-2:], ["session 42: heart 68.5, breathing 0.022, movement 0.005", "netd stopped it"])
        self.assertTrue(self.client.is_closed)
        self.assertEqual((self.client.options["port"], self.client.options["server_port"]), (10001, 7))

    def test_agent_of_an_earlier_netd(self) -> None:
        """A netd that was restarted dials the agent by itself: its session is taken, and ended with the agent."""
        refused = OperationFailed("127.0.0.1 has session 7 (dialling) already", -32000)
        part = AgentPart(PLACE, 10001, lambda: self.client, lambda: 0.5, self.client.open)  # type: ignore[arg-type, return-value]
        rows = [{"session": 3, "state": "ended"}, {"session": 7, "state": "dialling"}]
        self.client.results = {"session.start": refused, "session.list": {"rows": rows}}
        self.play(part)
        self.assertEqual(("session.stop", {"session": 7}), self.client.asked[-1])
        self.client.results["session.list"] = {"rows": rows[:1]}
        self.assertRaises(OperationFailed, self.play, part)

    def test_agent_of_a_stopped_netd(self) -> None:
        """A session that netd has ended first, or together with itself, needs no stop."""
        for gone in (NotRunning("netd is not running here"), NoSuchTarget("no session '42'", -32001)):
            with self.subTest(gone):
                self.client.result = {"session": 42}
                self.client.result_after_run = gone
                self.play(AgentPart(PLACE, 10001, lambda: self.client, lambda: 0.5, self.client.open))  # type: ignore[arg-type, return-value]
                self.assertEqual(self.told[-1], "netd stopped it")

    def test_agent_without_a_port(self) -> None:
        """An agent whose port is taken names it, and who has it likely; for any other trouble, what the system says."""
        for number, said in ((98, "port 10001 is taken: end the other demo"), (13, "on port 10001, .*: Permission denied")):
            with self.subTest(number):
                self.client.trouble = OSError(number, os.strerror(number))
                part = AgentPart(PLACE, 10001, lambda: self.client, lambda: 0.5, self.client.open)  # type: ignore[arg-type, return-value]
                with self.assertRaisesRegex(OSError, said):
                    self.play(part)
                self.assertTrue(self.client.is_closed)

    def test_absent(self) -> None:
        """The part of a service that does not run says so, and waits for the end."""
        part = AbsentPart("device", "relay")
        part.close()
        self.play(part)
        self.assertEqual(self.told, ["this netd has no [relay] that a program on this machine reaches over TCP"])

    def test_closed_too_early(self) -> None:
        """A client that is opened when the part is over already is closed at once; one that is there, with the part."""
        part = Part("x")
        other = FakeClient()
        part.hold(other)
        part.close()
        part.hold(self.client)
        self.assertTrue(other.is_closed and self.client.is_closed)
