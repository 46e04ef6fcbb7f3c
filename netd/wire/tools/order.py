"""What ``netd learn`` is told to do: the options of the command line, as it hands them over. Pure."""

from __future__ import annotations

import json

from attrs import frozen

__all__ = ["ALL_ADDRESSES", "LearnOrder", "read_order"]


ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - a person has to choose one
"""The interfaces that stand for all of this machine's addresses."""


@frozen(kw_only=True)
class LearnOrder:
    """The options of ``netd learn``.

    :ivar port: where programs connect; the port in a capture; None where neither is meant.
    :ivar through: host and port of the program's own server.
    :ivar say: what is said where the program waits, with escapes.
    :ivar device: the serial port, as ``serial:PATH:BAUD``.
    :ivar seconds: how long to record; None until it is ended.
    :ivar force: whether files are written over.
    """

    name: str
    into: str
    interface: str
    udp: bool
    force: bool
    port: int | None
    through: tuple[str, int] | None
    say: str | None
    device: str | None
    pcap: str | None
    transcript: str | None
    seconds: float | None


def read_order(text: str) -> LearnOrder:
    """Return the order that the command line has written as JSON."""
    values = json.loads(text)
    through = values.pop("through")
    return LearnOrder(through=None if through is None else (through[0], through[1]), **values)
