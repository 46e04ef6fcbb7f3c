"""The plan of an agent for each server that dials it, for both ways: it connects back, and streams."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping

from netd.client.session_messages import (
    ANNOUNCE_PAUSE,
    ANSWER_TIMEOUT,
    AUTO,
    ID_PAUSE,
    ID_TIMEOUT,
    NETD,
    OLD,
    QUESTION,
    SESSION_SERVER,
    START_PAUSE,
    AgentError,
    Channel,
    Hooks,
    Schedule,
    SessionLost,
    Value,
    announcements,
    can_be_old,
    check_agent_name,
    dialect_of,
    hello,
    old_sample,
    read_complaint,
    read_id,
    sample,
)
from netd.client.tls import tls_reason
from netd.client.token import ClientToken
from netd.client.way import CONNECT_TIMEOUT, Connection, Way

__all__ = ["AgentPlan", "AgentWay"]

CLOSED = "this agent was closed"


class AgentWay(Way):
    """A way that waits for several connections at once, and for a bell."""

    @abstractmethod
    async def wait_any(self, connections: Iterable[Connection], seconds: float) -> Collection[Connection]:
        """Return those of *connections* on which bytes have come, or which have ended.

        It returns when there are any, when :meth:`ring` was called, or after so many seconds.
        """

    @abstractmethod
    def ring(self) -> None:
        """Wake who waits."""

    @abstractmethod
    async def dial(self, host: str, port: int, local: str) -> Connection:
        """A connection from the address *local*; raises ``OSError`` when there is none within 10 s."""


class AgentPlan:
    """One session after another.

    :param schedule: asks the sources.
    :param token: with a token, the new dialect alone is spoken: the old one cannot carry it.
    """

    _log = logging.getLogger("netd.client.session")

    def __init__(
        self,
        way: AgentWay,
        channels: Mapping[str, Channel],
        server_port: int,
        dialect: str,
        name: str | None,
        hooks: Hooks,
        schedule: Schedule,
        token: ClientToken,
    ) -> None:
        check_agent_name(name)
        if token.is_given and dialect == OLD:
            raise ValueError("token: the old dialect cannot carry one; leave the dialect out")
        self._way = way
        self._name = name
        self._channels = channels
        self._server_port = server_port
        self._dialect = self._spoken = NETD if token.is_given else dialect
        self._token = token
        self._hooks = hooks
        self._schedule = schedule
        self._lock = threading.Lock()
        self._said: list[bytes] = []
        self._is_deaf = False
        self.is_streaming = False
        self.is_closed = False

    @property
    def is_over(self) -> bool:
        """Whether there will be no more sessions."""
        return self.is_closed or self._schedule.is_exhausted

    @property
    def has_unsent(self) -> bool:
        """Whether something was said in the session that goes on, and not sent yet."""
        return self.is_streaming and bool(self._said)

    def close(self) -> None:
        """End the session that goes on, once what was said is sent. From any thread."""
        self.is_closed = True
        self._way.ring()

    def say(self, name: str, value: Value) -> bool:
        """Have a value of a channel sent at once; see :meth:`netd.client.session.Agent.say`."""
        if name not in self._channels:
            raise ValueError(f"{name!r} is no channel of this agent")
        encoded = (old_sample if self._spoken == OLD else sample)(name, value)
        with self._lock:
            if not self.is_streaming or encoded is None:
                return False
            self._said.append(encoded)
        self._way.ring()
        return True

    async def serve(self, control: Connection, host: str, local: str) -> None:
        """The session with the server at *host*, which has dialled the address *local*."""
        try:
            reason = await self._serve(control, host, local)
        except (AgentError, OSError) as error:  # one of the program's hooks may write to what is closed
            reason = str(error)
        finally:
            control.patience = 0.0  # nothing that was said there is of use any more
            await control.leave()
        self._log.info("the session has ended: %s", reason)
        self._hooks.stopped(reason)

    async def _serve(self, control: Connection, host: str, local: str) -> str:
        session = await self._read_id(control)
        self._spoken = await self._choose(control)
        self._schedule.speak(self._spoken)
        try:
            data = await self._way.dial(host, self._server_port, local)
        except OSError as error:
            reason = tls_reason(error, host) or "it did not answer in time"
            raise SessionLost(f"cannot connect back to {host} port {self._server_port}: {reason}") from None
        try:
            self._hooks.started(session, host)
            return await self._greet(session, control, data) or await self._stream(control, data)
        except AgentError as error:
            return await self._last_word(control) or str(error)
        finally:
            with self._lock:
                self.is_streaming = False
                self._said.clear()
            await data.leave()

    async def _read(self, connection: Connection, seconds: float) -> bytes | None:
        """Return the next bytes within *seconds*; None if none come, or if the agent is closed meanwhile."""
        return await connection.receive(0) if await self._way.wait_any([connection], seconds) else None

    async def _read_id(self, control: Connection) -> int:
        received, patience = b"", ID_TIMEOUT
        while len(received) <= 16:
            try:
                segment = await self._read(control, patience)
            except SessionLost:
                break
            if segment is None:
                if not received:
                    raise SessionLost(CLOSED if self.is_closed else "the server said no session id in time")
                break
            received, patience = received + segment, ID_PAUSE
        return read_id(received)

    async def _choose(self, control: Connection) -> str:
        """The dialect of the session that begins."""
        if self._dialect != AUTO:
            return self._dialect
        if not can_be_old(self._channels):
            return NETD
        await control.send(QUESTION)
        return dialect_of(await self._read(control, ANSWER_TIMEOUT) or b"")

    async def _greet(self, session: int, control: Connection, data: Connection) -> str:
        """Say whose data connection this is; returns why there is nothing more to do, or an empty text."""
        now = self._way.now()
        if self._spoken == NETD:
            await self._send(data, hello(session, self._channels, self._name, self._token.read(SESSION_SERVER)))
        else:
            for announcement in announcements(session):
                await self._send(data, announcement)
                now += ANNOUNCE_PAUSE
                reason = await self._listen_until(now, control, data)
                if reason:
                    return reason
            now += START_PAUSE
        self._schedule.start(now)
        with self._lock:
            self.is_streaming = True
        self.notify()
        return ""

    async def _stream(self, control: Connection, data: Connection) -> str:
        """Say samples until the session ends; returns why it did."""
        while True:
            reason = await self._listen_until(self._way.now() + self._schedule.wait(self._way.now()), control, data)
            if reason and not self.is_closed:
                return reason
            with self._lock:
                said, self._said = self._said, []
            samples = said if reason else said + self._schedule.take(self._way.now())
            if self._spoken == OLD:
                for one in samples:
                    await self._send(data, one)
                    await self._way.pause(ID_PAUSE)  # old servers take what one recv gives for one token
            elif samples:
                await self._send(data, b"".join(samples))
            self.notify()
            if reason:
                return reason
            if self._schedule.is_exhausted:
                return "all channels are at their end"

    def notify(self) -> None:
        """Samples were sent, or a session has begun. Ways with waiting tasks override this to wake them."""

    async def _listen_until(self, moment: float, control: Connection, data: Connection) -> str:
        """Watch both connections until *moment*, or until samples are to be sent. Return why the session ends, or ``""``."""
        while not self.is_closed:
            ready = await self._way.wait_any((control, data), max(0.0, moment - self._way.now()))
            if self._said and not self._is_deaf:  # samples from before the end of the session are still sent
                self._is_deaf = True
                return ""
            self._is_deaf = False
            reason = (control in ready and await self._heed(control)) or ""
            if data in ready and not reason:
                raise read_complaint(await self._complaint(data))
            if reason or self._said or self._way.now() >= moment:
                return reason
        return CLOSED

    async def _heed(self, control: Connection) -> str:
        """Take in what the server has said; returns why the session ends, if it does."""
        try:
            word = await control.receive(0)
        except SessionLost:
            return "the server closed the control connection"
        if word is not None and b"stop" in word:
            return "the server said stop"
        if word is not None and b"ping" in word:
            self._hooks.pinged()
        return ""

    @staticmethod
    async def _complaint(data: Connection) -> bytes:
        """Return the bytes that the server sends before it ends the data connection."""
        try:
            return await data.receive(0) or b""
        except SessionLost:
            return b""

    async def _last_word(self, control: Connection) -> str:
        """Return the reason for the end of the data connection, if the server tells: it may close as soon as it has sent stop."""
        try:
            word = await self._read(control, ID_PAUSE)
        except SessionLost:
            return ""
        return "the server said stop" if word is not None and b"stop" in word else ""

    async def _send(self, data: Connection, content: bytes) -> None:
        await data.send(content, self._way.now() + CONNECT_TIMEOUT)
