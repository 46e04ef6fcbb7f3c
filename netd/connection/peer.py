"""The peer: one connection as a machine sees it. It sends, closes politely, has one expiry, and can stop reading.

Closing politely is done here for all protocols: flush, send FIN, discard further input for a moment, then close. If a socket is
closed while input is unread, the operating system sends a reset, and the peer may lose the very message that tells it why.
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
from netd.errors import NotPermitted
from netd.interfaces import IPeer
from netd.principal import ANONYMOUS, Principal

__all__ = ["Peer", "PeerContext", "PeerOwner"]

LINGER = 1.0
"""Seconds for which input is discarded after the FIN."""

GLANCE = 0.05
"""Seconds after a close until the first look at what is unsent: most transports have sent it all by then."""

LEAST_RATE = 1 << 10
"""Bytes a second at which an unfinished message must grow, once it has a KiB. Otherwise a sender could make netd keep half a
frame of a MiB for hours, at the cost of a byte now and then."""

GRACE = 8.0
"""Seconds of a message during which that rate is not required."""

STALL_CHECKS = 8
"""Looks at a full connection within one stall timeout; a peer that stops reading is cut late by one interval at most."""

LINGER_BYTES = 1 << 18
"""Bytes of input discarded after FIN, at most."""


@define(eq=False)
class PeerContext:
    """What all connections of one service share.

    :ivar clock: the reactor.
    :ivar turn: where outboxes are flushed.
    :ivar traffic: where dropped items are counted.
    :ivar stall_timeout: seconds after which a connection is cut that is full and takes nothing.
    :ivar dead_timeout: seconds without a sign of life after which a connection counts as broken.
    """

    clock: IReactorTime
    turn: Turn
    traffic: Traffic
    stall_timeout: float
    dead_timeout: float = DEAD_TIMEOUT


class PeerOwner(Protocol):
    """The protocol of the connection, as its peer sees it."""

    def expired(self) -> None:
        """The expiry set by :meth:`Peer.expire_after` has passed."""

    def drained(self) -> None:
        """Everything that was sent has been taken, after some of it had to wait."""

    def identified(self) -> None:
        """The other side has proved its identity."""


class _NoOwner:
    """The owner of a peer after its end: a peer that kept its protocol would keep it, and its machine, in memory."""

    def expired(self) -> None:
        """Do nothing."""

    drained = identified = expired


NOBODY = _NoOwner()


@implementer(IPeer)
class Peer(Outbox):
    """An :class:`IPeer` over a Twisted transport.

    :ivar is_open: False from the first :meth:`close` or :meth:`abort` on.
    :ivar principal: the principal at the other end.
    :ivar place: the connection's place in the daemon's budget; None outside of one.
    :ivar reason: why the connection is being closed or is gone; None if the other side has closed it.
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

    @property
    def host(self) -> str:
        """The address at the other end; empty on a unix socket."""
        host: str = getattr(self._transport.getPeer(), "host", None) or ""
        return host

    @property
    def number(self) -> int | None:
        """The number of the connection in the log."""
        return None if self.place is None else self.place.number

    def prove(self, principal: Principal) -> None:
        """Note that the other side has proved to be *principal*. If that has any rights, newcomers displace it no longer.

        :raises NotPermitted: if so many connections have proved it already that there would be no room for others.
        """
        if self.place is not None and not self.place.prove(principal.credential):
            raise NotPermitted(f"the {principal} has a quarter of all connections that netd has room for, and gets no more")
        self.principal = principal
        if principal.has_rights:
            self._owner.identified()

    def close(self, reason: str) -> None:
        """Flush, send FIN, discard input for a moment, close."""
        if not self.is_open:
            return
        self.is_open = False
        self.reason = reason
        self._cancel_stall()
        self.finish()
        # Reading must go on, or input would stay unread and make the close a reset; see the module's docstring.
        self._transport.resumeProducing()
        # TLS (INegotiated) has no half-close: its loseConnection sends the closing alert and waits for the peer's.
        half_close = None if INegotiated.providedBy(self._transport) else getattr(self._transport, "loseWriteConnection", None)
        if half_close is None:
            self._transport.loseConnection()
        else:
            half_close()
        self._stall_left = unsent_of(self._transport)
        self._stall_ends = self._context.clock.seconds() + self._context.stall_timeout
        self._restart(GLANCE if self._stall_left else LINGER)

    def abort(self, reason: str) -> None:
        """Cut the connection. What waits to be sent is lost."""
        self.is_open = False
        self.reason = self.reason or reason
        self.drop()
        self._transport.abortConnection()

    def discard(self, received: bytes) -> None:
        """Count input that arrives after :meth:`close`. Over :data:`LINGER_BYTES`, the connection is cut."""
        self._discarded += len(received)
        if self._discarded > LINGER_BYTES:
            self.abort("input after the end")

    def expire_after(self, seconds: float | None) -> None:
        """Replace the pending expiry, or clear it (None). While reading is stopped, its time stands still.

        This is cheap, because machines call it for each message: only the deadline is noted. A timer is made at the end of the
        turn if there still is a deadline then, and moved on only when it fires.
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

    def note_unfinished(self, size: int, is_new: bool = False) -> bool:
        """See :class:`netd.interfaces.IPeer`."""
        if not size and self._began is None:
            return True
        if self.place is not None:
            self.place.note_unfinished(size)
        if not size:
            self._began = None
            return True
        now = self._context.clock.seconds()
        if is_new or self._began is None:
            self._began = now
        return size < LEAST_RATE or size >= (now - self._began - GRACE) * LEAST_RATE

    def set_reading(self, enabled: bool) -> None:
        """Stop reading, or go on. Reading goes on only if the outbox (policy ``PAUSE``) has not stopped it as well."""
        self._is_wanted = enabled
        self._apply_reading()

    def probe(self) -> None:
        """Probe the other side, and cut the connection if no sign of life comes within :data:`~.liveness.PROBING` seconds."""
        finish = begin_probe(self._transport) if self.is_open and self._probing is None else None
        if finish is not None:
            self._probing = self._context.clock.callLater(PROBING, self._end_probe, finish)

    def silence(self) -> float:
        """See :meth:`netd.interfaces.IPeer.silence`."""
        has_left = not self.is_open and self.reason is None
        return 0.0 if has_left else silence_of(self._transport)

    def lost(self, why: str | None = None) -> None:
        """Drop everything: the connection is lost. Called from ``connectionLost``.

        :param why: the reason, unless this side has closed the connection.
        """
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
        """Stop reading because the outbox is over its bounds, or go on."""
        self._is_congested = pause
        self._apply_reading()

    def fullness_changed(self) -> None:
        """Begin to watch a transport that has become full: it must take something within the stall timeout."""
        self._cancel_stall()
        if self.is_full:
            if self.is_open:
                self._watch_stall()
        elif self.is_flushed:
            self._owner.drained()

    def waiting_changed(self) -> None:
        """Report the bytes that wait, here and in the transport, to the budget."""
        if self.place is not None:
            self.place.note_waiting(self._size + self._stall_left if self.is_full else self._size)

    def give_up(self) -> None:
        """Cut the connection, because the policy is ``DISCONNECT``."""
        self.abort("reads too slowly")

    def _apply_reading(self) -> None:
        is_reading = self._is_wanted and not self._is_congested
        if not self.is_open or is_reading == self._is_reading:
            return
        self._is_reading = is_reading
        if is_reading:
            self._transport.resumeProducing()
            # The message that is unfinished could not grow meanwhile: its rate is counted without that time.
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
        """Make a timer for the expiry, if there still is one at the end of the turn.

        Most connections clear their first expiry within the read that set it, because their first message is whole. A timer for
        it would use 300 bytes until it fires.
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
        """After :meth:`close`: allow a peer that still takes its last bytes the stall timeout, one that has them a moment."""
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
        """Tell a peer that is dead from one that is there and does not read: the latter answers the system's window probes."""
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
