"""The oven, which notes on what loop it is."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from zope.interface import implementer

from netd.interfaces import IAsyncio, INetdService
from netd.operations import Operation, Role


@implementer(INetdService, IAsyncio)
class OvenService(Service):
    loop: Any = None

    def __init__(self, instance: str) -> None:
        self.instance = instance

    def use_loop(self, loop: Any) -> None:
        self.loop = loop

    def operations(self) -> list[Operation]:
        return [Operation("oven.loop", self.loop_name, Role.VIEWER, "Tell the loop")]

    async def _bake(self) -> str:
        import asyncio

        await asyncio.sleep(0)
        return "baked on " + type(asyncio.get_running_loop()).__name__

    def loop_name(self) -> Any:
        from twisted.internet.defer import Deferred

        return Deferred.fromFuture(self.loop.create_task(self._bake()))

    def status(self) -> dict[str, object]:
        return {"kind": "oven", "instance": self.instance, "listening": [], "connections": 0, "counters": {}}

    def drain(self) -> Any:
        from twisted.internet.defer import succeed

        return succeed(None)


def make_service(config: Any, _reactor: Any, _bus: Any) -> OvenService:
    """Make the service of one section."""
    return OvenService(config.instance)
