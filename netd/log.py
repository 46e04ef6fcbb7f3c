"""What netd's logging needs beyond Twisted's: a limit on repetition, and a sink that lets no control characters through."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

from twisted.logger import FileLogObserver, ILogObserver, LogEvent, LogLevel, formatEventAsClassicLogText

__all__ = ["LogLimiter", "make_observer", "printable"]

INTERVAL = 60.0
"""Seconds between two log lines of one kind of repeating event."""

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


class LogLimiter:
    """Lets one log line of each kind through per interval, and counts the rest.

    :param monotonic: the clock, which is never set back.
    """

    def __init__(self, monotonic: Callable[[], float], interval: float = INTERVAL) -> None:
        self._monotonic = monotonic
        self._interval = interval
        self._kinds: dict[str, tuple[float, int]] = {}

    def admit(self, kind: str) -> int | None:
        """How many of *kind* were held back since its last line, or None when this one is to be held back too."""
        now = self._monotonic()
        since, held_back = self._kinds.get(kind, (-self._interval, 0))
        if now - since < self._interval:
            self._kinds[kind] = (since, held_back + 1)
            return None
        self._kinds[kind] = (now, 0)
        return held_back


def printable(text: str) -> str:
    """*text* with control characters (but tab and newline) escaped."""
    return text.translate(_CONTROL)


def _format(event: LogEvent) -> str | None:
    if event.get("log_level") is LogLevel.debug:
        return None
    line = formatEventAsClassicLogText(event)
    return None if line is None else printable(line)


def make_observer(out: TextIO | None = None) -> ILogObserver:
    """An observer that writes one line an event to *out* (standard output when left out), control characters escaped.

    Debugging events are left out.
    """
    stream: Any = sys.stdout if out is None else out
    return FileLogObserver(stream, _format)
