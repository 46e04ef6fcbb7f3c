"""What the members of results and the arguments of operations are measured in, as types: ``since: Epoch``, ``lag: Seconds``.

Python sees plain numbers and texts. The JSON Schema in ``system.operations`` has the unit as its ``format``
(docs/protocols/console.md), and every console shows the value by it: as a date, as a span of time, in KiB.
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
"""The span of time that something took: ``in 3 ms`` rather than ``seconds 3 ms``."""

Epoch = Annotated[float, described(format="epoch")]
"""A moment, in seconds since 1970 by the wall clock."""

Bytes = Annotated[int, described(format="bytes")]
"""A size, in bytes."""

Rate = Annotated[float, described(format="rate")]
"""So many in a second."""

Measured = Annotated[float, described(format="measured")]
"""What an instrument has said, in the unit that the member ``unit`` beside it names."""

Address = Annotated[str, described(format="address")]
"""A network address, as the wire protocols write it."""

Port = Annotated[int, described(format="port")]
"""A network port: a name rather than a number."""

Prose = Annotated[str, described(format="prose")]
"""A sentence for people: too long for a column of a table."""

Everything = Annotated[None, described(title="all")]
"""Null that stands for all that there is."""

Schema = Annotated[dict[str, object], described(format="schema")]
"""A JSON Schema."""
