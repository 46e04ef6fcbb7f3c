"""The one look, each half second, at all files with credentials: what is gone from them proves nobody any more.

Services and the daemon add the looks; a look costs a ``stat`` while its file has not changed. The looks go by the reactor's
monotonic clock, so that no step of the wall clock delays them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from netd.errors import NetdError
from netd.log import LogLimiter

__all__ = ["LOOK_EVERY", "CredentialWatch", "Look", "Tell"]

LOOK_EVERY = 0.5
"""Seconds between two looks."""

Tell = Callable[[str, str, str], object]
"""Called for a credential that has changed: with ``added`` or ``removed``, what it is (``viewer``, ``SSH key``), and its name."""

Look = Callable[[Tell], frozenset[str]]
"""Looks at a file, and tells what has changed. Returns the credentials that have gone since the last look.

It raises NetdError if the file cannot be trusted.
"""


class CredentialWatch(Service):
    """Looks at all files, and passes on what is gone.

    :param revoke: called with the credentials that prove nobody any more: connections that they have proved are closed.
    :param audit: called after a change is logged.
    """

    _log = Logger()

    def __init__(self, reactor: Any, revoke: Callable[[frozenset[str]], object], audit: Tell) -> None:
        self._revoke = revoke
        self._audit = audit
        self._looks: dict[Look, str] = {}  # with the error that the last look ended in
        self._faults = LogLimiter(reactor.seconds)
        self._looking = LoopingCall(self.look)
        self._looking.clock = reactor

    def add(self, look: Look) -> Callable[[], None]:
        """Have *look* called with the others. The returned function takes it out again."""
        self._looks[look] = ""
        return partial(self._forget, look)

    def startService(self) -> None:
        """Begin to look."""
        super().startService()  # type: ignore[no-untyped-call]
        self._looking.start(LOOK_EVERY)

    def stopService(self) -> None:
        """End the looks, if they have begun: another service may have failed to start."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._looking.running:
            self._looking.stop()

    def look(self) -> None:
        """Look at all files now."""
        gone: set[str] = set()
        for look in list(self._looks):
            gone |= self._look_at(look)
        if gone:
            self._revoke(frozenset(gone))

    def _look_at(self, look: Look) -> frozenset[str]:
        try:
            gone = look(self._tell)
        except NetdError as error:
            self._note(look, str(error))
            return frozenset()
        except Exception:
            if self._faults.admit("look") is not None:
                self._log.failure("a file with credentials cannot be looked at")
            return frozenset()
        self._note(look, "")
        return gone

    def _tell(self, change: str, what: str, name: str) -> None:
        """Tell log and audit of a credential that a look has found changed."""
        self._log.info("a credential was {change}: {name} ({what})", change=change, name=name, what=what)
        self._audit(change, what, name)

    def _forget(self, look: Look) -> None:
        self._looks.pop(look, None)

    def _note(self, look: Look, trouble: str) -> None:
        """Log *trouble* once: it lasts until the file is mended."""
        if trouble and trouble != self._looks.get(look):
            self._log.error(
                "nobody new is let in by a file that cannot be trusted, and nobody is put out: {error}", error=trouble
            )
        if look in self._looks:
            self._looks[look] = trouble
