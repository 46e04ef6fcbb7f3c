"""The states of a session, and what can happen to it (session protocol, section 1)."""

from __future__ import annotations

import enum

__all__ = ["SessionInput", "SessionState"]


class SessionState(enum.Enum):
    """The states of a session."""

    DIALLING = "dialling"
    AWAITED = "awaiting the agent"
    STREAMING = "streaming"
    FAILING = "failing"
    STOPPING = "stopping"
    RESTING = "resting"
    ENDED = "ended"


class SessionInput(enum.Enum):
    """What happens to a session."""

    CONNECTED = "the control connection was made"
    ARRIVED = "the agent's data connection has announced itself"
    FAILED = "something failed, and the agent will be dialled again"
    GIVEN_UP = "something failed, and the agent will not be dialled again"
    CLOSED = "the last connection has ended"
    DUE = "the wait before the next attempt is over"
    STOP = "an operator stops the session"
