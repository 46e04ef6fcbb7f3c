"""Programs that alerts run: without a shell, with a time limit, and with as much of their output as a message needs."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from netd.reaction.delivery import DeliveryFailed

__all__ = ["environment", "run", "spawn_leader"]

SHOWN = 200
"""Bytes of what a program writes to its standard error that its failure tells."""

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER")
"""Variables of the daemon's environment that programs get. All others may hold secrets."""


def environment(told: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program: a few of the daemon's variables, and *told*."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(told)


class _AlertProgram(ProcessProtocol):
    """One run."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._complaint = b""
        self.ended: Deferred[None] = Deferred(lambda _: self._kill())

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(self._body)
        transport.closeStdin()

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._complaint = (self._complaint + data)[:SHOWN]

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Drop it."""

    def processExited(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """The program has ended. Children that it has left behind may hold its pipes open, and are not waited for."""
        transport: Any = self.transport
        transport.loseConnection()
        ended, self.ended = self.ended, Deferred()
        if ended.called:
            return
        if reason.check(ProcessDone):
            ended.callback(None)
            return
        error: Any = reason.value
        how = f"signal {error.signal}" if error.exitCode is None else f"status {error.exitCode}"
        said = self._complaint.decode("utf-8", "replace").strip().splitlines()
        ended.errback(DeliveryFailed(f"it ended with {how}" + (f": {said[-1]}" if said else ""), may_pass=False))

    def _kill(self) -> None:
        """Kill the program with all that it has started and that has not left its group."""
        transport: Any = self.transport
        pid = getattr(transport, "pid", None)
        if pid is not None and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            transport.signalProcess("KILL")


def spawn_leader(spawn: Callable[..., Any], protocol: object, program: str, words: list[str], *rest: object) -> object:
    """Spawn a program as the leader of a process group of its own, where the machine has ``setsid``.

    A script that is killed alone leaves the program that it waits for behind, and each alert leaves one more.
    """
    leader = shutil.which("setsid", path=os.defpath)
    if leader is None:
        return spawn(protocol, program, words, *rest)
    return spawn(protocol, leader, [leader, program, *words[1:]], *rest)


def run(
    spawn: Callable[..., Any], program: Path, arguments: tuple[str, ...], directory: Path, told: Mapping[str, str], body: bytes
) -> Deferred[None]:
    """Run *program* with *arguments* in *directory*; *body* is its standard input.

    :param spawn: ``reactor.spawnProcess``, or :func:`spawn_leader` around it.
    :returns: a Deferred of its end, which fails with :class:`DeliveryFailed` unless its exit status is 0. Cancelling it kills it.
    """
    protocol = _AlertProgram(body)
    ended = protocol.ended
    try:
        spawn(protocol, str(program), [str(program), *arguments], environment(told), str(directory))
    except OSError as error:
        raise DeliveryFailed(f"it cannot be run: {error.strerror}", may_pass=False) from None
    return ended
