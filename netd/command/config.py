"""The options of a ``[command]`` section.

The files that it names are read by :mod:`netd.command.functions`, when the daemon starts and for ``netd check``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import attrs

from netd.command.trial import objection
from netd.config import ListeningConfig, Parser, auto_or, duration, endpoints, flag, integer, off_or, option, size, within, words
from netd.paths import packaged

__all__ = ["EXAMPLE", "Config"]

EXAMPLE = "commands.py"
"""The file of functions that is looked for beside the INI; one of that name comes with netd."""

_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def _is_path(source: str) -> bool:
    return "/" in source or source.endswith(".py")


def _read_sources(written: str) -> tuple[str, ...]:
    sources = tuple(source.strip() for source in written.split(","))
    for position, source in enumerate(sources):
        if not _is_path(source) and _MODULE.fullmatch(source) is None:
            raise ValueError(f"{source!r} is neither a file, such as ./commands.py, nor a module, such as lab.commands")
        if source in sources[:position]:
            raise ValueError(f"{source!r} is given twice")
    return sources


_sources: Parser[tuple[str, ...]] = Parser("files (./commands.py) and modules (lab.commands), comma-separated", _read_sources)


def _read_names(written: str) -> tuple[str, ...]:
    found = words(written)
    if "id" in found:
        raise ValueError("`id` asks for a kept connection, and cannot name the command")
    return found


_names: Parser[tuple[str, ...]] = Parser("members, comma-separated: command_id, action", _read_names)


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """Programs run functions of yours by name, one JSON object a line; each gets one answer."""

    listen: tuple[str, ...] = option(
        endpoints, "loopback:65432", help="Where programs connect: one or more endpoints.", live=True
    )
    functions: tuple[str, ...] | None = option(
        auto_or(_sources),
        "auto",
        help="Where your functions are; files are relative to this file. `auto` is commands.py beside this file, or, where there "
        "is none, the example that comes with netd.",
        live=True,
    )
    watch: bool = option(
        flag,
        "no",
        help="Whether the files of your functions are watched: one that has changed is run within two seconds, without a reload. "
        "If it is broken, the functions before stay, and the log says why.",
        live=True,
    )
    persistent: bool = option(
        flag,
        "no",
        help="Whether connections are kept for further commands. No: the server closes after its answer, as old programs expect, "
        "unless a command has an `id`.",
        live=True,
    )
    timeout: float = option(
        within(duration, "1ms", "1d"),
        "4s",
        help="How long a function may take. Old programs give up after 5s: stay below. Mark what waits with `blocking=True`: a "
        "function without it holds up all of netd until it returns, and no limit can end it.",
        live=True,
    )
    receive_timeout: float = option(
        within(duration, "1ms", "1h"),
        "4s",
        help="How long a command may take to arrive, from its first byte.",
        live=True,
    )
    silence: float | None = option(
        off_or(within(duration, "1ms", "1m")),
        "200ms",
        help="A whole JSON object that is followed by so much silence needs no newline. Off: a newline ends it, or the program "
        "closing its sending side.",
        live=True,
    )
    idle_timeout: float = option(
        within(duration, "1s", "30d"),
        "5m",
        help="How long a kept connection may stay without a command before it is closed.",
        live=True,
    )
    max_command: int = option(within(size, "64", "16MiB"), "1MiB", help="Longest command.", live=True)
    name_member: tuple[str, ...] = option(
        _names,
        "command_id, command, action",
        help="Which member names the command: the first of these that is there. The others are arguments.",
        live=True,
    )
    max_answer: int = option(
        within(size, "1KiB", "64MiB"),
        "1MiB",
        help="Longest answer to a command with an `id`. Others get at most 1024 bytes: that is all that old programs read.",
        live=True,
    )
    threads: int = option(integer(1, 256), "8", help="How many functions that are marked as blocking may run at once.", live=True)
    max_waiting: int = option(
        integer(1, 100_000),
        "1000",
        help="How many commands may wait for one of these threads; further ones fail at once.",
        live=True,
    )

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`: the endpoints, and what is wrong with the functions; they are run to find out."""
        yield from super().objections()
        why = objection(self.sources())
        if why:
            yield "functions", why

    def sources(self) -> tuple[Path | str, ...]:
        """Files as paths, modules as names, in the order written."""
        if self.functions is None:
            beside = self.directory / EXAMPLE
            return (beside if beside.is_file() else packaged(EXAMPLE),)
        return tuple(self.directory / Path(source).expanduser() if _is_path(source) else source for source in self.functions)
