"""Tests of :mod:`netd.cli.bot`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

from click.testing import Result
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.bot import CHARACTERS
from netd.cli.invocation import CliSurroundings
from netd.client import room
from netd.client.room import Exchange, Heard, Refused
from tests.cli.fakes import CommandTests

EXCHANGE = Exchange(Heard("Batman: Do you want to \x1b[2Jplay?", "Batman", "play", 0, False), "Lars: yes")

Happening = Exchange | BaseException | Callable[[], object]
"""An exchange, an error, or what is called."""


class FakeBot:
    """A bot whose room is what the test says."""

    def __init__(self, *happens: Happening) -> None:
        self._happens = happens
        self.is_closed = False

    def exchanges(self) -> Iterator[Exchange]:
        """What happens, in order."""
        for one in self._happens:
            if isinstance(one, BaseException):
                raise one
            if isinstance(one, Exchange):
                yield one
            else:
                one()

    def close(self) -> None:
        """Write it down."""
        self.is_closed = True


class BotTests(CommandTests):
    def netd_bot(self, *happens: Happening, arguments: tuple[str, ...] = ()) -> Result:
        """Run ``netd bot`` in a room where *happens* happens."""
        self.bot = FakeBot(*happens)
        return self.netd("bot", "--name", "Lars", *arguments)

    def _surroundings(self) -> CliSurroundings:
        return dataclasses.replace(super()._surroundings(), open_bot=self.open_bot)

    def open_bot(self, *arguments: Any) -> FakeBot:
        """Stands in for :class:`netd.client.room.Bot`."""
        *self.opened_with, self.welcome = arguments
        if arguments[2] == "La\trs":
            raise ValueError("cannot name a bot")
        return self.bot

    def test_life(self) -> None:
        """What was heard and replied is shown, harmlessly; the command ends with the room."""
        result = self.netd_bot(EXCHANGE)
        self.assertEqual((result.exit_code, result.stdout), (0, "Batman: Do you want to \\x1b[2Jplay?\n> Lars: yes\n"))
        self.assertEqual(result.stderr, "netd: the room is over\n")
        self.assertTrue(self.bot.is_closed)

    def test_waits(self) -> None:
        """A bot that has a place says how full the room is; a refusal, and what is no welcome, is no place."""
        text = "Bot: Lars has been sucessfully connected\n1/4 bots have been connected soo far\n waiting"
        result = self.netd_bot(lambda: self.welcome(text), lambda: self.welcome("\x1b full"), EXCHANGE)
        self.assertEqual(result.stderr, "netd: the bot waits in the room: 1 of 4 are there\nnetd: the room is over\n")

    def test_options(self) -> None:
        """Where to connect, and who to be, are the person's choice."""
        self.netd_bot()
        self.assertEqual(self.opened_with, ["127.0.0.1", 4242, "Lars", "happy", "old"])
        self.netd_bot(arguments=("--host", "lab", "--port", "7", "--character", "grumpy", "--dialect", "netd"))
        self.assertEqual(self.opened_with, ["lab", 7, "Lars", "grumpy", "netd"])

    def test_json(self) -> None:
        """With --json each exchange is one line of JSON."""
        result = self.netd_bot(EXCHANGE, arguments=("--json",))
        self.assertEqual(
            json.loads(result.stdout),
            {"turn": 0, "speaker": "Batman", "text": EXCHANGE.heard.text, "reply": "Lars: yes"},
        )

    def test_refused(self) -> None:
        """A room that refuses ends the command with its words, escaped, and exit code 1."""
        result = self.netd_bot(Refused("the room refused: \x1b taken"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("the room refused: \\x1b taken", result.stderr)

    def test_interrupted(self) -> None:
        """Ctrl-C leaves the room."""
        result = self.netd_bot(EXCHANGE, KeyboardInterrupt())
        self.assertEqual((result.exit_code, result.stderr), (0, "netd: the bot has left\n"))
        self.assertTrue(self.bot.is_closed)

    def test_wrong_usage(self) -> None:
        """What cannot be is wrong usage, said at once."""
        self.assertEqual(self.netd_bot(arguments=("--name", "La\trs")).exit_code, 2)
        self.assertEqual(self.netd_bot(arguments=("--character", "cheeky")).exit_code, 2)


class CharacterTests(SynchronousTestCase):
    def test_the_same_characters(self) -> None:
        """The command offers exactly the characters that the client ships."""
        self.assertEqual(CHARACTERS, tuple(room.CHARACTERS))
