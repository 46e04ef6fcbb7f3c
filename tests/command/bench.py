"""A workbench for the machine of the command service: functions, a clock, and connections without a network."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen
from twisted.internet.task import Clock

from netd.command.commands import Command, Commands, read_command
from netd.command.config import Config
from netd.command.declaration import Declaration
from netd.command.machine import CommandConversation, CommandState
from netd.command.preparation import CommandContext, ReportedOutcome
from netd.principal import Kind
from netd.testing import RecordingPeer
from tests.credentials import Credentials

TEST = b'{"command_id": "test_command", "param1": 100, "param4": [1, 2, "text"]}\n'
SUCCESS = b'{"status":"success"}\n'


@frozen
class Told:
    """An outcome, as the machine sees it."""

    result: Any = None
    error: str = ""


def made(function: Callable[..., Any], command_id: str = "", **options: Any) -> Command:
    """The command that *function* is, under its own name or another."""
    blocking, whole = options.get("blocking", False), options.get("whole")
    return read_command(Declaration(command_id or function.__name__, function, blocking, whole))


def answers(sent: bytes) -> list[dict[str, Any]]:
    """The answers in *sent*, which ends with a newline unless it is empty."""
    assert not sent or sent.endswith(b"\n"), sent
    return [json.loads(line) for line in sent.splitlines()]


def test_command(param1: int, param2: str = "", param4: list[Any] | None = None) -> None:
    """Take what the wire page shows."""


def echo(text: str) -> str:
    """Give *text* back."""
    return text


def give(value: Any) -> Any:
    """Give *value* back, whatever it is."""
    return value


def nest(value: Any) -> list[Any]:
    """Return what no JSON can say, *value* in it."""
    return [value, object()]


def all_of(data: dict[str, Any]) -> dict[str, Any]:
    """Give the whole object back."""
    return data


def fail(why: str) -> None:
    """Raise *why*."""
    raise ValueError(why)


def odd() -> object:
    """Return what no JSON can say."""
    return object()


Run = Callable[[Command, dict[str, Any], Callable[[ReportedOutcome], None], Callable[[], str]], None]
"""How commands are run."""

RULES = Config(max_command=65536, name_member=("command_id",))


def measure() -> object:
    """Return what was measured, and what could not be."""
    return {"values": [1.5, None, float("nan")], "text": "null"}


def later() -> None:
    """Return when the test says so: :meth:`Side.finish`."""


class Side:
    """One connection; also the shell of its conversation.

    :ivar refused: kind and excerpt of each refusal.
    :ivar why: the words of the last one.
    :ivar deferred: what is to be called when others have had their turn.
    :ivar unanswered: commands whose results could not travel.
    :ivar failures: faults of netd's own.
    """

    def __init__(self, context: CommandContext, credentials: Credentials) -> None:
        self.credentials = credentials
        self.peer = RecordingPeer()
        self.refused: list[tuple[str, bytes]] = []
        self.why = ""
        self.is_identified = False
        self.deferred: list[Callable[[], None]] = []
        self.unanswered: list[str] = []
        self.failures: list[BaseException | None] = []
        self.conversation = CommandConversation(context, self.peer, self)
        self.conversation.begin()

    def later(self, callback: Callable[[], None]) -> None:
        """From the conversation."""
        self.deferred.append(callback)

    def identified(self) -> None:
        """From the machine."""
        self.is_identified = True

    def prove(self, text: str, *kinds: Kind) -> None:
        """From the machine."""
        self.credentials.prove(self.peer, text, *kinds)

    @property
    def takes_tokens(self) -> bool:
        """For the conversation."""
        return self.credentials.takes_tokens

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """From the conversation."""
        self.refused.append((kind, excerpt))
        self.why = why

    def describe(self) -> str:
        """Its address."""
        return "10.0.0.7:50000"

    def failed(self) -> None:
        """From the conversation."""
        self.failures.append(sys.exception())

    def unanswerable(self, command: Command, why: str) -> None:
        """From the conversation."""
        self.unanswered.append(command.command_id)

    def say(self, *pieces: bytes) -> bytes:
        """Deliver *pieces*, let everyone have their turn, and return what was answered."""
        for piece in pieces:
            if self.peer.closed is None:
                self.conversation.receive(piece)
                self.take_turns()
        return self.peer.take_sent()

    def take_turns(self) -> None:
        """Others have had their turn, again and again."""
        while self.take_turn():
            pass

    def take_turn(self) -> bool:
        """Others have had their turn; whether anything was waiting for that."""
        self.peer.flush()
        if self.deferred:
            self.deferred.pop(0)()
            return True
        return False

    @property
    def state(self) -> CommandState:
        """How far it is."""
        return self.conversation.state


class Bench:
    """The rules, the clock, and the functions that have not returned yet.

    :ivar ran: ``command_id`` and arguments of each run.
    :ivar open: what is to be told the outcome of ``later``, in order.
    """

    def __init__(self, run: Run | None = None, **rules: Any) -> None:
        self.clock = Clock()
        self.credentials = Credentials()
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.open: list[Callable[[ReportedOutcome], None]] = []
        commands = Commands([made(function) for function in (test_command, echo, give, nest, all_of, fail, odd, measure, later)])
        self.context = CommandContext(evolve(RULES, **rules), commands, run or self._run, self.clock.seconds, "command.main")

    def connect(self) -> Side:
        """A connection that has said nothing."""
        return Side(self.context, self.credentials)

    def finish(self, result: Any = None) -> None:
        """The oldest ``later`` returns."""
        self.open.pop(0)(Told(result))

    def _run(
        self,
        command: Command,
        arguments: dict[str, Any],
        report: Callable[[ReportedOutcome], None],
        _caller: Callable[[], str],
    ) -> Told | None:
        self.ran.append((command.command_id, arguments))
        if command.command_id == "later":
            self.open.append(report)
            return None
        try:
            return Told(command.function(**arguments))
        except ValueError as error:
            return Told(error=str(error))
