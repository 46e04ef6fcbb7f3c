"""Types with units for the members of results and events and for arguments: ``since: Epoch``, ``lag: Seconds``.

For Python they are plain numbers and texts. Their JSON Schema has the unit as ``format`` (docs/protocols/console.md), by which
consoles show the values: as a date, as a span of time, in KiB.
"""

from __future__ import annotations

from typing import Annotated

from netd.codec.jsontypes import ABSENT, Absent, described

__all__ = [
    "ABSENT",
    "Absent",
    "Address",
    "Bytes",
    "Epoch",
    "Everything",
    "Measured",
    "Port",
    "Prose",
    "Rate",
    "Schema",
    "Seconds",
    "Took",
]

Seconds = Annotated[float, described(format="seconds")]
"""A span of time, in seconds."""

Took = Annotated[float, described(format="seconds", title="in")]
"""A duration, which consoles write as ``in 3 ms`` rather than ``seconds 3 ms``."""

Epoch = Annotated[float, described(format="epoch")]
"""A moment, in seconds since 1970 by the wall clock."""

Bytes = Annotated[int, described(format="bytes")]
"""A size, in bytes."""

Rate = Annotated[float, described(format="rate")]
"""A rate per second."""

Measured = Annotated[float, described(format="measured")]
"""A value of an instrument, in the unit that the member ``unit`` of the same object names."""

Address = Annotated[str, described(format="address")]
"""A network address, as the wire protocols write it."""

Port = Annotated[int, described(format="port")]
"""A network port, which is not a quantity."""

Prose = Annotated[str, described(format="prose")]
"""A sentence for people: too long for a column of a table."""

Everything = Annotated[None, described(title="all")]
"""Null with the meaning "all"."""

Schema = Annotated[dict[str, object], described(format="schema")]
"""A JSON Schema."""
