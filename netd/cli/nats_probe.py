"""A conversation with a NATS server, step by step, so that each step can say what is wrong with it.

A client library would try again, or another server, and tell of the last error alone. The protocol is that of
https://docs.nats.io/reference/reference-protocols/nats-protocol: lines, and payloads whose length the line before has.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from netd.secrets.nats_login import NatsLogin

__all__ = ["NatsMessage", "NatsProbe", "NatsRefused", "NoNats"]

_LONGEST = 2**20
"""The longest line or payload that is read, in bytes."""


class NoNats(Exception):
    """What answers is no NATS server, or it says nothing more."""


class NatsRefused(Exception):
    """The server has said ``-ERR``. The text is what it said."""


class NatsMessage(NamedTuple):
    """A message of a subscription. *status* is that of its headers, such as 503; 0 without one."""

    subject: str
    body: bytes
    status: int


class NatsProbe:
    """One connection.

    :param seconds: how long each answer may take.
    """

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._seconds = seconds
        self._socket: socket.socket = socket.create_connection((host, port), seconds)
        self._buffer = b""
        self._subscriptions = 0
        self.greeting: dict[str, Any] = {}

    def __enter__(self) -> NatsProbe:
        return self

    def __exit__(self, *raised: object) -> None:
        self._socket.close()

    def greet(self) -> None:
        """Read the server's first line, which says what it is.

        :raises NoNats: if it is no NATS server.
        """
        line = self._line(time.monotonic() + self._seconds)
        if not line.startswith(b"INFO "):
            raise NoNats(line[:40].decode("ascii", "replace"))
        self.greeting = _object(line[5:])

    def secure(self, context: ssl.SSLContext, host: str) -> dict[str, Any]:
        """Go over to TLS, and return the server's certificate as :meth:`ssl.SSLSocket.getpeercert` does.

        :raises ssl.SSLError: if the certificate does not suit.
        """
        self._socket.settimeout(self._seconds)
        secured = context.wrap_socket(self._socket, server_hostname=host)
        self._socket = secured
        return dict(secured.getpeercert() or {})

    def log_in(self, login: NatsLogin) -> None:
        """Say who this is.

        :raises NatsRefused: if the server does not let it in.
        """
        options: dict[str, Any] = {"verbose": False, "pedantic": False, "lang": "netd", "version": "1", "protocol": 1}
        options |= {"headers": True, "no_responders": True, "echo": True, "name": "netd cluster check"}
        if login.key is not None:
            signed = login.key.sign(str(self.greeting.get("nonce", "")).encode())
            options["sig"] = base64.urlsafe_b64encode(signed).decode().rstrip("=")
            options |= {"jwt": login.jwt} if login.jwt else {"nkey": login.key.public}
        elif login.user:
            options |= {"user": login.user, "pass": login.password}
        self._send(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self.ping()

    def ping(self) -> None:
        """Wait until the server has taken everything.

        :raises NatsRefused: if it refuses some of it.
        """
        self._send(b"PING\r\n")
        for message in self._read(self._seconds):
            if message is None:
                return
        raise NoNats("no answer to PING")

    def subscribe(self, subject: str) -> None:
        """Subscribe to *subject*."""
        self._subscriptions += 1
        self._send(f"SUB {subject} {self._subscriptions}\r\n".encode())

    def publish(self, subject: str, body: bytes = b"", reply: str = "") -> None:
        """Publish *body*."""
        self._send(f"PUB {subject} {reply + ' ' if reply else ''}{len(body)}\r\n".encode() + body + b"\r\n")

    def messages(self, seconds: float) -> Iterator[NatsMessage]:
        """Yield what comes within so many seconds."""
        return (message for message in self._read(seconds) if message is not None)

    def _read(self, seconds: float) -> Iterator[NatsMessage | None]:
        """Yield messages, and None for each PONG."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._line(end)
            except TimeoutError:
                return
            word, _, rest = line.partition(b" ")
            if word == b"-ERR":
                raise NatsRefused(rest.decode("utf-8", "replace").strip("' "))
            if word == b"PING":
                self._send(b"PONG\r\n")
            elif word == b"PONG":
                yield None
            elif word in {b"MSG", b"HMSG"}:
                yield self._message(word, rest.decode("utf-8", "replace").split(), end)

    def _message(self, word: bytes, words: list[str], end: float) -> NatsMessage:
        try:
            length = int(words[-1])
            headers = int(words[-2]) if word == b"HMSG" else 0
            subject = words[0]
        except (IndexError, ValueError):
            raise NoNats(" ".join(words)[:40]) from None
        payload = self._take(length + 2, end)[:length]
        status = payload[:headers].split(b"\r\n", 1)[0].removeprefix(b"NATS/1.0").split()
        return NatsMessage(subject, payload[headers:], int(status[0]) if status and status[0].isdigit() else 0)

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(self._seconds)
        self._socket.sendall(data)

    def _line(self, end: float) -> bytes:
        while b"\r\n" not in self._buffer:
            self._receive(end)
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _take(self, length: int, end: float) -> bytes:
        while len(self._buffer) < length:
            self._receive(end)
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _receive(self, end: float) -> None:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        received = self._socket.recv(65536)
        if not received:
            raise NoNats("it closed the connection")
        self._buffer += received
        if len(self._buffer) > 2 * _LONGEST:
            raise NoNats("an endless line")


def _object(text: bytes) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise NoNats(text[:40].decode("ascii", "replace"))
    return read
