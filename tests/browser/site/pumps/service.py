"""A pump that does nothing but say how it does."""

import math
from typing import Any, Literal

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from netd.codec.units import Bytes, Epoch, Seconds
from netd.interfaces import INetdService, IPublisher
from netd.message import EventKind, Message
from netd.operations import Operation, Role


@frozen(slots=False)
class Valve:
    """One of the valves."""

    valve: str
    open_for: Seconds
    leaks: bool


@frozen(slots=False)
class Motor:
    """What moves the pump."""

    running_for: Seconds
    temperature: float
    since: Epoch


@frozen(slots=False)
class Health:
    """How the pump does."""

    seal: str
    motor: Motor
    log: Bytes
    alarms: list[str]


@frozen(slots=False)
class Pressure:
    """``pump.<instance>.pressure``: what the pump measures, many times a second."""

    bar: float
    stroke: Seconds
    time: Epoch


@implementer(INetdService, IPublisher)
class PumpService(Service):
    def __init__(self, config: Any, reactor: Any, bus: Any) -> None:
        self.instance = config.instance
        self.speed = config.speed
        self.liquid: str | None = None
        self._bus = bus
        self._strokes = 0
        self._stroke = LoopingCall(self._tell)
        self._stroke.clock = reactor

    def startService(self) -> None:
        super().startService()
        self._stroke.start(0.05)

    def stopService(self) -> None:
        super().stopService()
        self._stroke.stop()

    def _tell(self) -> None:
        self._strokes += 1
        pressure = Pressure(round(2 + math.sin(self._strokes / 20), 3), 60 / self.speed, self._bus.wall())
        self._bus.publish(Message(f"pump.{self.instance}.pressure", pressure))
        self._bus.publish(Message(f"pump.{self.instance}.temperature", round(21 + math.cos(self._strokes / 50), 2)))

    def operations(self) -> list[Operation]:
        return [
            Operation("pump.speed", self.tell_speed, Role.VIEWER, "Strokes a minute"),
            Operation("pump.valves", self.list_valves, Role.VIEWER, "List the valves"),
            Operation("pump.health", self.tell_health, Role.VIEWER, "Tell how the pump does"),
            Operation("pump.run", self.run, Role.OPERATOR, "Pump a liquid"),
            Operation("pump.empty", self.empty, Role.ADMIN, "Let everything out"),
        ]

    def events(self) -> list[EventKind]:
        return [EventKind(f"pump.{self.instance}.pressure", Pressure)]

    def tell_speed(self) -> int:
        return self.speed

    def list_valves(self) -> list[Valve]:
        names = ("<b>inlet</b>", "outlet", "bypass")
        return [Valve(name, number * 1.5, number == 2) for number, name in enumerate(names)]

    def tell_health(self) -> Health:
        return Health("tight", Motor(7320.0, 54.25, 1792000000.0), 34567, [])

    def run(
        self, liquid: str, litres: float, mode: Literal["gentle", "strong"] = "gentle", quiet: bool = False
    ) -> dict[str, Any]:
        self.liquid = liquid
        return {"liquid": liquid, "litres": litres, "mode": mode, "quiet": quiet}

    def empty(self) -> None:
        self.liquid = None

    def status(self) -> dict[str, Any]:
        counters = {"strokes": self._strokes, "refused": {"dry run": 2}}
        return {
            "kind": "pump",
            "instance": self.instance,
            "listening": [],
            "speed": self.speed,
            "liquid": self.liquid,
            "counters": counters,
        }

    def drain(self) -> Deferred[None]:
        return succeed(None)


def make_service(config: Any, reactor: Any, bus: Any) -> PumpService:
    """The service that a section of the configuration describes."""
    return PumpService(config, reactor, bus)
