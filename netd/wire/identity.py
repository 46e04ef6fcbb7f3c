"""What the peer of one connection is called, and what texts for it may say of it. Pure."""

from __future__ import annotations

from typing import Any

from netd.wire.outlet import IWireOutlet

__all__ = ["WireIdentity"]


class WireIdentity:
    """The peer of one connection.

    :param default: its name unless it says another.
    :param address: where it is, for texts.
    :ivar name: what it is called; empty until it has said something that counts.
    :ivar needs_proof: whether it has to say its name with a token before anything else counts.
    """

    __slots__ = ("_address", "_default", "_outlet", "name", "needs_proof")

    def __init__(self, default: str, address: str, outlet: IWireOutlet) -> None:
        self._default = default
        self._address = address
        self._outlet = outlet
        self.name = ""
        self.needs_proof = False

    def known(self) -> str:
        """Return what the peer is called. It arrives with its default name, unless it has said another before."""
        if not self.name:
            self.name = self._default
            self._outlet.arrived(self.name)
        return self.name

    def given(self) -> dict[str, Any]:
        """Return the values of the fields that each text may have."""
        return {"name": self.name or self._default, "address": self._address, "time": self._outlet.wall()}
