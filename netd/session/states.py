"""The states of a session, and what can happen to it (session protocol, section 1)."""

from __future__ import annotations

import enum

__all__ = ["SessionInput", "SessionState"]


class SessionState(enum.Enum):
    """How far a session has come."""

    DIALLING = "dialling"
    AWAITED = "awaiting the agent"
    STREAMING = "streaming"
    FAILING = "failing"
    STOPPING = "stopping"
    RESTING = "resting"
    ENDED = "ended"


class SessionInput(enum.Enum):
    """What happens to a session."""

    CONNECTED = "the control connection is there"
    ARRIVED = "the agent's data connection has announced itself"
    FAILED = "something failed, and is tried again"
    GIVEN_UP = "something failed, for good"
    CLOSED = "no connection is left"
    DUE = "the rest is over"
    STOP = "an operator wants it to end"
