"""The ways to call an operation from a program in Python: the clients that come with netd (see :mod:`tests.contract.drivers`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from netd.client import control as errors
from netd.client.gateway import Gateway
from netd.client.gateway_asyncio import AsyncGateway
from netd.operations import Role
from tests.contract.cases import Code, Fault
from tests.contract.drivers import Driver, Outcome
from tests.contract.world import World
from tests.process import PATIENCE

__all__ = ["AsyncClient", "Client"]

CLASSES: Mapping[Code, type[errors.RemoteError]] = {
    Code.INVALID_REQUEST: errors.InvalidRequest,
    Code.NO_SUCH_OPERATION: errors.NoSuchOperation,
    Code.INVALID_ARGUMENTS: errors.InvalidArguments,
    Code.FAILED: errors.OperationFailed,
    Code.NO_SUCH_TARGET: errors.NoSuchTarget,
    Code.NOT_PERMITTED: errors.NotPermitted,
    Code.OUTDATED: errors.Outdated,
}


class Library(Driver):
    """A client that comes with netd. Errors have classes."""

    def as_fault(self, fault: Fault) -> Outcome:
        """With its class."""
        return super().as_fault(fault) | {"class": CLASSES[fault.code].__name__}


class Client(Library):
    """The blocking one."""

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        self._gateway = Gateway(world.url, self.token, timeout=PATIENCE)

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it."""
        try:
            return {"result": self._gateway.call(operation, **arguments)}
        except errors.RemoteError as error:
            return _raised(error)

    def close(self) -> None:
        """Hang up."""
        self._gateway.close()


class AsyncClient(Library):
    """The one for asyncio, in a loop of its own."""

    def __init__(self, world: World, role: Role | None = None) -> None:
        super().__init__(world, role)
        self._runner = asyncio.Runner()
        self._is_closed = False
        self._gateway = AsyncGateway(world.url, self.token, timeout=PATIENCE)

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Call it; what came of it."""

        async def call() -> Outcome:
            try:
                return {"result": await self._gateway.call(operation, **arguments)}
            except errors.RemoteError as error:
                return _raised(error)

        return self._runner.run(call())

    def close(self) -> None:
        """Hang up."""
        if not self._is_closed:
            self._is_closed = True
            self._runner.run(self._gateway.close())
            self._runner.close()


def _raised(error: errors.RemoteError) -> Outcome:
    return {"code": error.code, "text": str(error), "class": type(error).__name__}
