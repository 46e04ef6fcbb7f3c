"""The tables of ``docs/who-may.md``, which people wrote, as values: what the tests compare netd with."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

__all__ = ["ActionRow", "OperationRow", "actions", "operations"]

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "who-may.md"

_ACTION = re.compile(r"`(?P<name>[a-z]+\.[a-z]+)`(?: \(`role=(?P<role>[a-z]+)`\))?")


@frozen
class ActionRow:
    """What programs may do: one row.

    :ivar role: the role that the command declares; empty if it declares none, and for all other actions.
    :ivar cells: ``yes``, ``no``, ``own`` or ``sends``, by column.
    """

    name: str
    role: str
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"{self.name} {self.role}".rstrip()


@frozen
class OperationRow:
    """What consoles may do: one row.

    :ivar confined: ``yes``, ``no`` or ``part``.
    """

    name: str
    role: str
    confined: str


def _table(first: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table whose first column is *first*."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows[0], rows[2:]


def actions() -> list[ActionRow]:
    """The rows of the first table."""
    header, rows = _table("action")
    found = []
    for first, *cells in rows:
        match = _ACTION.fullmatch(first)
        assert match is not None, first
        found.append(ActionRow(match["name"], match["role"] or "", dict(zip(header[1:], cells, strict=True))))
    return found


def operations() -> dict[str, OperationRow]:
    """The rows of the second table, by name."""
    _, rows = _table("operation")
    found = [OperationRow(name.strip("`"), role, confined) for name, role, confined in rows]
    return {row.name: row for row in found}
