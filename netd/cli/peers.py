"""Peers of wires by their names: at which of several wires one is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from netd.cli.node import call_each

if TYPE_CHECKING:
    from netd.cli.invocation import ControlPort

__all__ = ["pages", "wires_having"]

MOST_ROWS = 1000
"""Peers that are asked for at a time."""


def wires_having(control: ControlPort, instances: Iterable[str], name: str) -> list[str]:
    """Return those of the wires *instances* at which a peer that is connected is called *name*."""
    found = []
    for instance in instances:
        asked = partial(_page_of, control, instance, name)
        if any(row.get("name") == name for row in pages(asked)):
            found.append(instance)
    return found


def pages(ask: Callable[[dict[str, str]], Any]) -> Iterator[dict[str, Any]]:
    """Iterate over the rows of all pages. *ask* returns one page; None if there are no more."""
    after: str | None = ""
    while after is not None:
        page = ask({"after": after} if after else {})
        if page is None:
            return
        yield from page["rows"]
        after = page["after"]


def _page_of(control: ControlPort, instance: str, name: str, where: Mapping[str, str]) -> Any:
    return call_each(control, "wire.peers", instance, contains=name, state="online", limit=MOST_ROWS, **where)
