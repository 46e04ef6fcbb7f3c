"""The actors of ``netd demo``, and the addresses of their services."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from netd.cli.actors import DEVICE, AbsentPart, AgentPart, BotPart, CommandsPart, ControllerPart, DevicePart, FeedPart
from netd.cli.relay import RelayPlace
from netd.cli.stage import Actor
from netd.client.control import Control
from netd.client.feed import TYPES

__all__ = ["BOTS", "cast", "read_agent_port", "read_device", "read_places"]

BOTS = (
    ("Ada", "happy"),
    ("Bo", "grumpy"),
    ("Cleo", "curious"),
    ("Dag", "lazy"),
    ("Eva", "happy"),
    ("Finn", "grumpy"),
    ("Gro", "curious"),
    ("Hal", "lazy"),
)
"""Names and characters: four, and the next four."""


def read_places(status: Mapping[str, Any]) -> dict[str, RelayPlace]:
    """The address of each kind of service, seen from this machine: the first TCP port in ``system.status``."""
    places: dict[str, RelayPlace] = {}
    for service in status["services"]:
        for listening in service.get("listening", ()):  # a service that only dials has none
            host, _, port = listening["address"].rpartition(":")
            if port.isdigit() and service["kind"] not in places:
                plain = host.removeprefix("[").removesuffix("]")
                places[service["kind"]] = RelayPlace({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(plain, plain), int(port))  # noqa: S104
    return places


def read_agent_port(status: Mapping[str, Any]) -> int:
    """The port at which netd dials agents, from ``system.status``."""
    ports = [service["agent_port"] for service in status["services"] if "agent_port" in service]
    return int(ports[0]) if ports else 0


def read_device(status: Mapping[str, Any]) -> str:
    """The name of the device. The nodes of a cluster have all devices together, so each node's has a name of its own."""
    is_node = any(service["kind"] == "cluster" for service in status["services"])
    return f"{DEVICE}-{status['name']}" if is_node else DEVICE


def cast(status: Mapping[str, Any], control: Callable[[], Control], chance: Callable[[], float]) -> Sequence[Actor]:
    """All actors for the daemon with this ``system.status``, in the order in which they are shown."""
    places, agent_port = read_places(status), read_agent_port(status)
    device = read_device(status)
    logging.getLogger("netd.client").addHandler(logging.NullHandler())  # the actors' lines show the same
    parts: list[tuple[str, str, Callable[[RelayPlace], Actor]]] = [
        ("device", "relay", partial(DevicePart, device)),
        ("controller", "relay", partial(ControllerPart, device)),
        ("agent", "session", lambda place: AgentPart(place, agent_port, control, chance)),
        ("command", "command", CommandsPart),
    ]
    for size, kind in enumerate(TYPES, 1):
        parts.append((f"feed {kind}", "feed", partial(FeedPart, kind, size, ("old", "netd")[size % 2])))
    for number, (name, character) in enumerate(BOTS):
        parts.append((f"bot {name}", "room", partial(BotPart, name, character, ("old", "netd")[number % 2])))
    return [build(places[kind]) if kind in places else AbsentPart(name, kind) for name, kind, build in parts]
