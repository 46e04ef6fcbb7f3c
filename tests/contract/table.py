"""The contract: every operation, the least role that may call it, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.contract.cases import Row
from tests.contract.table_boards import BOARD
from tests.contract.table_daemon import BUS, COMMAND, FEED, GATEWAY, MANHOLE, SYSTEM
from tests.contract.table_services import RELAY, ROOM, SESSION

__all__ = ["TABLE"]

TABLE: Mapping[str, Row] = {**BOARD, **BUS, **COMMAND, **FEED, **GATEWAY, **MANHOLE, **RELAY, **ROOM, **SESSION, **SYSTEM}
"""By the operation's name."""
