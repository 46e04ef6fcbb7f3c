"""The composition root: twistd's options, and from them the daemon. The only place that touches the real reactor."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from twisted.python.usage import Options as TwistedOptions

from netd.clock import make_monotonic
from netd.config import Configuration, load
from netd.config.options import options_of
from netd.errors import ConfigErrors, ConfigProblem
from netd.interfaces import IForesight
from netd.kinds import find_kinds
from netd.paths import packaged
from netd.pem import exposed_keys

__all__ = ["Options", "makeService", "packaged_ini"]

OBSERVER = "netd.log.make_observer"
"""The log on a terminal: twistd takes a dotted name."""

EX_CONFIG = 78
"""Exit status when the configuration cannot be used (sysexits.h)."""


def packaged_ini() -> Path:
    """The INI that comes with netd."""
    return packaged("netd.ini")


class Options(TwistedOptions):
    """``twistd netd [options]``."""

    synopsis = "[options]"
    longdesc = "Runs every section of the configuration as a service. Without -c, the packaged configuration: all on loopback."
    optParameters: ClassVar[list[list[Any]]] = [["config", "c", None, "Configuration file (INI)."]]
    optFlags: ClassVar[list[list[Any]]] = [
        ["check", None, "Check the configuration, and exit: 0, or 78 with all its mistakes."],
        ["show-config", None, "Print the configuration in force, and exit."],
        ["origin", None, "Print the configuration in force with where each value comes from, and exit."],
    ]
    configuration: Configuration
    read: Callable[[], Configuration]

    def postOptions(self) -> None:
        """Read the configuration, before anything is daemonised."""
        path = Path(self["config"]) if self["config"] else packaged_ini()
        kinds = {name: kind.config for name, kind in find_kinds().items()}
        uid, hostname = os.getuid(), socket.gethostname()
        # A reload reads by the same user, host name and place: twistd may change user and directory meanwhile.
        self.read = partial(load, path.absolute(), kinds, os.environ, uid, hostname)
        try:
            self.configuration = load(path, kinds, os.environ, uid, hostname)
        except ConfigErrors as errors:
            told = {(problem.section, problem.option) for problem in errors.problems}
            more = _objections(errors.rest) if self["check"] and errors.rest is not None else ()
            _refuse([*errors.problems, *(problem for problem in more if (problem.section, problem.option) not in told)])
        self._show(path)
        twistd: Any = self.parent
        if twistd and _is_in_foreground(self) and not any(twistd.get(chosen) for chosen in ("logger", "logfile", "syslog")):
            twistd["logger"] = OBSERVER
        elif twistd:
            _make_log_file(twistd)

    def _show(self, path: Path) -> None:
        if self["check"]:
            _refuse(list(_objections(self.configuration)))
            names = ", ".join(section.name for section in self.configuration.sections) or "no service"
            _print([f"{path}: good; it runs {names}"])
            print(*(f"{path}: warning: {text}" for text in self._warnings()), sep="", end="", file=sys.stderr)
        if self["origin"] or self["show-config"]:
            _print(line if self["origin"] else line.rpartition(" ; ")[0] for line in self.configuration.origin_lines())
        if self["check"] or self["origin"] or self["show-config"]:
            raise SystemExit(0)

    def _warnings(self) -> Iterator[str]:
        """What is allowed, and better were otherwise."""
        for section in self.configuration.sections:
            for name, option in options_of(type(section.config)).items():
                for source in option.parser.sources(getattr(section.config, name)):
                    yield from (f"[{section.name}] {text}\n" for text in exposed_keys(source))


def _objections(configuration: Configuration) -> Iterator[ConfigProblem]:
    """What would keep the services from starting, though their options are good: they are built, and asked."""
    from twisted.internet import reactor

    from netd.daemon import assemble

    try:
        daemon = assemble(configuration, find_kinds(), reactor, time.time)
    except ConfigErrors as errors:
        yield from errors.problems
        return
    for service in (*daemon.sections, *daemon):
        if IForesight.providedBy(service):
            yield from (configuration.problem(*objection) for objection in service.objections())


def _refuse(problems: list[ConfigProblem]) -> None:
    """Print *problems* in file order, and end; return when there are none."""
    if problems:
        print(ConfigErrors(tuple(sorted(problems, key=lambda problem: problem.line))), file=sys.stderr)
        raise SystemExit(EX_CONFIG)


def _print(lines: Iterable[str]) -> None:
    """Write *lines*.

    :raises SystemExit: with 1 when nobody reads them to the end, as ``head`` does not: that is no trouble of ours.
    """
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
        raise SystemExit(1) from None


def _make_log_file(twistd: Any) -> None:
    """Make the file that twistd is about to log to, for its owner's eyes only; twistd gives the mode on when it rotates the file.

    One that is there keeps its mode: somebody chose it. What twistd cannot open it says itself.
    """
    name = twistd.get("logfile") or "twistd.log"
    if name != "-" and not twistd.get("logger") and not twistd.get("syslog"):
        with suppress(OSError):
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _is_in_foreground(options: Options) -> bool:
    """Whether the process that was started is the daemon: ``twistd -n``."""
    twistd: Any = options.parent
    return twistd is None or bool(twistd.get("nodaemon", True))


def makeService(options: Options) -> Any:
    """The daemon that *options* describe. Acts when it is started."""
    from twisted.internet import reactor

    from netd.daemon import assemble

    make_monotonic(reactor, time.monotonic)
    try:
        return assemble(options.configuration, find_kinds(), reactor, time.time, _is_in_foreground(options), options.read)
    except ConfigErrors as errors:
        _refuse(list(errors.problems))
        raise
