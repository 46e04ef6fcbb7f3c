"""A crowd of connections that netd did not ask for, as a program of its own: ``crowd.py KIND PORT RATE SIZE SECONDS ADDRESSES``.

=========  =================================================================================================================
KIND       what each connection does
=========  =================================================================================================================
pings      begins a WebSocket without a token, sends SIZE bytes of the smallest frames, and stays
silent     connects, and says nothing
unended    sends SIZE bytes of a line that never ends, and stays
calls      a WebSocket with the token of the environment variable TOKEN; RATE of them, which call without a pause
=========  =================================================================================================================

ADDRESSES is a number of addresses of 127.0.0.0/8 to come from, ``own`` for 127.0.0.1, or ``new`` for another one each time.
Prints what was done, as JSON. Standard library only.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import resource
import select
import socket
import sys
import time
from collections.abc import Iterator

MASK = bytes(4)
PING = b"\x89\x80" + MASK
OPENED = 100
"""Connections with a token that are opened in a second."""

CALL = b'{"jsonrpc":"2.0","id":1,"method":"system.whoami"}'


def handshake(token: str = "") -> bytes:
    """The request that begins a WebSocket of the gateway."""
    lines = ["GET /ws HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines.append(f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}")
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode()


def text_frame(payload: bytes) -> bytes:
    """A masked frame with *payload*, of at most 64 KiB."""
    length = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + MASK + payload


def addresses(wanted: str) -> Iterator[str]:
    """The addresses to come from, one for each connection."""
    if wanted == "own":
        return itertools.repeat("127.0.0.1")
    numbers = itertools.count() if wanted == "new" else itertools.cycle(range(int(wanted)))
    return (f"127.{1 + (number >> 16) % 250}.{number >> 8 & 255}.{number & 255 or 255}" for number in numbers)


def opening(kind: str, size: int) -> bytes:
    """What a connection sends."""
    if kind == "pings":
        return handshake() + PING * (size // len(PING))
    if kind == "calls":
        return handshake(os.environ["TOKEN"])
    return b"x" * size if kind == "unended" else b""


def connect(port: int, source: str) -> socket.socket:
    """Begin a connection from *source*."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        made.bind((source, 0))
        made.connect(("127.0.0.1", port))
    return made


def attack(kind: str, port: int, rate: float, size: int, seconds: float, sources: Iterator[str]) -> dict[str, int]:
    """Do it for so many seconds."""
    poll = select.epoll()
    alive: dict[int, list[object]] = {}
    made = ended = said = 0
    most, pace = (rate, OPENED) if kind == "calls" else (float("inf"), rate)
    flood = text_frame(CALL) * 100 if kind == "calls" else b""
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        while made < min(most, (now - began) * pace):
            made += 1
            connection = connect(port, next(sources))
            alive[connection.fileno()] = [connection, opening(kind, size)]
            poll.register(connection, select.EPOLLIN | select.EPOLLOUT)
        for number, events in poll.poll(0.005):
            connection, unsent = alive[number]
            assert isinstance(connection, socket.socket)
            assert isinstance(unsent, bytes)
            try:
                if events & select.EPOLLOUT:
                    sent = connection.send(unsent) if unsent else 0
                    said += sent
                    alive[number][1] = unsent = unsent[sent:] or flood
                    if not unsent:
                        poll.modify(number, select.EPOLLIN)
                if events & ~select.EPOLLOUT and not connection.recv(1 << 16):
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError:
                ended += 1
                del alive[number]
                connection.close()
    return {"connections": made, "ended": ended, "bytes": said}


def main() -> None:
    """Run from the command line."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kind, port, rate, size, seconds, wanted = sys.argv[1:]
    print(json.dumps(attack(kind, int(port), float(rate), int(size), float(seconds), addresses(wanted))))


if __name__ == "__main__":
    main()
