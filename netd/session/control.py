"""The words on the control connection of one session: ``42``, ``ping``, ``stop``, without terminators (protocol, section 2).

Old agents take whatever one ``recv`` returns for one word. So two words are always sent at least a second apart. The connection
is never closed without ``stop`` before: an old agent that only sees the close would go on sending samples for ever.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import ClassVar

from netd.interfaces import IPeer

__all__ = ["SPACING", "AgentControl", "ControlState"]

SPACING = 1.0
"""Seconds between two words, at least."""

STOP, PING = b"stop", b"ping"


class ControlState(enum.Enum):
    """The states of a control connection."""

    FREE = "a word may be sent"
    SPACED = "a word was sent less than a second ago"
    LEAVING = "stop was sent"
    OVER = "being closed"


class ControlInput(enum.Enum):
    """What happens to a control connection."""

    PING = "an operator wants a ping"
    LEAVE = "the session ends the connection"
    TIME = "the expiry has passed"
    GONE = "the data connection has ended, or there is none"


ControlAction = Callable[["AgentControl"], None]


class AgentControl:
    """The machine of one control connection.

    :param grace: seconds between ``stop`` and the close.
    :param over: called when the connections of the session are to be closed.
    """

    def __init__(self, peer: IPeer, grace: float, over: Callable[[], None]) -> None:
        self.peer = peer
        self._grace = grace
        self._over = over
        self._waiting: list[ControlInput] = []
        self.state = ControlState.FREE

    def greet(self, session: int) -> None:
        """Send the id."""
        self.state = ControlState.SPACED
        self._say(b"%d" % session, SPACING)

    def ping(self) -> None:
        """Send ``ping``, a second after the word before at the earliest."""
        self._step(ControlInput.PING)

    def leave(self) -> None:
        """Send ``stop``, a second after the word before at the earliest; call ``over`` when the grace has passed."""
        self._step(ControlInput.LEAVE)

    def gone(self) -> None:
        """Note that there is no data connection: after ``stop``, there is no reason to wait for the grace."""
        self._step(ControlInput.GONE)

    def expired(self) -> None:
        """Handle the expiry of the peer. Called by the connection."""
        self._step(ControlInput.TIME)

    def _step(self, happened: ControlInput) -> None:
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is not None:
            action, self.state = transition
            action(self)

    def _say(self, word: bytes, seconds: float) -> None:
        self.peer.send(word)
        self.peer.expire_after(seconds)

    # What each input does

    def _do_say_ping(self) -> None:
        self._say(PING, SPACING)

    def _do_say_stop(self) -> None:
        self._say(STOP, self._grace)

    def _do_keep_ping(self) -> None:
        if not self._waiting:
            self._waiting.append(ControlInput.PING)

    def _do_keep_stop(self) -> None:
        if ControlInput.LEAVE not in self._waiting:
            self._waiting.append(ControlInput.LEAVE)

    def _do_get_on(self) -> None:
        if self._waiting:
            self._step(self._waiting.pop(0))

    def _do_close(self) -> None:
        self._over()

    TRANSITIONS: ClassVar[dict[tuple[ControlState, ControlInput], tuple[ControlAction, ControlState]]] = {
        (ControlState.FREE, ControlInput.PING): (_do_say_ping, ControlState.SPACED),
        (ControlState.FREE, ControlInput.LEAVE): (_do_say_stop, ControlState.LEAVING),
        (ControlState.SPACED, ControlInput.PING): (_do_keep_ping, ControlState.SPACED),
        (ControlState.SPACED, ControlInput.LEAVE): (_do_keep_stop, ControlState.SPACED),
        (ControlState.SPACED, ControlInput.TIME): (_do_get_on, ControlState.FREE),
        (ControlState.LEAVING, ControlInput.TIME): (_do_close, ControlState.OVER),
        (ControlState.LEAVING, ControlInput.GONE): (_do_close, ControlState.OVER),
    }
    """The action and the next state of each state and input. An absent pair changes nothing."""
