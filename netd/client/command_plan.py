"""What a caller of commands does, whatever way it goes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from netd.client.command_messages import (
    LIST,
    AnswerDecoder,
    ConnectionLost,
    NotConnected,
    NotInTime,
    command_line,
    command_members,
    is_for,
    result_of,
)
from netd.client.way import Connection, Program, Server, W, Way, check_port

__all__ = ["CommandCalls", "CommandProgram"]

HOST = "127.0.0.1"
PORT = 65432
TIMEOUT = 5.0
"""Seconds to connect in, and seconds to be answered in."""

COMMAND_SERVER = Server("the command server", NotConnected, ConnectionLost, NotInTime)


class CommandCalls:
    """Runs commands, one at a time, over one connection, which is kept where the server keeps it.

    :param timeout: seconds to connect in, and seconds to be answered in.
    """

    def __init__(self, way: Way, host: str, port: int, timeout: float) -> None:
        check_port(port)
        self._way = way
        self._place = (host, port)
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self._connection: Connection | None = None
        self._answers = AnswerDecoder()

    async def call(self, command_id: str, arguments: Mapping[str, Any] | None, more: Mapping[str, Any]) -> Any:
        """Run a command and return its result."""
        number = next(self._numbers)
        return result_of(await self.ask(command_line({**command_members(command_id, arguments, more), "id": number}), number))

    async def commands(self) -> list[dict[str, Any]]:
        """What the server's commands are called and take."""
        listed = await self.call(LIST, None, {})
        return list(listed) if isinstance(listed, list) else []

    async def ask(self, line: bytes, number: int | None) -> dict[str, Any]:
        """The answer to the command in *line*, which has this *number*, or none.

        :raises CommandError: when none comes.
        """
        connection = await self._ready()
        answer: dict[str, Any] = {}
        try:
            end = self._way.now() + self._timeout
            await connection.send(line, end)
            answer = await self._answer(connection, number, end)
        finally:
            if "id" not in answer:  # an old server, which closes now; or it went wrong, and the answer would seem the next one's
                self._connection = None
                await connection.leave()
        return answer

    async def _answer(self, connection: Connection, number: int | None, end: float) -> dict[str, Any]:
        while True:
            answer = self._answers.next_answer()
            if answer is None:
                self._answers.feed(await connection.receive_by(end))
            elif number is None or is_for(number, answer):
                return answer

    async def _ready(self) -> Connection:
        if self._connection is not None and not await self._is_idle(self._connection):
            await self._connection.leave()
            self._connection = None
        if self._connection is None:
            self._connection = await self._way.reach(COMMAND_SERVER, *self._place, self._timeout)
            self._connection.patience = 0.0  # what was said last was answered
            self._answers = AnswerDecoder()
        return self._connection

    async def _is_idle(self, connection: Connection) -> bool:
        """Whether the server has neither hung up nor said anything unasked."""
        try:
            return self._answers.is_empty and await connection.receive(0) is None
        except ConnectionLost:
            return False


class CommandProgram(Program[W]):
    """What makes a caller of commands, whatever way it goes.

    :param timeout: seconds to connect in, and seconds to be answered in.
    :raises ValueError: when the port cannot be.
    """

    def __init__(
        self,
        host: str = HOST,
        port: int = PORT,
        timeout: float = TIMEOUT,
        *,
        surroundings: Any = None,
    ) -> None:
        super().__init__(surroundings)
        self._calls = CommandCalls(self._way, host, port, timeout)
