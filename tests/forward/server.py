"""A server that takes lines, in place of the agent that posts to it."""

from __future__ import annotations

import gzip
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from netd.config import parse
from netd.kinds import ServiceKind
from netd.recorder.config import Config as RecorderConfig
from tests.forward.protocol import Point, read_lines

__all__ = ["KIND", "FakeServer", "forward_config"]

KIND = ServiceKind("forward", "netd.forward")


def forward_config(*lines: str) -> Any:
    """The options of a section beside a recorder, which it needs.

    :raises ConfigErrors: with all mistakes in the lines.
    """
    text = "\n".join(["[recorder]", "[forward]", *lines])
    kinds = {"recorder": RecorderConfig, "forward": KIND.config}
    _, section = parse(text, "test.ini", kinds, {}, 0, "test").sections
    return section.config


class FakeServer:
    """Reads each body strictly, and answers as the test says.

    :ivar answers: what comes next: a code, a code with a text, an error, or None for no answer; 204 by default.
    :ivar bad: a text that no line may have in it: a body with such a line is refused as a whole.
    :ivar points: what it has taken.
    :ivar asked: address and headers of each request.
    :ivar open: requests without an answer.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.bad = ""
        self.points: list[Point] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.open = 0

    def request(self, method: bytes, url: bytes, headers: Headers, body: Any) -> Deferred[Any]:
        """Take a request."""
        assert method == b"POST"
        assert not self.open, "one at a time"
        told: list[bytes] = []
        body.startProducing(type("Consumer", (), {"write": staticmethod(told.append)}))
        sent = {name.decode(): values[0].decode() for name, values in headers.getAllRawHeaders()}
        self.asked.append((url.decode(), sent))
        data = gzip.decompress(told[0]) if "Content-Encoding" in sent else told[0]
        found = read_lines(data)
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            return fail(answer)
        if answer is None:
            self.open += 1
            return Deferred(self._given_up)
        if self.bad and answer == 204 and self.bad in data.decode():
            answer = 400, f'{{"error":"unable to parse: {self.bad}"}}'
        code, text = answer if isinstance(answer, tuple) else (answer, "")
        if code == 204 or "partial" in text:
            self.points += found
        return succeed(_Response(code, text))

    @property
    def values(self) -> list[float]:
        """The values that it has taken."""
        return [point.fields["value"] for point in self.points]

    def _given_up(self, asked: Deferred[Any]) -> None:
        self.open -= 1
        asked.errback(CancelledError())


class _Response:
    """An answer."""

    phrase = b"Word"

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self._text = text.encode()
        self.headers = Headers({"Retry-After": ["120"]} if code == 429 else {})

    def deliverBody(self, protocol: Any) -> None:  # noqa: N802 - Twisted's name
        """Give the text, and close."""
        protocol.makeConnection(type("Transport", (), {"loseConnection": lambda _: None})())
        protocol.dataReceived(self._text)
        protocol.connectionLost(Failure(ConnectionLost()))
