"""One connection to a remote, kept up for ever: dialled, and dialled again after a pause when it is lost or cannot be had.

Twisted's ``ClientService`` does not do: it takes a connection for made before its TLS handshake is over, ends a drain by cutting
the connection, and fails where a connection is lost while it is being prepared (``NoTransition``).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger

from netd.connection.backoff import Backoff
from netd.connection.dialing import DialFailed, DialledFactory, DialledProtocol, DialResult
from netd.connection.protocol import LINES, told_of
from netd.status import DialStatus

__all__ = ["LASTED", "Dialer", "DialerRules", "DialerState"]

LASTED = 10.0
"""Seconds for which a connection must have been there for the next pause to be as short as the first.

Without that, a remote that accepts each connection and closes it, as a broker does that knows no such password, would be dialled
once a second.
"""


class DialerRules(Protocol):
    """What a :class:`Dialer` goes by. A :class:`netd.config.DialingConfig` has it."""

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
    """What a dialer is at."""

    STOPPED = "stopped"
    DIALLING = "dialling"
    CONNECTED = "connected"
    WAITING = "waiting"
    LAST = "connected, not dialled again"


class DialerInput(enum.Enum):
    """What happens to it."""

    START = "the connection is wanted"
    PAUSE = "no further connection is wanted"
    MOVED = "another remote is wanted"
    MADE = "an attempt succeeded"
    FAILED = "an attempt failed"
    LOST = "the connection ended"
    DUE = "the pause is over"


class Dialer:
    """Keeps one connection to *remote* up.

    :param remote: the description of *endpoint*, for people.
    :param chance: returns a random number from 0 up to 1.
    :ivar rules: what it goes by; may be exchanged.
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
        """Dial *endpoint* from now on. A connection to another remote than before is ended politely; the wait is over."""
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
        transition = TRANSITIONS.get((self.state, happened))
        if transition is not None:
            act, self.state = transition
            act(self)

    # What the attempt and the connection say

    def _made(self, connection: DialledProtocol) -> None:
        self._attempt = None
        self.connection = connection
        self._step(DialerInput.MADE)

    def _failed(self, error: DialFailed) -> None:
        self._attempt = None
        if error.result is not DialResult.GIVEN_UP:  # which this dialer itself has done
            self._last_failure = error.advice
            self._step(DialerInput.FAILED)
            self._log_failure(error)

    def _lost(self, connection: DialledProtocol, why: str) -> None:
        self.connection = None
        self._last_failure = f"the connection ended: {why}"
        if connection.age >= LASTED:
            self._failures = 0
        self._step(DialerInput.LOST)

    # What each input does

    def _dial(self) -> None:
        self._timer = None
        connection = self._factory.make()
        connection.on_lost = self._lost
        self._attempt = self._factory.dial(self._endpoint, connection, self.rules.dial_timeout)
        self._attempt.addCallbacks(self._made, lambda failure: self._failed(failure.value))

    def _give_up(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()

    def _wait(self) -> None:
        backoff = Backoff(self.rules.reconnect_delay, self.rules.max_reconnect_delay)
        self._timer = self._clock.callLater(backoff.delay(self._failures, self._chance()), self._step, DialerInput.DUE)
        self._failures += 1

    def _stop_waiting(self) -> None:
        self._timer.cancel()
        self._timer = None

    def _dial_instead(self) -> None:
        self._give_up()
        if self._timer is not None:
            self._timer.cancel()
        self._dial()

    def _leave(self) -> None:
        assert self.connection is not None
        self.connection.finish()

    def _greet(self) -> None:
        skipped = self._factory.log_limiter.admit("connected", most=LINES)
        if skipped is not None:
            self._log.info(
                "{service}: connected to {remote}{more}", service=self._factory.name, remote=self._remote, more=told_of(skipped)
            )

    def _do_nothing(self) -> None:
        """The state says it all."""

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


TRANSITIONS: dict[tuple[DialerState, DialerInput], tuple[Callable[[Dialer], None], DialerState]] = {
    (DialerState.STOPPED, DialerInput.START): (Dialer._dial, DialerState.DIALLING),
    (DialerState.DIALLING, DialerInput.MADE): (Dialer._greet, DialerState.CONNECTED),
    (DialerState.DIALLING, DialerInput.FAILED): (Dialer._wait, DialerState.WAITING),
    (DialerState.DIALLING, DialerInput.PAUSE): (Dialer._give_up, DialerState.STOPPED),
    (DialerState.CONNECTED, DialerInput.LOST): (Dialer._wait, DialerState.WAITING),
    (DialerState.CONNECTED, DialerInput.PAUSE): (Dialer._do_nothing, DialerState.LAST),
    (DialerState.LAST, DialerInput.START): (Dialer._do_nothing, DialerState.CONNECTED),
    (DialerState.LAST, DialerInput.LOST): (Dialer._do_nothing, DialerState.STOPPED),
    (DialerState.WAITING, DialerInput.DUE): (Dialer._dial, DialerState.DIALLING),
    (DialerState.WAITING, DialerInput.PAUSE): (Dialer._stop_waiting, DialerState.STOPPED),
    (DialerState.DIALLING, DialerInput.MOVED): (Dialer._dial_instead, DialerState.DIALLING),
    (DialerState.WAITING, DialerInput.MOVED): (Dialer._dial_instead, DialerState.DIALLING),
    (DialerState.CONNECTED, DialerInput.MOVED): (Dialer._leave, DialerState.CONNECTED),
    (DialerState.LAST, DialerInput.MOVED): (Dialer._leave, DialerState.LAST),
}
"""What is done with each input in each state, and the state afterwards. An absent pair changes nothing."""
