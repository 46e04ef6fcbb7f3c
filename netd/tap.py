"""The composition root: it reads twistd's options and builds the daemon. Only this module uses the real reactor."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Container, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.python.usage import Options as TwistedOptions

from netd.check import check, default_ini, read, refusal, show
from netd.clock import make_monotonic
from netd.config import Configuration, Section, load_again
from netd.config.options import NETD
from netd.errors import ConfigErrors
from netd.kinds import find_kinds
from netd.privileges import objection, owner_of_files

if TYPE_CHECKING:
    from netd.daemon import Daemon

__all__ = ["Options", "makeService"]


class Options(TwistedOptions):
    """``twistd netd [options]``."""

    synopsis = "[options]"
    longdesc = (
        "Runs every section of the configuration as a service. Without -c, that is /etc/netd/netd.ini; where there is no such "
        "file, the packaged one, all on loopback."
    )
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
        path, kinds = Path(self["config"]) if self["config"] else default_ini(), find_kinds()
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


def _log(daemon: Daemon, options: Options, reactor: Any) -> None:
    """Have *daemon* log in the form that the configuration names, to the file that twistd was told, or to standard output.

    With ``--syslog`` and ``--logger``, twistd's own ways stay.

    :raises SystemExit: when the file cannot be opened.
    """
    from netd.logforms import FORMS, LogFile, LogObserver, auto_form, standard_output

    twistd: Any = options.parent or {}
    if twistd.get("syslog") or twistd.get("logger"):
        return
    name, netd = twistd.get("logfile"), options.configuration.netd
    if name == "-" or (not name and _is_in_foreground(options)):
        form = auto_form(os.environ) if netd.log == "auto" else netd.log
        daemon.log_to(LogObserver(FORMS[form], daemon.levels, standard_output()), shows_table=form != "json")
        return
    try:
        file = LogFile(Path(name or "twistd.log"), owner_of_files(netd.user))
    except OSError as error:
        print(f"netd: cannot log to {error.filename}: {error.strerror}", file=sys.stderr)
        raise SystemExit(1) from None
    daemon.log_to(LogObserver(FORMS["text" if netd.log == "auto" else netd.log], daemon.levels, file.write))
    daemon.handle(signal.SIGUSR1, lambda: reactor.callFromThread(file.reopen))


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
        daemon = assemble(
            options.configuration, find_kinds(), reactor, time.time, is_in_foreground, options.read, loop=options.loop
        )
    except ConfigErrors as errors:
        raise refusal(errors.problems) from None
    _log(daemon, options, reactor)
    return daemon
