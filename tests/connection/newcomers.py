"""A flood of newcomers, as a program: ``newcomers.py WIRE PORT RATE BYTES SECONDS``.

*RATE* new connections a second, and *BYTES* a second of the wire's smallest messages through all of them together. Each of them
says its share at once, and stays until netd or the end closes it. Prints what was done.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import resource
import select
import socket
import sys
import time
from collections.abc import Callable

_KEY = base64.b64encode(bytes(16)).decode()


def handshake(path: str, *more: str) -> bytes:
    """The request that begins a WebSocket at *path*, with *more* headers."""
    head = (
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {_KEY}",
        "Sec-WebSocket-Version: 13",
        *more,
    )
    return "\r\n".join([*head, "", ""]).encode()


PING = b"\x89\x80\0\0\0\0"
"""An empty ping, masked."""


def _frame(payload: bytes) -> bytes:
    return b"%-64d" % len(payload) + payload


OPENINGS: dict[str, Callable[[int], tuple[bytes, bytes]]] = {
    "gateway": lambda number: (handshake("/ws"), PING),
    "gateway-http": lambda number: (b"", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    "feed": lambda number: (handshake("/"), PING),
    "relay": lambda number: (b"", _frame(b"python") + b"|no target|".ljust(64)),
    "relay-device": lambda number: (_frame(b"raspberrypi"), _frame(b"")),
    "session": lambda number: (b"s1%d\ns2%d\ns3%d\n" % (number, number + 1, number + 2), b"x1\n"),
    "command": lambda number: (b"", b"{}\n"),
    "room": lambda number: (b"n%d\n" % number, b"a\n"),
}
"""What the newcomer of a number says first on each wire, and then again and again."""


def flood(wire: str, port: int, rate: float, volume: float, seconds: float) -> dict[str, int]:
    """Do it; how many connections were made, refused, and closed by netd, and how many bytes were taken of them."""
    poll, alive, numbers = select.epoll(), {}, itertools.count(1000, 10)
    made = refused = closed = said = 0
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        while made < (now - began) * rate:
            made += 1
            connection = socket.socket()
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                connection.connect(("127.0.0.1", port))
            opening, message = OPENINGS[wire](next(numbers))
            share = message * max(1, int(volume / rate) // len(message))
            alive[connection.fileno()] = [connection, opening + share]
            poll.register(connection, select.EPOLLIN | select.EPOLLOUT)
        for fd, events in poll.poll(max(0.0, began + made / rate - time.monotonic())):
            connection, unsaid = alive[fd]
            try:
                if events & select.EPOLLOUT and unsaid:
                    sent = connection.send(unsaid)
                    said += sent
                    alive[fd][1] = unsaid = unsaid[sent:]
                if not unsaid:
                    poll.modify(fd, select.EPOLLIN)
                if events & ~select.EPOLLOUT and not connection.recv(1 << 16):
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError as error:
                refused += isinstance(error, ConnectionRefusedError)
                closed += 1
                del alive[fd]
                connection.close()
    return {"connections": made, "refused": refused, "closed": closed, "bytes": said}


def main() -> None:
    """Run from the command line."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wire, port, rate, volume, seconds = sys.argv[1:]
    sys.stdout.write(f"{json.dumps(flood(wire, int(port), float(rate), float(volume), float(seconds)))}\n")


if __name__ == "__main__":
    main()
