"""Starts whole daemons quickly, one after another: a process that has imported everything forks for each.

It reads lines from its standard input: for each it forks, and writes the pid of the daemon. A daemon does what ``twistd -n`` does
with the configuration file in the argument.
"""

from __future__ import annotations

import gc
import os
import signal
import sys


def main(ini: str) -> None:
    """Fork until standard input ends."""
    import netd.daemon
    from netd.kinds import find_kinds

    for kind in find_kinds().values():
        __import__(f"{kind.config.__module__.rpartition('.')[0]}.service")
    assert netd.daemon, "imported, and not yet with a reactor"
    gc.collect()
    gc.freeze()  # otherwise, each daemon would visit all objects when it starts
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            sys.__stdout__ = open(os.devnull, "w", encoding="utf-8")  # type: ignore[misc]  # noqa: PTH123, SIM115 - for the banner
            serve(ini)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def serve(ini: str) -> None:
    """Be a daemon."""
    from twisted.internet import reactor

    from netd.tap import Options, makeService

    options = Options()
    options["config"] = ini
    options.postOptions()
    daemon = makeService(options)
    daemon.privilegedStartService()
    daemon.startService()
    reactor.run()  # type: ignore[attr-defined]
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
