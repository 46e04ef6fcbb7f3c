"""What a caller of commands does, whatever way it goes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from typing import Any

from netd.client.command_messages import (
    GREATEST_PROOF,
    LIST,
    TOKEN,
    AnswerDecoder,
    ConnectionLost,
    NotConnected,
    NotInTime,
    command_line,
    command_members,
    is_for,
    result_of,
)
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
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

    def __init__(self, way: Way, host: str, port: int, timeout: float, token: ClientToken) -> None:
        check_port(port)
        self._token = token
        self._is_proved = False
        self._way = way
        self._place = (host, port)
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self._connection: Connection | None = None
        self._answers = AnswerDecoder()

    async def call(self, command_id: str, arguments: Mapping[str, Any] | None, more: Mapping[str, Any]) -> Any:
        """Run a command and return its result."""
        members = command_members(command_id, arguments, more)
        if self._token.is_given and TOKEN in members:
            raise ValueError(f"{TOKEN}: no argument can have this name where the program has a token")
        if self._is_long(members):
            result_of(await self._ask_numbered({"command_id": LIST}))
        return result_of(await self._ask_numbered(members))

    def _is_long(self, members: dict[str, Any]) -> bool:
        """Whether the token must travel with another command, because the server would not read this one to its end."""
        return self._token.is_given and not self._is_proved and len(command_line(members)) > GREATEST_PROOF // 2

    async def _ask_numbered(self, members: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        return await self.ask({**members, "id": number}, number)

    async def commands(self) -> list[dict[str, Any]]:
        """What the server's commands are called and take."""
        listed = await self.call(LIST, None, {})
        return list(listed) if isinstance(listed, list) else []

    async def ask(self, members: Any, number: int | None) -> dict[str, Any]:
        """The answer to the command *members*, which has this *number*, or none.

        :raises CommandError: when none comes.
        :raises TypeError: when something in it cannot be JSON.
        :raises ValueError: likewise.
        """
        line = command_line(members)
        connection = await self._ready()
        answer: dict[str, Any] = {}
        try:
            end = self._way.now() + self._timeout
            token = None if self._is_proved else self._token.read(COMMAND_SERVER)
            await connection.send(line if token is None else command_line({**members, TOKEN: token}), end)
            answer = await self._answer(connection, number, end)
            self._is_proved = answer.get("denied") is not True
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
            self._is_proved = False
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
    :param token: what proves who this program is: see :class:`netd.client.token.ClientToken`, also for *token_file*.
    :param cafile: the authority of the server's certificate, with which TLS is used: see :class:`netd.client.tls.ClientTls`,
        also for *certificate* and *key*.
    :raises ValueError: when the port or the token cannot be.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        host: str = HOST,
        port: int = PORT,
        timeout: float = TIMEOUT,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        surroundings: Any = None,
    ) -> None:
        super().__init__(surroundings, ClientTls(cafile, certificate, key))
        self._calls = CommandCalls(self._way, host, port, timeout, ClientToken(token, token_file))
