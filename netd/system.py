"""The operations of the daemon itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, DeferredList

from netd import __version__
from netd.bus.local import LocalBus
from netd.console.dispatch import describe
from netd.errors import InvalidArguments
from netd.interfaces import INetdService
from netd.operations import Operation, OperationTable, Role

__all__ = ["System"]


@define(eq=False)
class System:
    """What can be asked of the daemon as a whole.

    :ivar seconds: the wall clock.
    :ivar started: when the daemon was built.
    :ivar stop: ends the daemon.
    """

    name: str
    services: list[INetdService]
    table: OperationTable
    bus: LocalBus
    seconds: Callable[[], float]
    started: float
    stop_daemon: Callable[[], None]

    def operations(self) -> list[Operation]:
        """The operations that are always there."""
        return [
            Operation("system.operations", self.list_operations, Role.VIEWER, "List all operations with their arguments"),
            Operation("system.status", self.status, Role.VIEWER, "Tell what runs, where it listens, and how it does"),
            Operation("system.drain", self.drain, Role.ADMIN, "Accept no more connections; those that are open go on"),
            Operation("system.stop", self.stop, Role.ADMIN, "Finish what is open, then end the daemon"),
            Operation("bus.last", self.last, Role.VIEWER, "Show the newest message of each subject that matches a pattern"),
        ]

    def list_operations(self) -> list[dict[str, Any]]:
        """The table, with JSON Schemas."""
        return describe(self.table)

    def status(self) -> dict[str, Any]:
        """Facts about the daemon and each of its services."""
        return {
            "name": self.name,
            "version": __version__,
            "uptime": self.seconds() - self.started,
            "published": self.bus.published,
            "services": [service.status() for service in self.services],
        }

    def drain(self) -> Deferred[dict[str, Any]]:
        """Stop accepting everywhere but on the control socket."""
        drained = DeferredList([service.drain() for service in self.services])
        return drained.addCallback(lambda _: {"status": "draining", "services": len(self.services)})

    def stop(self) -> dict[str, Any]:
        """End the daemon, once this answer has left."""
        self.stop_daemon()
        return {"status": "stopping"}

    def last(self, pattern: str = ">") -> list[dict[str, Any]]:
        """The retained messages of *pattern*."""
        try:
            return [{"subject": message.subject, "event": message.event} for message in self.bus.last(pattern)]
        except ValueError as error:
            raise InvalidArguments(f"pattern: {error}") from None
