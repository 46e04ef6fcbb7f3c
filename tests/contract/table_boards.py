"""The rows of boards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netd.operations import Role
from tests.contract import company
from tests.contract.cases import THERE, Case, Code, Fault, Row, invalid
from tests.contract.patterns import Holding

__all__ = ["BOARD"]

FACTS: dict[str, Any] = {"name": "lab", "title": "Lab", "version": int, "time": float, "who": str, "tiles": 0}

VERSION: dict[str, Any] = {"version": int, "time": float, "who": str, "title": "Lab", "tiles": 0, "deleted": False}

NEW = {"title": "Lab", "tiles": []}

MISSING = Fault(Code.NO_SUCH_TARGET, "no board 'nothing'; `board.list` lists them")

BOARD: Mapping[str, Row] = {
    "board.list": Row(Role.VIEWER, (Case("one of them", result=Holding(FACTS), company=company.board),)),
    "board.read": Row(
        Role.VIEWER,
        (
            Case(
                "one",
                {"name": "lab"},
                result={"name": "lab", "version": int, "time": float, "who": str, "board": {**NEW, "version": int}},
                company=company.board,
            ),
            Case("that is not there", {"name": "nothing"}, fault=MISSING),
        ),
    ),
    "board.versions": Row(
        Role.VIEWER,
        (
            Case("of one", {"name": "lab"}, result=Holding(VERSION), company=company.board),
            Case("of none", {"name": "nothing"}, fault=MISSING),
        ),
    ),
    "board.write": Row(
        Role.OPERATOR,
        (
            Case("one", {"name": "lab", "version": THERE, "board": NEW}, result=FACTS, company=company.board),
            Case(
                "that cannot be shown",
                {"name": "lab", "version": 0, "board": {}},
                fault=invalid("board: `title` is a text of 1 to 100 characters"),
            ),
            Case(
                "that is gone",
                {"name": "nothing", "version": 7, "board": NEW},
                fault=Fault(Code.OUTDATED, "there is no board 'nothing'; write it with version 0"),
            ),
        ),
    ),
    "board.restore": Row(
        Role.OPERATOR,
        (
            Case("one", {"name": "lab", "version": THERE}, result=FACTS, company=company.older_board),
            Case("that is not there", {"name": "nothing", "version": 1}, fault=MISSING),
        ),
    ),
    "board.delete": Row(
        Role.OPERATOR,
        (
            Case("one", {"name": "lab"}, result=FACTS, company=company.board),
            Case("that is not there", {"name": "nothing"}, fault=MISSING),
        ),
    ),
}
