"""The composition root: it reads twistd's options and builds the daemon. Only this module uses the real reactor."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from twisted.python.usage import Options as TwistedOptions

from netd.check import check, packaged_ini, read, refusal, show
from netd.clock import make_monotonic
from netd.config import Configuration, Section, load_again
from netd.config.options import NETD
from netd.errors import ConfigErrors
from netd.kinds import find_kinds
from netd.privileges import objection

__all__ = ["Options", "makeService"]

OBSERVER = "netd.log.make_observer"
"""The function that makes the log observer for a terminal. twistd takes its dotted name."""


class Options(TwistedOptions):
    """``twistd netd [options]``."""

    synopsis = "[options]"
    longdesc = "Runs every section of the configuration as a service. Without -c, the packaged configuration: all on loopback."
    optParameters: ClassVar[list[list[Any]]] = [["config", "c", None, "Configuration file (INI)."]]
    optFlags: ClassVar[list[list[Any]]] = [
        ["check", None, "Check the configuration, and exit: 0, or 78 with all its mistakes."],
        ["show-config", None, "Print all options as the daemon would have them, and exit."],
        ["origin", None, "Print all options as the daemon would have them, with the place of each value, and exit."],
    ]
    configuration: Configuration
    read: Callable[[], Configuration]
    loop: Any = None

    def postOptions(self) -> None:
        """Read the configuration, while mistakes can still be shown on the terminal: twistd daemonises later."""
        path, kinds = Path(self["config"]) if self["config"] else packaged_ini(), find_kinds()
        configs = {name: kind.config for name, kind in kinds.items()}
        # Read with the user, host name and directory of the start, also on a reload: twistd changes user and directory.
        self.read = partial(load_again, path.absolute(), configs, os.environ, os.getuid(), socket.gethostname())
        self.configuration = read(path, kinds, self["check"])
        if self["check"]:
            check(self.configuration, path, kinds)
        if self["origin"] or self["show-config"]:
            show(self.configuration, bool(self["origin"]))
        if self["check"] or self["origin"] or self["show-config"]:
            raise SystemExit(0)
        why = objection(self.configuration.netd.user, os.geteuid())
        if why:
            raise refusal([self.configuration.problem(NETD, "user", why)])
        users = [section for section in self.configuration.sections if section.config.uses_asyncio]
        if users:
            self.loop = _asyncio_loop(self.configuration, users, sys.modules)
        twistd: Any = self.parent
        if twistd and _is_in_foreground(self) and not any(twistd.get(chosen) for chosen in ("logger", "logfile", "syslog")):
            twistd["logger"] = OBSERVER
        elif twistd:
            _make_log_file(twistd)


def _asyncio_loop(configuration: Configuration, users: Iterable[Section], modules: Container[str]) -> Any:
    """Have Twisted run on a loop of asyncio, and return the loop. To be called while no reactor is installed.

    Without a section that uses asyncio, none of this is imported, and the reactor is Twisted's own.

    :param users: the sections that use it.
    :param modules: the modules that are imported.
    :raises SystemExit: after the reasons have been printed that would keep these sections from starting.
    """
    problems = [configuration.problem(section.name, *found) for section in users for found in section.config.objections()]
    if "twisted.internet.reactor" in modules:
        forced = "needs the reactor on asyncio, which netd chooses by itself: start twistd without --reactor"
        problems += [configuration.problem(section.name, "", forced) for section in users]
    if problems:
        raise refusal(problems)
    import asyncio

    from twisted.internet.main import installReactor

    from netd.promptreactor import PromptReactor

    loop = asyncio.SelectorEventLoop()
    asyncio.set_event_loop(loop)
    installReactor(PromptReactor(loop))
    return loop


def _make_log_file(twistd: Any) -> None:
    """Create twistd's log file, readable by its owner only. twistd keeps the mode when it rotates the file.

    An existing file keeps its mode, which its owner chose. Errors are ignored: twistd reports a file that it cannot open.
    """
    name = twistd.get("logfile") or "twistd.log"
    if name != "-" and not twistd.get("logger") and not twistd.get("syslog"):
        with suppress(OSError):
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _is_in_foreground(options: Options) -> bool:
    """Whether the daemon stays in the foreground: ``twistd -n``."""
    twistd: Any = options.parent
    return twistd is None or bool(twistd.get("nodaemon", True))


def makeService(options: Options) -> Any:
    """Return the daemon for *options*. It does nothing before it is started."""
    from twisted.internet import reactor

    from netd.daemon import assemble

    make_monotonic(reactor, time.monotonic)
    try:
        is_in_foreground = _is_in_foreground(options)
        return assemble(
            options.configuration, find_kinds(), reactor, time.time, is_in_foreground, options.read, loop=options.loop
        )
    except ConfigErrors as errors:
        raise refusal(errors.problems) from None
