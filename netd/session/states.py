"""The states of a session, and what leads from one to another (session protocol, section 1)."""

from __future__ import annotations

import enum

__all__ = ["TRANSITIONS", "SessionInput", "SessionState"]


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


TRANSITIONS: dict[tuple[SessionState, SessionInput], tuple[str, SessionState]] = {
    (SessionState.DIALLING, SessionInput.CONNECTED): ("greet", SessionState.AWAITED),
    (SessionState.DIALLING, SessionInput.FAILED): ("rest", SessionState.RESTING),
    (SessionState.DIALLING, SessionInput.GIVEN_UP): ("end", SessionState.ENDED),
    (SessionState.DIALLING, SessionInput.STOP): ("end", SessionState.ENDED),
    (SessionState.AWAITED, SessionInput.ARRIVED): ("stream", SessionState.STREAMING),
    (SessionState.AWAITED, SessionInput.FAILED): ("leave", SessionState.FAILING),
    (SessionState.AWAITED, SessionInput.GIVEN_UP): ("leave", SessionState.STOPPING),
    (SessionState.AWAITED, SessionInput.STOP): ("leave", SessionState.STOPPING),
    (SessionState.STREAMING, SessionInput.FAILED): ("leave", SessionState.FAILING),
    (SessionState.STREAMING, SessionInput.GIVEN_UP): ("leave", SessionState.STOPPING),
    (SessionState.STREAMING, SessionInput.STOP): ("leave", SessionState.STOPPING),
    (SessionState.FAILING, SessionInput.CLOSED): ("rest", SessionState.RESTING),
    (SessionState.FAILING, SessionInput.STOP): ("wait", SessionState.STOPPING),
    (SessionState.STOPPING, SessionInput.CLOSED): ("end", SessionState.ENDED),
    (SessionState.RESTING, SessionInput.DUE): ("dial", SessionState.DIALLING),
    (SessionState.RESTING, SessionInput.STOP): ("end", SessionState.ENDED),
}
"""What is done with each input in each state, and what the session is afterwards. An absent pair changes nothing."""
