"""The states of a session, and what leads from one to another (session protocol, section 1)."""

from __future__ import annotations

import enum

__all__ = ["TRANSITIONS", "Input", "State"]


class State(enum.Enum):
    """How far a session has come."""

    DIALLING = "dialling"
    AWAITED = "awaiting the agent"
    STREAMING = "streaming"
    FAILING = "failing"
    STOPPING = "stopping"
    RESTING = "resting"
    ENDED = "ended"


class Input(enum.Enum):
    """What happens to a session."""

    CONNECTED = "the control connection is there"
    ARRIVED = "the agent's data connection has announced itself"
    FAILED = "something failed, and is tried again"
    GIVEN_UP = "something failed, for good"
    CLOSED = "no connection is left"
    DUE = "the rest is over"
    STOP = "an operator wants it to end"


TRANSITIONS: dict[tuple[State, Input], tuple[str, State]] = {
    (State.DIALLING, Input.CONNECTED): ("greet", State.AWAITED),
    (State.DIALLING, Input.FAILED): ("rest", State.RESTING),
    (State.DIALLING, Input.GIVEN_UP): ("end", State.ENDED),
    (State.DIALLING, Input.STOP): ("end", State.ENDED),
    (State.AWAITED, Input.ARRIVED): ("stream", State.STREAMING),
    (State.AWAITED, Input.FAILED): ("leave", State.FAILING),
    (State.AWAITED, Input.GIVEN_UP): ("leave", State.STOPPING),
    (State.AWAITED, Input.STOP): ("leave", State.STOPPING),
    (State.STREAMING, Input.FAILED): ("leave", State.FAILING),
    (State.STREAMING, Input.GIVEN_UP): ("leave", State.STOPPING),
    (State.STREAMING, Input.STOP): ("leave", State.STOPPING),
    (State.FAILING, Input.CLOSED): ("rest", State.RESTING),
    (State.FAILING, Input.STOP): ("wait", State.STOPPING),
    (State.STOPPING, Input.CLOSED): ("end", State.ENDED),
    (State.RESTING, Input.DUE): ("dial", State.DIALLING),
    (State.RESTING, Input.STOP): ("end", State.ENDED),
}
"""What is done with each input in each state, and what the session is afterwards. An absent pair changes nothing."""
