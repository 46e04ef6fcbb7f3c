"""The options of a ``[command]`` section.

The files that it names are read by :mod:`netd.command.functions`, when the daemon starts and for ``netd check``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import attrs

from netd.access.rules import AccessWord
from netd.command.trial import objection
from netd.config import (
    ListeningConfig,
    Parser,
    auto_or,
    choice,
    duration,
    endpoints,
    flag,
    integer,
    off_or,
    option,
    size,
    within,
    words,
)
from netd.errors import LineError
from netd.paths import packaged

__all__ = ["EXAMPLE", "Config"]

EXAMPLE = "commands.py"
"""The default file of functions: the one of this name beside the INI, or else the example that comes with netd."""

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
    """Programs call your functions by name. Each command is one JSON object on a line, and gets one answer."""

    listen: tuple[str, ...] = option(
        endpoints, "loopback:65432", help="Where programs connect: one or more endpoints.", live=True
    )
    anyone: str | None = option(
        off_or(choice("i know")),
        "off",
        help="Must be `i know` beside `access = anyone`: everybody who reaches the section can run all commands then.",
        live=True,
    )
    functions: tuple[str, ...] | None = option(
        auto_or(_sources),
        "auto",
        help="The Python files and modules of your functions. `auto` is commands.py in the directory of this file, or else the "
        "example that comes with netd.",
        live=True,
    )
    watch: bool = option(
        flag,
        "no",
        help="Whether netd watches the files of your functions: a changed file is run within two seconds, without a reload. If "
        "it is broken or gone, the old functions stay, and the log and `netd status` say why.",
        live=True,
    )
    persistent: bool = option(
        flag,
        "no",
        help="Whether a connection stays open for further commands. `no`: netd closes it after its answer, as old programs "
        "expect, unless the command has an `id`.",
        live=True,
    )
    timeout: float = option(
        within(duration, "1ms", "1d"),
        "4s",
        help="How long a function may take. Old programs give up after 5s: stay below. Mark a function that waits or computes "
        "for long with `blocking=True`: any other function holds up all of netd until it returns, and this limit cannot end it.",
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
        help="A whole JSON object without a newline counts as a command after so long a silence. `off`: a command ends only with "
        "a newline, or when the program closes its sending side.",
        live=True,
    )
    idle_timeout: float = option(
        within(duration, "1s", "30d"),
        "5m",
        help="How long a connection that stays open may be without a command before it is closed.",
        live=True,
    )
    max_command: int = option(within(size, "64", "16MiB"), "1MiB", help="Longest command.", live=True)
    name_member: tuple[str, ...] = option(
        _names,
        "command_id, command, action",
        help="The member that names the command: the first of these that the object has. All other members are arguments.",
        live=True,
    )
    max_answer: int = option(
        within(size, "1KiB", "64MiB"),
        "1MiB",
        help="Longest answer to a command with an `id`. Other answers have at most 1024 bytes: old programs read no more.",
        live=True,
    )
    threads: int = option(integer(1, 256), "8", help="How many functions that are marked as blocking may run at once.", live=True)
    max_waiting: int = option(
        integer(1, 100_000),
        "1000",
        help="Most commands that wait for one of these threads. Above, a command fails at once.",
        live=True,
    )

    def mistakes(self, unread: Container[str]) -> Iterator[tuple[str, str | LineError]]:
        """See :meth:`SectionConfig.mistakes`. Here also: commands that everybody can run, without being told twice."""
        yield from super().mistakes(unread)
        is_open = self.access == (AccessWord.ANYONE,)
        if is_open and self.anyone is None and "anyone" not in unread:
            yield (
                "access",
                "everybody who reaches this section can run all commands then: write `anyone = i know` too, or peers",
            )
        if not is_open and self.anyone is not None and "access" not in unread:
            yield "anyone", "does nothing without `access = anyone`"

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`: the endpoints, and what is wrong with the functions; they are run to find out."""
        yield from super().objections()
        why = objection(self.sources(), self.access_rules.takes_tokens)
        if why:
            yield "functions", why

    @property
    def beside(self) -> Path:
        """The file beside the INI that ``auto`` takes, if it is there."""
        return self.directory / EXAMPLE

    def sources(self) -> tuple[Path | str, ...]:
        """Files as paths, modules as names, in the order written."""
        if self.functions is None:
            return (self.beside if self.beside.is_file() else packaged(EXAMPLE),)
        return tuple(self.directory / Path(source).expanduser() if _is_path(source) else source for source in self.functions)
