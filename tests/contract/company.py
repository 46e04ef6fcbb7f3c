"""Who is there when an operation is called: a device, a bot, an agent, over the ports of their own."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from netd.client.feed_messages import SUBPROTOCOL, Wish, report_text
from netd.client.relay import Device
from tests.contract.agents import hello
from tests.contract.world import World
from tests.process import PATIENCE

__all__ = [
    "Company",
    "board",
    "bot",
    "caller",
    "device",
    "event",
    "feed_client",
    "gone",
    "nobody",
    "older_board",
    "streaming",
    "unasked",
]

Company = Callable[[World], AbstractContextManager[Any]]
"""Comes, tells what the case must know of it, and leaves."""


def until(found: Callable[[], Any]) -> Any:
    """What *found* returns, as soon as there is anything."""
    end = time.monotonic() + PATIENCE
    while not (it := found()):
        assert time.monotonic() < end, "it never comes"
        time.sleep(0.002)
    return it


@contextmanager
def nobody(_world: World) -> Iterator[None]:
    """Nobody is needed."""
    yield


@contextmanager
def event(world: World) -> Iterator[None]:
    """``custom.lamp`` was published."""
    world.call("bus.publish", subject="custom.lamp", data={"lit": True})
    yield


@contextmanager
def board(world: World) -> Iterator[int]:
    """There is a board ``lab``: its newest version."""
    kept = {one["name"]: one["version"] for one in world.call("board.list")}
    written = world.call("board.write", name="lab", version=kept.get("lab", 0), board={"title": "Lab", "tiles": []})
    yield written["version"]


@contextmanager
def older_board(world: World) -> Iterator[int]:
    """It has an older version, too."""
    with board(world) as older, board(world):
        yield older


@contextmanager
def device(world: World) -> Iterator[None]:
    """A device ``lamp``, which answers what it gets; but ``burn`` with an error, and ``sleep`` not at all."""
    is_there = threading.Event()

    def serve() -> None:
        for message in lamp:
            if message.payload == b"burn":
                message.fail("out of oil")
            elif message.payload != b"sleep":
                message.answer(b"ok: " + message.payload)

    port = world.port("relay")
    with _silent("netd.client.relay"), Device("127.0.0.1", port, "lamp", ["light"], on_connect=lambda _: is_there.set()) as lamp:
        thread = threading.Thread(target=serve)
        thread.start()
        assert is_there.wait(PATIENCE)
        yield
    thread.join(PATIENCE)


@contextmanager
def gone(world: World) -> Iterator[None]:
    """A device ``gone`` has been there."""
    is_there = threading.Event()
    with Device("127.0.0.1", world.port("relay"), "gone", on_connect=lambda _: is_there.set()) as device:
        thread = threading.Thread(target=lambda: list(device))
        thread.start()
        assert is_there.wait(PATIENCE)
    thread.join(PATIENCE)
    until(lambda: any(one["name"] == "gone" and not one["online"] for one in world.call("relay.devices")["rows"]))
    yield


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """What is logged under this name is shown to nobody: that a device is thrown out is what its case is about."""
    log, handler = logging.getLogger(name), logging.NullHandler()
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def bot(world: World) -> Iterator[int]:
    """A bot ``Ida`` in a room, whose number it tells."""
    with socket.create_connection(("127.0.0.1", world.port("room")), PATIENCE) as connection:
        connection.sendall(b"Ida\n")
        assert connection.recv(1)
        yield until(lambda: [room["room"] for room in world.call("room.list")["rows"] if _has(room, "Ida")])[-1]


def _has(room: dict[str, Any], name: str) -> bool:
    return any(one["name"] == name for one in room["bots"])


@contextmanager
def caller(world: World) -> Iterator[None]:
    """Somebody at the manhole who has not logged in."""
    with socket.create_connection(("127.0.0.1", world.port("manhole")), PATIENCE) as connection:
        assert connection.recv(1)
        yield


@contextmanager
def feed_client(world: World) -> Iterator[None]:
    """A client ``screen`` of the feed, which has reported a block and said something."""
    url, subprotocols = f"ws://127.0.0.1:{world.port('feed')}/", [Subprotocol(SUBPROTOCOL)]
    with connect(url, subprotocols=subprotocols, open_timeout=PATIENCE, compression=None) as connection:
        connection.send(Wish(("city",), "screen").request().decode())
        connection.send(report_text("netd", "screen", 1, 2.5).decode())
        until(lambda: any(one["client"] == "screen" for one in world.call("feed.reports")))
        yield


@contextmanager
def streaming(world: World) -> Iterator[int]:
    """A session that netd has dialled, whose id it tells; it goes on afterwards."""
    dialled = [one for one in world.call("session.list")["rows"] if one["state"] == "streaming" and "y" not in one["channels"]]
    yield dialled[0]["session"] if dialled else world.call("session.start", host="127.0.0.1")["session"]


@contextmanager
def unasked(world: World) -> Iterator[int]:
    """A session of an agent that came of its own accord, with a channel ``y``, whose id it tells."""
    with socket.create_connection(("127.0.0.1", world.port("session")), PATIENCE) as connection:
        connection.sendall(hello(channel="y"))
        yield until(lambda: [one["session"] for one in world.call("session.list")["rows"] if _is_unasked(one)])[0]


def _is_unasked(session: dict[str, Any]) -> bool:
    return session["state"] == "streaming" and bool(session["samples"]) and "y" in session["channels"]
