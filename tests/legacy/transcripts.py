"""Conversations of old programs with each wire: what they say, and every byte that they are answered.

``transcripts.json`` beside this file was recorded by this module from netd as it was before any program had to prove who it is::

    python -m tests.legacy.transcripts > tests/legacy/transcripts.json

A program that its address admits must get the same bytes for ever, so that file changes only when a wire page does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from netd.codec.length_header import encode_frame
from netd.feed.config import Config as FeedConfig
from netd.testing import connect
from tests.command.bench import Bench as CommandBench
from tests.feed.bench import frames, request, say
from tests.feed.test_service import KIND, wired
from tests.relay.bench import Relay, event
from tests.room.bench import Hall
from tests.session.bench import Bench as SessionBench

__all__ = ["SCENES", "Line", "played"]

Line = list[str]
"""A step: who is concerned, what was said or happened, what was heard. Bytes are text in Latin-1."""

TARGETS = (
    b"('127.0.0.1', 50412)",
    b"'127.0.0.1', 50412",
    b"127.0.0.1,50412",
    b"127.0.0.1:50412",
    b"('127.0.0.1'",
    b"('10.0.0.1', 5)",
    b"nonsense",
    b"\xff",
    b"",
)

TYPES = (
    b"raspberrypi",
    b"arduino",
    b"raspberrypi\0\0",
    b" python ",
    b"toaster",
    b"",
    b"|disconnect|",
    b"{}",
    b"device",
    b"\xff\xfe",
)

HEADERS = (
    b"abc",
    b"-5".ljust(64),
    b"99999999".ljust(64),
    b"1048577".ljust(64),
    b"0".ljust(64),
    b"5000".ljust(64),
    b"1 2".ljust(64),
)

COMMANDS = (
    b'{"command_id": "test_command", "param1": 100, "param4": [1, 2, "text"]}\n',
    b'{"command_id": "echo", "text": "x"}\n',
    b'{"action": "echo", "text": "x"}\n',
    b'{"command_id": "all_of", "token": "netd_x", "a": 1}\n',
    b'{"command_id": "echo", "text": "x", "token": "netd_x"}\n',
    b'{"command_id": "echo", "text": 5}\n',
    b'{"command_id": "echo"}\n',
    b'{"command_id": "ehco"}\n',
    b'{"command_id": 5}\n',
    b'{"param1": 1}\n',
    b'{"command_id": "give", "value": NaN}\n',
    b'{"command_id": "fail"}\n',
    b'{"command_id": "odd"}\n',
    b"[]\n",
    b"nonsense\n",
    b"\xff\xfe\n",
    b'\xef\xbb\xbf{"command_id": "echo", "text": "x"}\0\n',
    b'{"command_id": "echo", "text": "x"}{"command_id": "echo", "text": "y"}\n',
    b'{\n"command_id": "echo",\n"text": "x"\n}\n',
    b'{"command_id": "echo", "text": "x", "id": 7}\n{"command_id": "none", "id": 8}\n{"command_id": "echo", "text": "y"}\n',
    b'{"command_id": "echo", "text": "x", "id": [1]}\n',
)

STREAMS = (
    (b"s11", b"s22", b"s33", b"x111", b"y222", b"z-1.5e3"),
    (b"s11s22s33x111y222z333",),
    (b"s11\ns22\ns33\nx1\nx nan\n",),
    (b"x111",),
    (b"s19s210",),
    (b"42",),
    (b"hello",),
    (b"\xef\xbb\xbf  s11 s22 s33 x1 ",),
    (b"s11\0s22\0s33\0x1\0",),
)

NAMES = (b"Lars", b" Lars \0\0", b"", b" ", b"\x01", b"\xff", b"x" * 201, b"x" * 1100, b"\xef\xbb\xbfLars", b"{Lars}", b"[1]")


def _text(heard: bytes) -> str:
    return heard.decode("latin-1")


def relay() -> Iterator[Line]:
    """Devices and controllers of the first dialect."""
    for said in TYPES:
        side = Relay().connect()
        yield ["newcomer", _text(said), _text(side.say(encode_frame(said)))]
        yield ["newcomer", "then", f"{side.peer.closed} {side.is_device} {side.is_identified}"]
    for said in HEADERS:
        side = Relay().connect()
        yield ["newcomer", _text(said), _text(side.say(said))]
        yield ["newcomer", "then", str(side.peer.closed)]
    bench = Relay()
    controller = bench.connect("127.0.0.1", 40000)
    yield ["controller", "list", _text(controller.say(event("|no target|")))]
    devices = [bench.device() for _ in range(2)]
    yield ["controller", "list", _text(controller.say(event("|no target|")))]
    for target in TARGETS:
        for payload in (b"conecting", b"secret code 1234", b""):
            side = bench.connect("127.0.0.1", 40001)
            said = encode_frame(b"python") + target.ljust(64) + encode_frame(payload)
            yield [_text(target), _text(payload), _text(side.say(said))]
            yield ["devices", "hear", " ".join(_text(device.hear()) for device in devices)]
            yield ["controller", "then", str(side.peer.closed)]
    yield ["controller", "burst", _text(controller.say(event("('127.0.0.1', 50412)", b"x") * 3))]
    yield ["device", "hears", _text(devices[0].hear())]
    yield ["device", "says", _text(devices[0].say(encode_frame(b"21.5")))]
    yield ["device", "leaves", _text(devices[0].say(encode_frame(b"|disconnect|")))]
    yield ["controller", "send", _text(controller.say(event("('127.0.0.1', 50412)", b"x")))]
    yield ["controller", "list", _text(controller.say(event("|no target|")))]
    named = Relay(host_names={"127.0.0.1": "shed"}, list_names=True)
    named.device()
    yield ["controller", "names", _text(named.connect().say(event("|no target|"), event("shed", b"on")))]


def session() -> Iterator[Line]:
    """Agents of the first dialect."""
    for unsolicited in (False, True):
        for pieces in STREAMS:
            bench = SessionBench(accept_unsolicited=unsolicited)
            waiting, line = bench.await_agent()
            side = bench.connect()
            side.say(*pieces)
            if side.peer.expiry is not None and side.peer.closed is None:
                side.expire()
            yield ["agent", _text(b"|".join(pieces)), f"{_text(side.peer.sent)} {side.peer.closed} {waiting.state.value}"]
            yield ["agent", "samples", f"{waiting.readings.samples} {waiting.readings.bad} {side.why}"]
            waiting.stop("stopped")
            bench.clock.advance(2)
            yield ["netd", "control", _text(line.peer.sent)]


def room() -> Iterator[Line]:
    """Old bots."""
    for name in NAMES:
        hall = Hall()
        side = hall.connect()
        if name:
            side.say(name)
        for seconds in (0.3, 9.0):
            hall.clock.advance(seconds)
        yield ["bot", _text(name), _text(b"".join(side.hear()))]
        yield ["bot", "then", str(side.peer.closed)]
        side.lose()
    hall = Hall()
    bots = [hall.bot(name) for name in ("Lars", "Lars", "Ida", "Ola")]
    yield ["bots", "come", "|".join(_text(b"".join(bot.hear())) for bot in bots)]
    hall.clock.advance(1)
    for round_ in range(6):
        yield ["bots", "hear", "|".join(_text(b"".join(bot.hear())) for bot in bots)]
        for number, bot in enumerate(bots):
            if bot.peer.closed is None:
                bot.say(f"\nreply {round_}.{number}\n".encode())
        hall.clock.advance(0.3)
    hall.clock.advance(2)
    yield ["bots", "end", "|".join(f"{_text(b''.join(bot.hear()))} {bot.peer.closed}" for bot in bots)]


def command() -> Iterator[Line]:
    """Programs of the first dialect, and kept connections."""
    for line in COMMANDS:
        bench = CommandBench()
        credentials: Any = getattr(bench, "credentials", None)
        if credentials is not None:  # as a section whose `access` has no tokens
            credentials.takes_tokens = False
        side = bench.connect()
        yield ["program", _text(line), _text(side.say(line))]
        while side.take_turn():
            pass
        yield ["program", "then", f"{_text(side.peer.take_sent())} {side.peer.closed} {bench.ran!r}"]


def feed() -> Iterator[Line]:
    """Clients of the first dialect."""
    _service, factory, reactor, _bus = wired(KIND, FeedConfig(locales=("en_US",), seed=7, ping_interval=3600.0))
    for headers in ((), ("Origin: http://evil.example",)):
        client = connect(factory, reactor)
        head, _, rest = client.say(request(None, *headers)).partition(b"\r\n\r\n")
        yield ["client", " ".join(headers), _text(head + b"\r\n\r\n" + rest)]
        client.lose()
    client = connect(factory, reactor)
    client.say(request())
    for said in ("Connected with client-1", "Client Client-1 received block number 3 in time 2.03 sec", "hello", "{}"):
        yield ["client", said, _text(client.say(say(said)))]
    reactor.advance(1)
    yield ["client", "a round", str([opcode for opcode, _value in frames(client.heard())])]  # the values are Faker's
    client.lose()
    yield ["client", "GET /", _text(connect(factory, reactor).say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))]


SCENES: dict[str, Callable[[], Iterator[Line]]] = {
    "relay": relay,
    "session": session,
    "room": room,
    "command": command,
    "feed": feed,
}


def played(wire: str) -> list[Line]:
    """The steps of one wire."""
    return list(SCENES[wire]())


if __name__ == "__main__":
    json.dump({wire: played(wire) for wire in SCENES}, sys.stdout, indent=1, ensure_ascii=True)
