"""The operations of the daemon itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList

from netd import __version__
from netd.bus.local import LocalBus
from netd.console.dispatch import describe
from netd.console.reach import subjects_of
from netd.errors import NotPermitted
from netd.interfaces import INetdService
from netd.operations import Caller, Operation, OperationTable, Role
from netd.principal import Principal
from netd.secrets.tokens import Tokens
from netd.vitals import Vitals

__all__ = ["System"]


@define(eq=False)
class System:
    """What can be asked of the daemon as a whole.

    :ivar monotonic: the clock, which is never set back.
    :ivar tokens: what callers may prove themselves with.
    :ivar stop_daemon: ends the daemon.
    :ivar lag: of the event loop, in seconds; see :mod:`netd.vitals`.
    :ivar began: when the daemon was built, by the monotonic clock.
    :ivar started: the same, by the wall clock as it was then: no two daemons have the same.
    """

    name: str
    services: Collection[INetdService]
    table: OperationTable
    bus: LocalBus
    monotonic: Callable[[], float]
    tokens: Tokens
    stop_daemon: Callable[[], None]
    lag: float = 0.0
    began: float = field(init=False)
    started: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.began, self.started = self.monotonic(), self.bus.wall()

    def operations(self) -> list[Operation]:
        """The operations that are always there."""
        listed, told = "List the operations with their arguments", "Tell what runs, where it listens, and how it does"
        return [
            Operation("system.operations", self.list_operations, Role.VIEWER, listed, spans_services=True),
            Operation("system.status", self.status, Role.VIEWER, told, spans_services=True),
            Operation("system.drain", self.drain, Role.ADMIN, "Accept no more connections; those that are open go on"),
            Operation("system.stop", self.stop, Role.ADMIN, "Finish what is open, then end the daemon"),
            Operation("system.whoami", self.whoami, Role.NOBODY, "Tell what the caller may do", spans_services=True),
            *self._lasting(),
        ]

    def _lasting(self) -> list[Operation]:
        known = "Say who you are, by a token"
        return [Operation("system.login", self.login, Role.NOBODY, known, spans_services=True, is_lasting=True)]

    def list_operations(self, caller: Caller) -> list[dict[str, Any]]:
        """The table, with JSON Schemas; to a caller who is confined to some subjects, what it may call of it."""
        return describe(self.table, caller.principal)

    def status(self, caller: Caller) -> dict[str, Any]:
        """As :meth:`facts`; a caller who is confined to some subjects learns of those services alone that have no others."""
        facts = self.facts()
        told = zip(self.services, facts["services"], strict=True)
        facts["services"] = [status for service, status in told if caller.may(subjects_of(status["kind"], service.instance))]
        return facts

    def facts(self) -> dict[str, Any]:
        """Facts about the daemon and each of its services."""
        return {
            "name": self.name,
            "version": __version__,
            "started": self.started,
            "uptime": self.monotonic() - self.began,
            "published": self.bus.published,
            "lag": self.lag,
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

    def login(self, caller: Caller, token: str) -> dict[str, Any]:
        """Give the caller what belongs to *token*, for as long as its connection stays.

        :raises NotPermitted: for a token that is unknown, and for a caller that has rights already: what it began with those
            would outlive narrower ones.
        """
        if caller.principal.role is not Role.NOBODY:
            raise NotPermitted("this connection has its rights already: connect anew to be somebody else")
        if caller.tries is not None and caller.tries.is_over:
            raise NotPermitted("too many unknown tokens; connect anew")
        found = self.tokens.find(token)
        if found is None:
            if caller.tries is not None:
                caller.tries.fail()
            raise NotPermitted("this token is unknown; `netd token list` shows which there are, `netd token add` makes one")
        assert caller.link is not None, "lasting operations have one"
        caller.link.prove(found.principal)
        return _rights(found.principal)

    def whoami(self, caller: Caller) -> dict[str, Any]:
        """The caller's rights, as :meth:`login` gives them: no name where only the address is known; no subjects: all of them."""
        return _rights(caller.principal)

    def note_lag(self, seconds: float) -> None:
        """The event loop came so late within the last second."""
        self.lag = seconds

    def vitals(self) -> Vitals:
        """How the daemon does now."""
        statuses = [service.status() for service in self.services]
        return Vitals(
            time=self.bus.wall(),
            started=self.started,
            uptime=self.monotonic() - self.began,
            published=self.bus.published,
            connections=sum(status.get("connections", 0) for status in statuses),
            dropped=sum(sum(status.get("counters", {}).get("dropped", {}).values()) for status in statuses),
            lag=self.lag,
        )


def _rights(principal: Principal) -> dict[str, Any]:
    return {
        "name": principal.name,
        "role": principal.role.name.lower(),
        "subjects": principal.subjects,
        "proof": principal.proof.value,
    }
