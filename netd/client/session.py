"""The agent's side of telemetry sessions: :class:`Agent` is dialled, connects back, and streams samples.

Two dialects: ``"netd"`` says names, labels and units; ``"old"`` is all that older servers know: the channels x, y and z.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from netd.client.session_messages import (
    AGENT_PORT,
    DIALECTS,
    NETD,
    SERVER_PORT,
    SESSION_SERVER,
    AgentError,
    Channel,
    Hooks,
    NotANumber,
    Refused,
    Schedule,
    SessionLost,
    Source,
    Value,
    read_channels,
)
from netd.client.session_plan import AgentPlan, AgentWay
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
from netd.client.way import CONNECT_TIMEOUT, Connection, tune
from netd.client.way_sockets import SocketConnection, SocketWay, Surroundings, carry_out

__all__ = ["DIALECTS", "Agent", "AgentError", "Channel", "Hooks", "NotANumber", "Refused", "SessionLost", "Source"]


def open_listener(host: str, port: int) -> socket.socket:
    """A socket that listens for the server.

    :raises OSError: when the port is taken, or *host* is no address of this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(8)
    except OSError:
        listener.close()
        raise
    return listener


class AgentSockets(SocketWay, AgentWay):
    """A way of sockets that any thread wakes."""

    def __init__(self) -> None:
        super().__init__(Surroundings())
        self._bell, self._rope = socket.socketpair()
        self._rope.setblocking(False)

    async def wait_any(self, connections: Iterable[Connection], seconds: float) -> Collection[Connection]:
        decrypted = [one for one in connections if isinstance(one, SocketConnection) and one.has_more]
        return decrypted or self.wait_for(connections, seconds)

    def wait_for(self, sockets: Iterable[Any], seconds: float | None) -> list[Any]:
        """Those of *sockets* on which something has come within so many seconds, before the bell rings."""
        readable, _, _ = select.select([*sockets, self._bell], [], [], seconds)
        if self._bell in readable:
            readable.remove(self._bell)
            self._bell.recv(4096)
        return readable

    def ring(self) -> None:
        with contextlib.suppress(OSError):  # it rings already, or nobody is there any more
            self._rope.send(b"!")

    async def dial(self, host: str, port: int, local: str) -> Connection:
        tls = self.tls.context()
        opened = socket.create_connection((host, port), CONNECT_TIMEOUT, (local, 0))
        tune(opened)
        return self.keep(SESSION_SERVER, self.secure(opened, host, tls))

    def close(self) -> None:
        super().close()
        self._bell.close()
        self._rope.close()


class Agent:
    """Listens for a server, connects back, and streams the channels, until :meth:`close`.

    Sources are called from the thread that runs :meth:`run`; what comes at its own pace is said with :meth:`say`.

    :param channels: by name: a function that returns a number, an iterable of numbers, or a :class:`Channel` with either.
    :param host: the address to listen on; an empty text is every one.
    :param port: where servers dial; 0 takes any that is free, see :attr:`port`.
    :param server_port: where they are connected back to.
    :param every: seconds between two values of a channel.
    :param dialect: ``"netd"``, ``"old"``, or ``"auto"``, which asks each server what it is, and speaks the old one where there is
        no answer and all channels are x, y or z.
    :param name: what the agent is called in netd's subjects, unless somebody there has named it. Without a name, and in the old
        dialect, it is called by its host.
    :param token: what proves who this agent is: see :class:`netd.client.token.ClientToken`, also for *token_file*.
    :param cafile: the authority of the server's certificate, with which samples go through TLS: see
        :class:`netd.client.tls.ClientTls`, also for *certificate* and *key*.
    :raises ValueError: for names, dialects, pauses or tokens that cannot be.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        channels: Mapping[str, Channel | Source],
        host: str = "127.0.0.1",
        port: int = AGENT_PORT,
        *,
        server_port: int = SERVER_PORT,
        every: float = 0.2,
        dialect: str = NETD,
        name: str | None = None,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
    ) -> None:
        known = read_channels(channels, dialect)
        schedule = Schedule(known, dialect, every)
        self._way = AgentSockets()
        self._way.tls = ClientTls(cafile, certificate, key)
        self._plan = AgentPlan(self._way, known, server_port, dialect, name, hooks, schedule, ClientToken(token, token_file))
        self._host = host
        self._listener: socket.socket | None = None
        self._is_running = False
        self.port = port

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def listen(self) -> None:
        """Begin to listen, if that was not done yet; :meth:`run` does it by itself.

        :raises OSError: when the port is taken.
        """
        if self._listener is None:
            self._listener = open_listener(self._host, self.port)
            self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        """Serve one session after another, until :meth:`close`, or until every source is at its end.

        A server that dials while a session goes on waits for its end.

        :raises OSError: when the port is taken.
        """
        self.listen()
        assert self._listener is not None
        self._is_running = True
        try:
            while not self._plan.is_over:
                if self._way.wait_for([self._listener], None):
                    control, _ = self._listener.accept()
                    self._serve(control)
        finally:
            self._is_running = False
            self._hang_up()

    def say(self, name: str, value: Value) -> bool:
        """Say a value of a channel at once, from any thread.

        :returns: False when no session goes on: it is not kept.
        :raises ValueError: when *value* is no finite number (:class:`NotANumber`), or there is no such channel.
        """
        return self._plan.say(name, value)

    def close(self) -> None:
        """End the session that goes on, and listen no more; :meth:`run` returns soon. From any thread, any number of times."""
        self._plan.close()
        if not self._is_running:
            self._hang_up()

    def _serve(self, control: socket.socket) -> None:
        try:
            tune(control)
            host, local = control.getpeername()[0], control.getsockname()[0]
        except OSError:  # it has gone already
            control.close()
            return
        carry_out(self._plan.serve(self._way.keep(SESSION_SERVER, control), host, local))

    def _hang_up(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        if self._plan.is_closed:
            self._way.close()
