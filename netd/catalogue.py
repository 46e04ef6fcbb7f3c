"""The catalogue of log messages, made from the code: ``docs/messages.md``.

The formats of the lines are constants, so the syntax trees of the modules have all of them. A message without a constant format,
or with one that cannot be found, is a mistake that ``make reference`` names.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

__all__ = ["LogMessage", "messages_of", "render_catalogue"]

LEVELS = {"debug": "debug", "info": "info", "warn": "warn", "error": "error", "critical": "critical", "failure": "critical"}
"""The level of a line by the name of the logger's method. ``failure`` adds a traceback."""

LEFT_OUT = ("cli", "client", "testing")
"""Packages that log nothing in the daemon."""

HEAD = """\
# Messages of the log

Every line that netd itself writes into its log, by the part of the daemon that writes it; this page is made from the code. What
stands in braces is different each time: `{service}` is the section, `{who}` the address of a connection and what is known about
its peer, `{more}` how many lines like it were held back. Lines of Twisted, such as `relay starting on 5050`, are not listed.
The forms of the log, its levels and its limits: [Running it for years](years.md).

| level | it means |
| --- | --- |
| debug | more about each connection; only where the section's `log_level` is debug |
| info | something has changed or ended as it should |
| warn | A peer or a neighbour does what it should not, or something needs a person's eye. netd goes on. |
| error | netd cannot do something that it was told to do. The line says what, and what to do. |
| critical | A part of netd has failed. Where a traceback stands below it, it is a fault of netd's own: please report it. |
"""


@frozen(order=True)
class LogMessage:
    """A message.

    :ivar part: the part of the daemon: a package or module below ``netd``.
    :ivar level: its level; two where it depends.
    :ivar text: its format.
    """

    part: str
    level: str
    text: str


def messages_of(package: Path) -> list[LogMessage]:
    """Return the messages of all modules in *package*, sorted.

    :raises ValueError: for a line whose format is no constant.
    """
    found: set[LogMessage] = set()
    for path in package.rglob("*.py"):
        inside = path.relative_to(package)
        if inside.parts[0] not in LEFT_OUT:
            part = inside.parts[0].removesuffix(".py")
            found.update(LogMessage(part, level, text) for level, text in _lines(path))
    return sorted(found)


def render_catalogue(messages: Iterable[LogMessage]) -> str:
    """Return the page."""
    by_part: dict[str, list[LogMessage]] = defaultdict(list)
    for message in messages:
        by_part[message.part].append(message)
    parts = []
    for part, listed in sorted(by_part.items()):
        rows = "".join(f"| {message.level} | {_quoted(message.text)} |\n" for message in listed)
        parts.append(f"\n## {part}\n\n| level | message |\n| --- | --- |\n{rows}")
    return HEAD + "".join(parts)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield level and format of each call of a logger in a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_logger(node.func.value):
            if node.func.attr == "emit":
                yield from (("debug, info or warn", text) for text in _formats(node.args[1], constants, path))
            elif node.func.attr in LEVELS:
                yield from ((LEVELS[node.func.attr], text) for text in _formats(node.args[0], constants, path))


def _is_logger(node: ast.expr) -> bool:
    return getattr(node, "attr", getattr(node, "id", "")) == "_log"


def _formats(node: ast.expr, constants: dict[str, ast.expr], path: Path) -> Iterator[str]:
    """Yield the formats that the expression *node* can be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _formats(node.body, constants, path)
        yield from _formats(node.orelse, constants, path)
    elif isinstance(node, ast.Name) and node.id in constants:
        yield from _formats(constants[node.id], constants, path)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(text for part in node.values for text in _formats(part, constants, path))
    elif isinstance(node, ast.FormattedValue):
        yield from _formats(node.value, constants, path)
    else:
        raise ValueError(f"{path}:{node.lineno}: the format of a log line is no constant of its module")


def _quoted(text: str) -> str:
    """Return *text* as code in a table of Markdown."""
    fence = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|")
