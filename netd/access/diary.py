"""Writes down when each credential was used last: at most once a minute, and at the end of the daemon.

The file is written in a thread, because it is flushed to the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.secrets.private_files import PrivateFileError
from netd.secrets.tokens import Tokens

__all__ = ["WRITE_EVERY", "UseDiary"]

WRITE_EVERY = 60.0
"""Seconds between two times that the file is written."""

InThread = Callable[..., Deferred[Any]]
"""Calls a function with arguments in a thread, and returns a Deferred of its result."""


class UseDiary(Service):
    """Keeps the file of last uses.

    :param in_thread: calls a function in a thread.
    """

    _log = Logger()

    def __init__(self, tokens: Tokens, reactor: Any, in_thread: InThread) -> None:
        self._tokens = tokens
        self._in_thread = in_thread
        self._writing: Deferred[Any] = succeed(None)
        self._trouble = ""
        self._repeating = LoopingCall(self.write)
        self._repeating.clock = reactor

    def startService(self) -> None:
        """Read the file, and write it from now on."""
        super().startService()  # type: ignore[no-untyped-call]
        self._tokens.uses.load()
        self._repeating.start(WRITE_EVERY, now=False)

    def stopService(self) -> Deferred[Any]:
        """Write what is new, and wait until that is on the disk."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._repeating.running:  # another service may have failed to start
            self._repeating.stop()
        return self._writing.addCallback(lambda _: self.write())

    def write(self) -> Deferred[Any]:
        """Write the file, if something was used since the last time.

        :returns: a Deferred that fires when it is on the disk, or has failed, which is logged. The loop waits for it.
        """
        uses = self._tokens.uses
        if not uses.is_changed:
            return succeed(None)
        try:
            text = uses.render(self._tokens.known())
        except PrivateFileError:
            return succeed(None)  # its uses are kept until the file is mended
        self._writing = self._in_thread(uses.write, text).addCallbacks(self._written, self._failed)
        return self._writing

    def _written(self, _result: object) -> None:
        self._trouble = ""

    def _failed(self, failure: Failure) -> None:
        self._tokens.uses.is_changed = True
        trouble = failure.getErrorMessage()
        if trouble != self._trouble:
            self._log.warn("{path}: the last uses of tokens cannot be kept: {error}", path=self._tokens.uses.path, error=trouble)
        self._trouble = trouble
