"""The events that the command service publishes on the bus."""

from __future__ import annotations

from typing import Any, TypedDict

from netd.codec.units import Address, Epoch, Took

__all__ = ["Run"]

# A class cannot have a member called `from`, which all events call a caller's address.
Run = TypedDict(
    "Run",
    {
        "command_id": str,
        "from": Address,
        "arguments": dict[str, Any],
        "outcome": str,
        "error": str,
        "seconds": Took,
        "time": Epoch,
    },
)
"""``command.<instance>.run``: a function was run. Its result is not told, and its arguments are cut, without secrets.

``outcome`` is ``success``, ``error``, or ``expired`` when it did not return in time; ``seconds`` is the time until then.
"""
