"""The state of the daemon: serving, draining or stopping.

A draining daemon accepts no more programs. Connected programs go on, for good or up to a deadline; at the deadline their
connections end as they do when the daemon stops, and the daemon stays drained. Until it stops, an admin can resume. Consoles
(gateway, manhole, control socket) are not drained: people watch and resume through them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from netd.codec.jsontext import to_plain
from netd.codec.units import Epoch, Seconds
from netd.errors import InvalidArguments, NetdError, OperationFailed
from netd.interfaces import IBus, IConsole, IDrainable, INetdService
from netd.message import Message
from netd.operations import Operation
from netd.principal import Role

__all__ = ["STATE", "DaemonState", "DaemonStateChanged", "Draining", "Lifecycle", "ServingState", "state_on"]

STATE = "system.main.state"
"""The subject under which changes are published; the newest is retained."""


LONGEST = 365 * 86400.0
"""The latest deadline, in seconds from now. A time that no calendar has could not be shown."""


class ServingState(enum.Enum):
    """The state of the daemon towards programs: whether new ones may connect, and whether connected ones may go on."""

    SERVING = "serving"
    DRAINING = "draining"
    STOPPING = "stopping"


@frozen(slots=False)
class DaemonStateChanged:
    """The daemon has begun to serve, drain or stop.

    :ivar until: when connections are closed; None while nothing is draining, or without a deadline.
    """

    state: ServingState
    since: Epoch
    until: Epoch | None


@frozen(slots=False)
class Draining:
    """The progress of draining.

    :ivar since: when it began.
    :ivar left: until connections are closed; 0 where they have been, None without a deadline.
    :ivar connections: connections of programs that are open still.
    """

    since: Epoch
    left: Seconds | None
    connections: int


@frozen(slots=False)
class DaemonState:
    """Whether the daemon serves.

    :ivar draining: how far it is with that; None while it does not drain.
    """

    state: ServingState
    draining: Draining | None


def _is_drained(service: INetdService) -> bool:
    return IDrainable.providedBy(service) and not IConsole.providedBy(service)


def state_on(bus: IBus) -> DaemonStateChanged | None:
    """What the bus has of the daemon's state; None where there is no daemon."""
    for message in bus.last(STATE):
        assert isinstance(message.event, DaemonStateChanged)
        return message.event
    return None


@define(eq=False)
class Lifecycle:
    """The daemon's state, and all that changes it.

    :ivar services: gives the services of all sections.
    :ivar clock: the reactor's; it is never set back.
    """

    _log = Logger()

    services: Callable[[], Iterable[INetdService]]
    bus: IBus
    clock: Any
    state: ServingState = field(default=ServingState.SERVING, init=False)
    _since: float = field(default=0.0, init=False)
    _deadline: Any = field(default=None, init=False)
    _is_over: bool = field(default=False, init=False)
    _ending: Deferred[Any] | None = field(default=None, init=False)
    _resuming: list[Deferred[None]] = field(factory=list, init=False)

    def operations(self) -> list[Operation]:
        """The operations that change the state."""
        drain = "Accept no more connections; those that are open go on, or are closed after so many seconds"
        return [
            Operation("system.drain", self.drain, Role.ADMIN, drain),
            Operation("system.resume", self.resume, Role.ADMIN, "Accept connections again, after system.drain"),
        ]

    def admit(self, service: INetdService) -> None:
        """Pause *service*, which is about to start, if the daemon drains."""
        if self.state is ServingState.DRAINING and _is_drained(service):
            service.pause()  # type: ignore[attr-defined]  # of IDrainable

    def start(self) -> None:
        """The daemon serves."""
        self._enter(ServingState.SERVING)

    def stop(self) -> None:
        """The daemon stops: the services are about to end everything themselves."""
        self._forget_deadline()
        self._enter(ServingState.STOPPING)

    def drain(self, within: Seconds | None = None) -> DaemonState:
        """Accept no more programs. A daemon that drains already gets another deadline, or none.

        :param within: seconds after which connections end; without it, they go on.
        """
        if within is not None and not 0 <= within <= LONGEST:
            raise InvalidArguments(f"within: a number of seconds, from 0 to {LONGEST:.0f}")
        self._check_is_not_stopping()
        for resuming in self._waiting_to_resume():
            resuming.errback(OperationFailed("netd was drained again meanwhile"))
        is_new = self.state is ServingState.SERVING
        if is_new:
            for service in self._drained():
                service.pause()
        self._forget_deadline()
        if within is not None and not self._is_over:
            self._deadline = self.clock.callLater(within, self._end)
        self._enter(ServingState.DRAINING, keep_since=not is_new)
        self._log.info(
            "netd drains: {how}", how="what is open goes on" if within is None else f"what is open ends in {within:g} s"
        )
        return self.describe()

    def resume(self) -> Deferred[DaemonState]:
        """Accept programs again, on the same endpoints. After the deadline, wait until all connections have ended.

        :raises OperationFailed: when an endpoint is not to be had any more; all others accept again. Also when the daemon is
            drained again while this waits.
        """
        self._check_is_not_stopping()
        self._forget_deadline()
        ended: Deferred[None] = Deferred(self._resuming.remove)
        self._resuming.append(ended)
        resumed = ended.addCallback(lambda _: self._resume())
        if self._ending is None:
            self._let_resume()
        return resumed

    def describe(self) -> DaemonState:
        """The state as it is now."""
        if self.state is not ServingState.DRAINING:
            return DaemonState(self.state, None)
        connections = sum(to_plain(service.status()).get("connections", 0) for service in self._drained())
        return DaemonState(self.state, Draining(self._since, self._left(), connections))

    def _resume(self) -> DaemonState:
        self._check_is_not_stopping()
        failures = []
        for service in self._drained():
            try:
                service.resume()
            except NetdError as error:
                failures.append(str(error))
        if self.state is ServingState.DRAINING:
            self._is_over = False
            self._enter(ServingState.SERVING)
            self._log.info("netd serves again")
        if failures:
            raise OperationFailed(
                "\n".join([*failures, "Everything else accepts connections again; another resume tries the rest."])
            )
        return self.describe()

    def _end(self) -> None:
        """The deadline has come."""
        self._deadline, self._is_over = None, True
        self._log.info("netd drains: the time is over, and what is open is ended")
        self._ending = DeferredList([maybeDeferred(service.finish) for service in self._drained()])
        self._ending.addCallback(self._ended)

    def _ended(self, _results: Any) -> None:
        self._ending = None
        self._let_resume()

    def _let_resume(self) -> None:
        for resuming in self._waiting_to_resume():
            resuming.callback(None)

    def _waiting_to_resume(self) -> list[Deferred[None]]:
        waiting, self._resuming = self._resuming, []
        return waiting

    def _drained(self) -> list[Any]:
        return [service for service in self.services() if _is_drained(service)]

    def _left(self) -> float | None:
        if self._deadline is None:
            return 0.0 if self._is_over else None
        left: float = self._deadline.getTime() - self.clock.seconds()
        return max(0.0, left)

    def _enter(self, state: ServingState, keep_since: bool = False) -> None:
        self.state = state
        self._since = self._since if keep_since else self.bus.wall()
        left = self._left() if state is ServingState.DRAINING else None
        until = None if left is None else self.bus.wall() + left
        self.bus.publish(Message(STATE, DaemonStateChanged(state, self._since, until)))

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _check_is_not_stopping(self) -> None:
        if self.state is ServingState.STOPPING:
            raise OperationFailed("netd is stopping")
