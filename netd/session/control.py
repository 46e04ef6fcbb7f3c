"""The control connection of one session: ``42``, ``ping``, ``stop``, each with nothing behind it (session protocol, section 2).

An agent takes what one ``recv`` gives for one word, so two words never leave within a second of one another, and the connection
is never closed without ``stop``: an agent that only sees it close goes on sending for ever.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import ClassVar

from netd.interfaces import IPeer

__all__ = ["SPACING", "AgentControl", "ControlState"]

SPACING = 1.0
"""Seconds between two words."""

STOP, PING = b"stop", b"ping"


class ControlState(enum.Enum):
    """How a control connection is."""

    FREE = "free to say the next word"
    SPACED = "has said a word less than a second ago"
    LEAVING = "has said stop"
    OVER = "being closed"


class ControlInput(enum.Enum):
    """What happens to it."""

    PING = "ping is wanted"
    LEAVE = "the session comes to its end"
    TIME = "the pending time has passed"
    GONE = "the agent has ended its data connection, or nothing is left to wait for"


ControlAction = Callable[["AgentControl"], None]


class AgentControl:
    """What is said on one control connection.

    :param grace: seconds between ``stop`` and the close.
    :param over: called when it is time to close both connections of the session.
    """

    def __init__(self, peer: IPeer, grace: float, over: Callable[[], None]) -> None:
        self.peer = peer
        self._grace = grace
        self._over = over
        self._waiting: list[ControlInput] = []
        self.state = ControlState.FREE

    def greet(self, session: int) -> None:
        """Say the session's id."""
        self.state = ControlState.SPACED
        self._say(b"%d" % session, SPACING)

    def ping(self) -> None:
        """Say ``ping``, as soon as that can be told from the word before."""
        self._step(ControlInput.PING)

    def leave(self) -> None:
        """Say ``stop`` as soon as that can be told from the word before, wait the grace, and call it over."""
        self._step(ControlInput.LEAVE)

    def gone(self) -> None:
        """The agent's data connection has ended: after ``stop``, nothing is left to wait for."""
        self._step(ControlInput.GONE)

    def expired(self) -> None:
        """The time has passed that was asked for. From the connection's shell."""
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
    """What is done with each input in each state, and what the connection is afterwards. An absent pair changes nothing."""
