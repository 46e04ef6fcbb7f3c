"""Programs that try one action each, as a real one does: with a first message of the wire, and a token in it if it has one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from netd.codec.length_header import encode_frame
from netd.relay.grammar import encode_pair
from netd.testing import Connection
from tests.feed.bench import request
from tests.relay.bench import pairs
from tests.trust.house import HERE, House

__all__ = ["DRIVERS", "Driver", "Visit"]


class Visit:
    """What came of a try.

    :ivar is_done: whether the program did what it wanted.
    """

    def __init__(self, connection: Connection, is_done: bool) -> None:
        self.connection = connection
        self.is_done = is_done

    @property
    def is_open(self) -> bool:
        """Whether netd goes on with the program."""
        return not self.connection.is_closing

    def leave(self) -> None:
        """End the connection."""
        if not self.connection.protocol.peer.is_open or self.connection.transport.connected:
            self.connection.lose()


Driver = Callable[[House, str, str | None, str], Visit]
"""Tries an action from a host, with a token or none, for a name: that of a device, agent, command or bot."""


def _members(token: str | None, **members: object) -> dict[str, object]:
    return members if token is None else {**members, "token": token}


def _told(said: bytes) -> dict[str, Any]:
    """The first envelope of a relay's answer; its text where it is of the first dialect."""
    try:
        return pairs(said)[0][0]
    except (ValueError, IndexError):
        return {"error": said.decode(errors="replace")}


def _hello(house: House, host: str, role: str, members: Mapping[str, object]) -> tuple[Connection, dict[str, Any]]:
    connection = house.visit("relay", host)
    return connection, _told(connection.say(encode_frame(f"{role} {json.dumps(members)}".encode())))


def be_device(house: House, host: str, token: str | None, name: str) -> Visit:
    """To be the device *name*."""
    connection, told = _hello(house, host, "device", _members(token, name=name))
    return Visit(connection, told.get("status") == "welcome")


def list_devices(house: House, host: str, token: str | None, name: str) -> Visit:
    """To be told the devices."""
    connection, told = _hello(house, host, "controller", _members(token))
    if told.get("status") == "welcome":
        told = _told(connection.say(encode_pair({"id": 1, "list": True})))
    return Visit(connection, told.get("status") == "list")


def send_to_device(house: House, host: str, token: str | None, name: str) -> Visit:
    """To send to the device *name*, which hears it then."""
    device = be_device(house, HERE, house.tokens["device"] if name == "door-lock" else None, name)
    assert device.is_done, "it is there"
    device.connection.heard()
    connection, told = _hello(house, host, "controller", _members(token))
    if told.get("status") == "welcome":
        connection.say(encode_pair({"id": 1, "to": name}, b"secret code 1234"))
    is_heard = b"secret code 1234" in device.connection.heard()
    device.leave()
    return Visit(connection, is_heard)


def stream(house: House, host: str, token: str | None, name: str) -> Visit:
    """To stream as the agent *name*."""
    connection = house.visit("session", host)
    told = connection.say(json.dumps(_members(token, channels={"x": {}}, name=name)).encode() + b"\n")
    return Visit(connection, not connection.is_closing and b"error" not in told)


def read_feed(house: House, host: str, token: str | None, name: str) -> Visit:
    """To read the feed."""
    connection = house.visit("feed", host)
    headers = () if token is None else (f"Authorization: Bearer {token}",)
    return Visit(connection, connection.say(request(None, *headers)).startswith(b"HTTP/1.1 101 "))


def run_command(house: House, host: str, token: str | None, name: str) -> Visit:
    """To run the command *name*."""
    connection = house.visit("command", host)
    told = connection.say(json.dumps(_members(token, command_id=name, id=1)).encode() + b"\n")
    return Visit(connection, b'"success"' in told)


def list_commands(house: House, host: str, token: str | None, name: str) -> Visit:
    """To be told the commands."""
    return run_command(house, host, token, "command.list")


def join_room(house: House, host: str, token: str | None, name: str) -> Visit:
    """To take a place as the bot *name*."""
    connection = house.visit("room", host)
    first = name if token is None else json.dumps(_members(token, name=name))
    told = connection.say(first.encode() + b"\n")
    return Visit(connection, not connection.is_closing and b"needs" not in told)


def be_peer(house: House, host: str, token: str | None, name: str) -> Visit:
    """To be the peer *name* of a wire."""
    connection = house.visit("wire", host)
    proof = "" if token is None else f" token {token}"
    told = connection.say(f"hello {name}{proof}\n".encode())
    return Visit(connection, b"welcome" in told)


def visit_gateway(house: House, host: str, token: str | None, name: str) -> Visit:
    """To use the gateway."""
    connection, told = house.get("/api", host, token)
    return Visit(connection, told.startswith(b"HTTP/1.1 200 "))


def read_metrics(house: House, host: str, token: str | None, name: str) -> Visit:
    """To read the figures."""
    connection, told = house.get("/metrics", host, token)
    return Visit(connection, told.startswith(b"HTTP/1.1 200 "))


DRIVERS: Mapping[str, Driver] = {
    "relay.connect": be_device,
    "relay.list": list_devices,
    "relay.send": send_to_device,
    "session.stream": stream,
    "feed.read": read_feed,
    "command.list": list_commands,
    "command.run": run_command,
    "room.join": join_room,
    "wire.connect": be_peer,
    "gateway.visit": visit_gateway,
    "gateway.metrics": read_metrics,
}
"""By the name of the action. Each action has one."""
