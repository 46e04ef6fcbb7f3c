"""What programs may do at a wire: have a name there."""

from __future__ import annotations

from netd.principal import Action, Kind, Role

__all__ = ["CONNECT"]

CONNECT = Action("wire.connect", Role.OPERATOR, frozenset({Kind.DEVICE}), is_open=True, is_own=True)
"""To be a peer with a name."""
