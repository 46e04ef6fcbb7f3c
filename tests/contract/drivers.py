"""The ways to call an operation, each behind the same few lines: here those that speak JSON-RPC 2.0.

An outcome is a dict: ``{"result": …}``, or ``{"code": …, "text": …}`` for an error; a way that tells more, or less, says so in
its :meth:`Driver.as_done` and :meth:`Driver.as_fault`. See :mod:`tests.contract.clients` for the clients that come with netd, and
:mod:`tests.contract.terminals` for what people type at.
"""

from __future__ import annotations

import http.client
import json
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from netd.operations import Role
from netd.paths import CONTROL_SOCKET
from tests.contract.cases import Case, Fault
from tests.contract.world import World
from tests.process import PATIENCE

__all__ = [
    "ControlSocket",
    "Driver",
    "JsonDriver",
    "Outcome",
    "Rpc",
    "Staying",
    "WebSocket",
    "WebSocketLogin",
    "request",
]

Outcome = dict[str, Any]


class Driver(ABC):
    """One way to call operations, for one caller.

    :param role: whose token is shown; None for nobody's. Where there are no tokens, the caller is an admin.
    :cvar lasts: whether its connection stays between two calls, so that operations can hang on it.
    :cvar takes_tokens: whether it shows one.
    """

    lasts: ClassVar[bool] = False
    takes_tokens: ClassVar[bool] = True

    def __init__(self, world: World, role: Role | None = None) -> None:
        self.world = world
        self.token = world.tokens[role] if self.takes_tokens and role is not None and world.tokens else None
        self.role = role if self.token is not None and role is not None else Role.ADMIN

    @abstractmethod
    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it."""

    @abstractmethod
    def close(self) -> None:
        """Hang up."""

    def as_done(self, _case: Case, result: Any) -> Outcome:
        """How it tells that this is the result."""
        return {"result": result}

    def as_fault(self, fault: Fault) -> Outcome:
        """How it tells an error."""
        return {"code": fault.code.value, "text": fault.text}


def request(operation: str, arguments: Any, number: int = 1) -> str:
    """A request of JSON-RPC 2.0."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": operation, "params": arguments})


def outcome_of(answer: Mapping[str, Any]) -> Outcome:
    """What an answer of JSON-RPC 2.0 says."""
    if "error" in answer:
        return {"code": answer["error"]["code"], "text": answer["error"]["message"]}
    return {"result": answer["result"]}


class JsonDriver(Driver):
    """One that is given JSON."""

    @abstractmethod
    def ask(self, text: str) -> Any:
        """The answer to *text*, whatever it is; None where there is none."""

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it."""
        answer = self.ask(request(operation, arguments))
        return outcome_of(answer) if "jsonrpc" in answer else answer


class Rpc(JsonDriver):
    """``POST /rpc``, over one kept connection. An answer that is none of JSON-RPC is ``{"status": …}``."""

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        self._connection = http.client.HTTPConnection("127.0.0.1", world.port("gateway"), timeout=PATIENCE)
        self._headers = {"Content-Type": "application/json"}
        if self.token is not None:
            self._headers["Authorization"] = f"Bearer {self.token}"

    def ask(self, text: str) -> Any:
        """See :class:`JsonDriver`."""
        self._connection.request("POST", "/rpc", text.encode("utf-8", "surrogatepass"), self._headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status == http.HTTPStatus.NO_CONTENT:
            assert not body
            return None
        return json.loads(body) if response.status == http.HTTPStatus.OK else {"status": response.status}

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _waits_for_the_disk(text: str) -> bool:
    """Whether the answer to *text* comes behind that to the next request, because the operation promises to keep something."""
    try:
        asked = json.loads(text)
    except ValueError:
        return False
    return isinstance(asked, dict) and asked.get("method") == "bus.publish" and "id" in asked


class Staying(JsonDriver):
    """One whose connection stays. Behind each request comes another whose answer shows that there is no other to the first.

    :ivar heard: the notifications that came meanwhile, oldest first.
    """

    lasts = True

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        self._numbers = count(1)
        self.heard: list[dict[str, Any]] = []

    @abstractmethod
    def say(self, text: str) -> None:
        """Send one message."""

    @abstractmethod
    def read(self) -> Any:
        """The next message."""

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it. Answers may come out of order: this waits for its own."""
        number = next(self._numbers)
        self.say(request(operation, arguments, number))
        return outcome_of(self._read_answer(number))

    def ask(self, text: str) -> Any:
        """See :class:`JsonDriver`."""
        fence = next(self._numbers)
        self.say(text)
        self.say(request("system.whoami", {}, fence))
        first = self._read_other()
        if _id_of(first) == fence:
            return self._read_other() if _waits_for_the_disk(text) else None
        self._read_answer(fence)
        return first

    def wait_for(self, method: str) -> Any:
        """The parameters of the next notification of that *method*; it is heard once."""
        while not any(one["method"] == method for one in self.heard):
            self.heard.append(self.read())
        found = next(one for one in self.heard if one["method"] == method)
        self.heard.remove(found)
        return found["params"]

    def _read_answer(self, number: int) -> Any:
        answer = self._read_other()
        assert _id_of(answer) == number, f"an answer to something else: {answer!r}"
        return answer

    def _read_other(self) -> Any:
        while isinstance(message := self.read(), dict) and "method" in message:
            self.heard.append(message)
        return message


def _id_of(answer: Any) -> Any:
    return answer.get("id") if isinstance(answer, dict) else None


class WebSocket(Staying):
    """``/ws``, the token in the handshake."""

    has_header: ClassVar[bool] = True

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token is not None and self.has_header else {}
        self._connection = connect(
            f"ws://127.0.0.1:{world.port('gateway')}/ws",
            subprotocols=[Subprotocol("netd.v1")],
            additional_headers=headers,
            open_timeout=PATIENCE,
            close_timeout=PATIENCE,
            compression=None,
            max_size=None,
        )
        assert self._connection.subprotocol == "netd.v1"

    def say(self, text: str) -> None:
        """Send one message."""
        self._connection.send(text)

    def read(self) -> Any:
        """The next message."""
        return json.loads(self._connection.recv(PATIENCE))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class WebSocketLogin(WebSocket):
    """``/ws``, the token in the first message."""

    has_header = False

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        if self.token is not None:
            told = self.call("system.login", {"token": self.token})
            name = self.role.name.lower()
            assert told["result"]["role"] == name, told


class ControlSocket(Staying):
    """Lines over the control socket."""

    takes_tokens = False

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(PATIENCE)
        self._connection.connect(str(world.state / CONTROL_SOCKET))
        self._lines = self._connection.makefile("rb")

    def say(self, text: str) -> None:
        """Send one line."""
        self._connection.sendall(text.encode("utf-8", "surrogatepass") + b"\n")

    def read(self) -> Any:
        """The next line."""
        line = self._lines.readline()
        assert line, "netd closed the control socket"
        return json.loads(line)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._connection.close()
