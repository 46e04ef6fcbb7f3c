"""One connection as a machine sees it: send, close politely, one expiry, back-pressure.

Closing politely is done here once for all protocols: flush, send FIN, discard what still arrives for a moment, then close.
Closing at once with unread input would make the operating system send a reset, and the peer would lose the very message that
tells it why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define
from twisted.internet.interfaces import INegotiated, IReactorTime
from zope.interface import implementer

from netd.connection.bounds import Bounds, Traffic
from netd.connection.budget import Place
from netd.connection.eager import unsent_of
from netd.connection.liveness import PROBING, begin_probe
from netd.connection.outbox import Outbox
from netd.connection.turn import Turn
from netd.connection.vigil import DEAD_TIMEOUT, signs_of, silence_of
from netd.interfaces import IPeer
from netd.principal import ANONYMOUS, Principal, Role

__all__ = ["Peer", "PeerContext", "PeerOwner"]

LINGER = 1.0
"""Seconds for which input is discarded after FIN."""

GLANCE = 0.05
"""Seconds after a close in which most transports have handed over what they still held: only then does it show who is slow."""

LEAST_RATE = 1 << 10
"""Bytes a second at which a message must come, once there is a KiB of it. Else half a frame of a MiB would cost its sender a byte
now and then, and netd a MiB for hours."""

GRACE = 8.0
"""Seconds before that is asked for."""

STALL_CHECKS = 8
"""Looks at a full connection in one stall timeout: a peer that stops is cut at most that part of it later."""

LINGER_BYTES = 1 << 18
"""Bytes of input discarded after FIN, at most."""


@define(eq=False)
class PeerContext:
    """What all connections of one service have in common.

    :ivar clock: the reactor's clock.
    :ivar stall_timeout: seconds in which a full connection must take something, or it is given up.
    :ivar dead_timeout: seconds without a sign of life after which a connection counts as broken.
    """

    clock: IReactorTime
    turn: Turn
    traffic: Traffic
    stall_timeout: float
    dead_timeout: float = DEAD_TIMEOUT


class PeerOwner(Protocol):
    """Who a peer tells what happens to it: the connection's protocol."""

    def expired(self) -> None:
        """The expiry asked for with :meth:`Peer.expire_after` has passed."""

    def drained(self) -> None:
        """Everything sent has been taken, after it had to wait."""

    def identified(self) -> None:
        """The peer has proved who it is."""


class _NoOwner:
    """Whom a peer tells things after its end."""

    def expired(self) -> None:
        """Nothing is left to be done."""

    drained = identified = expired


NOBODY = _NoOwner()


@implementer(IPeer)
class Peer(Outbox):
    """An :class:`IPeer` over a Twisted transport: its outbox, and its way to the end.

    :ivar is_open: False from the first :meth:`close` or :meth:`abort` on.
    :ivar principal: who is at the other end.
    :ivar place: what the connection has of the daemon's budget, if it is in one.
    :ivar reason: why the connection is being closed, or is gone; None where the other side closed it.
    """

    __slots__ = (
        "_began",
        "_context",
        "_deadline",
        "_discarded",
        "_is_arming",
        "_is_congested",
        "_is_reading",
        "_is_wanted",
        "_left",
        "_owner",
        "_paused_at",
        "_probing",
        "_stall_ends",
        "_stall_left",
        "_stalled",
        "_timer",
        "is_open",
        "place",
        "principal",
        "reason",
    )

    def __init__(self, transport: Any, context: PeerContext, bounds: Bounds, owner: PeerOwner) -> None:
        super().__init__(transport, context.turn, bounds, context.traffic)
        self._context = context
        self._owner = owner
        self._deadline: float | None = None
        self._timer: Any = None
        self._is_arming = False
        self._stalled: Any = None
        self._probing: Any = None
        self._stall_left = 0
        self._stall_ends = 0.0
        self._discarded = 0
        self._is_wanted = True
        self._is_congested = False
        self._is_reading = True
        self._left: float | None = None
        self._began: float | None = None
        self._paused_at = 0.0
        self.principal = ANONYMOUS
        self.place: Place | None = None
        self.reason: str | None = None
        self.is_open = True

    def prove(self, principal: Principal) -> None:
        """The other side has shown that it is *principal*; with any rights, it makes no room for newcomers any more."""
        self.principal = principal
        if principal.role is not Role.NOBODY:
            self._owner.identified()

    def close(self, reason: str) -> None:
        """Flush, send FIN, discard input for a moment, close."""
        if not self.is_open:
            return
        self.is_open = False
        self.reason = reason
        self._cancel_stall()
        self.finish()
        self._transport.resumeProducing()
        half_close = None if INegotiated.providedBy(self._transport) else getattr(self._transport, "loseWriteConnection", None)
        if half_close is None:
            self._transport.loseConnection()
        else:
            half_close()
        self._stall_left = unsent_of(self._transport)
        self._stall_ends = self._context.clock.seconds() + self._context.stall_timeout
        self._restart(GLANCE if self._stall_left else LINGER)

    def abort(self, reason: str) -> None:
        """Close at once; what waits is lost."""
        self.is_open = False
        self.reason = self.reason or reason
        self.drop()
        self._transport.abortConnection()

    def discard(self, received: bytes) -> None:
        """Count input that arrives after :meth:`close`; too much of it, and the connection is cut."""
        self._discarded += len(received)
        if self._discarded > LINGER_BYTES:
            self.abort("input after the end")

    def expire_after(self, seconds: float | None) -> None:
        """Replace the pending expiry, or clear it; it stands still while nothing is read.

        Cheap: a timer is made at the turn's end, where the expiry still stands then, and moved only when it fires.
        """
        if not self.is_open:
            return
        if not self._is_reading:
            self._left = seconds
        elif seconds is None:
            self._deadline = None
        else:
            self._restart(seconds)

    @property
    def has_expiry(self) -> bool:
        """Whether an expiry is pending."""
        return self._deadline is not None

    def keep(self, size: int, is_new: bool = False) -> bool:
        """See :class:`netd.interfaces.IPeer`."""
        if self.place is not None:
            self.place.keep(size)
        if not size:
            self._began = None
            return True
        now = self._context.clock.seconds()
        if is_new or self._began is None:
            self._began = now
        return size < LEAST_RATE or size >= (now - self._began - GRACE) * LEAST_RATE

    def set_reading(self, enabled: bool) -> None:
        """Stop or go on taking bytes; while the outbox has stopped it too, it stays stopped."""
        self._is_wanted = enabled
        self._apply_reading()

    def probe(self) -> None:
        """Ask whether the other side is there; a connection that gives no sign of life in time is cut."""
        finish = begin_probe(self._transport) if self.is_open and self._probing is None else None
        if finish is not None:
            self._probing = self._context.clock.callLater(PROBING, self._end_probe, finish)

    def silence(self) -> float:
        """See :meth:`netd.interfaces.IPeer.silence`."""
        has_left = not self.is_open and self.reason is None
        return 0.0 if has_left else silence_of(self._transport)

    def lost(self, why: str | None = None) -> None:
        """The connection is lost, *why* unless we closed it: let go of everything. From ``connectionLost``."""
        self.reason = self.reason or why
        self.is_open = False
        self.drop()
        self._deadline = None
        self._cancel_stall()
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None
        self._cancel_timer()
        self._owner = NOBODY

    # Outbox

    def pause_source(self, pause: bool) -> None:
        """The outbox has too much, or room again."""
        self._is_congested = pause
        self._apply_reading()

    def fullness_changed(self) -> None:
        """The transport is full, or empty again: a full one must take something in time."""
        self._cancel_stall()
        if self.is_full:
            if self.is_open:
                self._watch_stall()
        elif self.is_flushed:
            self._owner.drained()

    def waiting_changed(self) -> None:
        """Count what waits, here and in the transport, as memory."""
        if self.place is not None:
            self.place.queue(self._size + self._stall_left if self.is_full else self._size)

    def give_up(self) -> None:
        """The outbox has too much, for good."""
        self.abort("reads too slowly")

    def _apply_reading(self) -> None:
        is_reading = self._is_wanted and not self._is_congested
        if not self.is_open or is_reading == self._is_reading:
            return
        self._is_reading = is_reading
        if is_reading:
            self._transport.resumeProducing()
            if self._began is not None:
                self._began += self._context.clock.seconds() - self._paused_at
            if self._left is not None:
                self._restart(self._left)
        else:
            self._transport.pauseProducing()
            self._paused_at = self._context.clock.seconds()
            self._left = None if self._deadline is None else self._deadline - self._paused_at
            self._deadline = None

    def _restart(self, seconds: float) -> None:
        clock = self._context.clock
        self._deadline = clock.seconds() + seconds
        if self._timer is not None and self._timer.getTime() > self._deadline:
            self._cancel_timer()
        if self._timer is None and not self._is_arming:
            self._is_arming = True
            self._turn.after(self._arm)

    def _arm(self) -> None:
        """Make a timer for the expiry, if there still is one.

        Most connections clear the first one within the read that brought it: a whole first message needs no clock. A timer that
        was made for it would weigh 300 bytes until it fires.
        """
        self._is_arming = False
        if self._deadline is not None and self._timer is None:
            clock = self._context.clock
            self._timer = clock.callLater(max(0.0, self._deadline - clock.seconds()), self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        left = self._deadline - self._context.clock.seconds()
        if left > 0:
            self._timer = self._context.clock.callLater(left, self._timer_fired)
        elif self.is_open:
            self._deadline = None
            self._owner.expired()
        else:
            self._check_end()

    def _check_end(self) -> None:
        """After :meth:`close`: who still takes its last bytes gets more time, who has them all a moment."""
        unsent, now = unsent_of(self._transport), self._context.clock.seconds()
        if unsent < self._stall_left:
            self._stall_left = unsent
            self._restart(self._context.stall_timeout if unsent else LINGER)
        elif unsent and now < self._stall_ends:
            self._restart(self._stall_ends - now)
        else:
            self.abort("did not close its side")

    def _end_probe(self, finish: Callable[[], bool]) -> None:
        self._probing = None
        if not finish():
            self.abort("gave no sign of life")

    def _watch_stall(self) -> None:
        self._stall_left = unsent_of(self._transport)
        self._stall_ends = self._context.clock.seconds() + self._context.stall_timeout
        self._check_stall_later()

    def _check_stall_later(self) -> None:
        clock, timeout = self._context.clock, self._context.stall_timeout
        seconds = min(timeout / STALL_CHECKS, max(0.0, self._stall_ends - clock.seconds()))
        self._stalled = clock.callLater(seconds, self._check_stall)

    def _check_stall(self) -> None:
        self._stalled = None
        if unsent_of(self._transport) < self._stall_left:
            self._watch_stall()
        elif self._context.clock.seconds() < self._stall_ends:
            self._check_stall_later()
        else:
            self.abort(self._why_stalled())

    def _why_stalled(self) -> str:
        """A peer that is there, and does not read, says so: it is asked for room now and then."""
        signs = signs_of(self._transport)
        is_dead = signs is not None and signs.is_dead(self._context.stall_timeout / 2)
        return f"no sign of life for {signs.life:.0f} s" if is_dead and signs else "does not read"

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cancel_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
