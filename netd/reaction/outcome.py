"""What became of a message to a device, as ``relay.send`` tells it."""

from __future__ import annotations

from base64 import b64decode

from netd.reaction.condition import value_of

__all__ = ["answer_of"]


def answer_of(result: object) -> bytes | None:
    """Return the device's answer in *result*; None without one. Of a device on another node, *result* is plain JSON."""
    answer = value_of(result, "answer")
    if isinstance(answer, str):
        return b64decode(answer)
    return answer if isinstance(answer, bytes) else None
