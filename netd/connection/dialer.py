"""One connection to a remote that is kept up: dialled again, after a wait, whenever it is lost or an attempt fails.

Twisted's ``ClientService`` is no base for this. It counts a connection as made before the TLS handshake is over; it cannot stop
reconnecting without cutting the present connection; and a connection that is lost while ``prepareConnection`` waits makes it
raise ``NoTransition``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger

from netd.connection.backoff import Backoff
from netd.connection.dialing import DialFailed, DialledFactory, DialledProtocol, DialResult
from netd.connection.protocol import LINES
from netd.log import told_of
from netd.status import DialStatus

__all__ = ["LASTED", "Dialer", "DialerRules", "DialerState"]

LASTED = 10.0
"""Seconds that a connection must have lasted for the next wait to be as short as the first.

Otherwise a remote that accepts connections and closes them at once, as a broker does after a wrong password, would be dialled
once a second.
"""


class DialerRules(Protocol):
    """The options of a :class:`Dialer`. A :class:`netd.config.DialingConfig` has them."""

    @property
    def dial_timeout(self) -> float:
        """Seconds that one attempt may take."""

    @property
    def reconnect_delay(self) -> float:
        """The longest pause after the first failure, in seconds."""

    @property
    def max_reconnect_delay(self) -> float:
        """The longest pause after any number of failures, in seconds."""


class DialerState(enum.Enum):
    """The state of a dialer; the values are shown to people."""

    STOPPED = "stopped"
    DIALLING = "dialling"
    CONNECTED = "connected"
    WAITING = "waiting"
    LAST = "connected, not dialled again"


class DialerInput(enum.Enum):
    """An event in the life of a dialer."""

    START = "the connection is wanted"
    PAUSE = "no further connection is wanted"
    MOVED = "another remote is wanted"
    MADE = "an attempt succeeded"
    FAILED = "an attempt failed"
    LOST = "the connection ended"
    DUE = "the pause is over"


DialerAction = Callable[["Dialer"], None]


class Dialer:
    """Keeps one connection to *remote* up.

    :param remote: the description of *endpoint*, for people.
    :param chance: returns a random number from 0 up to 1.
    :ivar rules: the options in force; they may be exchanged.
    :ivar connection: the connection; None while there is none.
    """

    _log = Logger()

    def __init__(
        self,
        factory: DialledFactory,
        endpoint: IStreamClientEndpoint,
        remote: str,
        rules: DialerRules,
        chance: Callable[[], float],
    ) -> None:
        self._factory = factory
        self._clock = factory.context.clock
        self._endpoint = endpoint
        self._remote = remote
        self.rules = rules
        self._chance = chance
        self._attempt: Deferred[Any] | None = None
        self._timer: Any = None
        self._failures = 0
        self._last_failure: str | None = None
        self.state = DialerState.STOPPED
        self.connection: DialledProtocol | None = None

    def start(self) -> None:
        """Dial now, and again whenever the connection is lost. Starting twice is harmless."""
        self._step(DialerInput.START)

    def pause(self) -> None:
        """Dial no more. A connection that is there stays; :meth:`start` takes this back."""
        self._step(DialerInput.PAUSE)

    def use(self, endpoint: IStreamClientEndpoint, remote: str) -> None:
        """Dial *endpoint* from now on. If *remote* is another one than before, end the connection politely, or the wait."""
        has_moved, self._remote = remote != self._remote, remote
        self._endpoint = endpoint
        if has_moved:
            self._failures = 0
            self._step(DialerInput.MOVED)

    def status(self) -> DialStatus:
        """Facts for people. Times are from now on."""
        now, connection = self._clock.seconds(), self.connection
        return DialStatus(
            remote=self._remote,
            state=self.state.value,
            connected_for=None if connection is None else connection.age,
            next_attempt=None if self._timer is None else self._timer.getTime() - now,
            failures=self._failures,
            last_failure=self._last_failure,
        )

    def _step(self, happened: DialerInput) -> None:
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is not None:
            action, self.state = transition
            action(self)

    # From the attempt and the connection

    def _made(self, connection: DialledProtocol) -> None:
        self._attempt = None
        self.connection = connection
        self._step(DialerInput.MADE)

    def _failed(self, error: DialFailed) -> None:
        self._attempt = None
        if error.result is not DialResult.GIVEN_UP:  # that is what this dialer itself has asked for
            self._last_failure = error.advice
            self._step(DialerInput.FAILED)
            self._log_failure(error)

    def _lost(self, connection: DialledProtocol, why: str) -> None:
        self.connection = None
        self._last_failure = f"the connection ended: {why}"
        if connection.age >= LASTED and not connection.is_unwelcome:
            self._failures = 0
        self._step(DialerInput.LOST)

    # What each input does

    def _do_dial(self) -> None:
        self._timer = None
        connection = self._factory.make()
        connection.on_lost = self._lost
        connection.on_ready = self._greet
        self._attempt = self._factory.dial(self._endpoint, connection, self.rules.dial_timeout)
        self._attempt.addCallbacks(self._made, lambda failure: self._failed(failure.value))

    def _do_give_up(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()

    def _do_wait(self) -> None:
        backoff = Backoff(self.rules.reconnect_delay, self.rules.max_reconnect_delay)
        self._timer = self._clock.callLater(backoff.delay(self._failures, self._chance()), self._step, DialerInput.DUE)
        self._failures += 1

    def _do_stop_waiting(self) -> None:
        self._timer.cancel()
        self._timer = None

    def _do_dial_instead(self) -> None:
        self._do_give_up()
        if self._timer is not None:
            self._timer.cancel()
        self._do_dial()

    def _do_leave(self) -> None:
        assert self.connection is not None
        self.connection.finish()

    def _greet(self) -> None:
        skipped = self._factory.log_limiter.admit("connected", most=LINES)
        if skipped is not None:
            self._log.info(
                "{service}: connected to {remote}{more}", service=self._factory.name, remote=self._remote, more=told_of(skipped)
            )

    def _do_nothing(self) -> None:
        """Do nothing: only the state changes."""

    def _log_failure(self, error: DialFailed) -> None:
        skipped = self._factory.log_limiter.admit(f"cannot reach: {error.result.value}")
        if skipped is not None:
            self._log.warn(
                "{service}: cannot reach {remote}: {why}; it is dialled again in {seconds:.1f} s{more}",
                service=self._factory.name,
                remote=self._remote,
                why=error.advice,
                seconds=self._timer.getTime() - self._clock.seconds(),
                more=told_of(skipped),
            )

    TRANSITIONS: ClassVar[dict[tuple[DialerState, DialerInput], tuple[DialerAction, DialerState]]] = {
        (DialerState.STOPPED, DialerInput.START): (_do_dial, DialerState.DIALLING),
        (DialerState.DIALLING, DialerInput.MADE): (_do_nothing, DialerState.CONNECTED),
        (DialerState.DIALLING, DialerInput.FAILED): (_do_wait, DialerState.WAITING),
        (DialerState.DIALLING, DialerInput.PAUSE): (_do_give_up, DialerState.STOPPED),
        (DialerState.CONNECTED, DialerInput.LOST): (_do_wait, DialerState.WAITING),
        (DialerState.CONNECTED, DialerInput.PAUSE): (_do_nothing, DialerState.LAST),
        (DialerState.LAST, DialerInput.START): (_do_nothing, DialerState.CONNECTED),
        (DialerState.LAST, DialerInput.LOST): (_do_nothing, DialerState.STOPPED),
        (DialerState.WAITING, DialerInput.DUE): (_do_dial, DialerState.DIALLING),
        (DialerState.WAITING, DialerInput.PAUSE): (_do_stop_waiting, DialerState.STOPPED),
        (DialerState.DIALLING, DialerInput.MOVED): (_do_dial_instead, DialerState.DIALLING),
        (DialerState.WAITING, DialerInput.MOVED): (_do_dial_instead, DialerState.DIALLING),
        (DialerState.CONNECTED, DialerInput.MOVED): (_do_leave, DialerState.CONNECTED),
        (DialerState.LAST, DialerInput.MOVED): (_do_leave, DialerState.LAST),
    }
    """What is done with each input in each state, and the state afterwards. An absent pair changes nothing."""
