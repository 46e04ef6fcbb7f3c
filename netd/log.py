"""Lines of the log: a limit for those that repeat, and the escaping of control characters. :mod:`netd.logforms` writes them."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

__all__ = ["LimitedObserver", "LogLimiter", "printable", "told_of"]

INTERVAL = 60.0
"""Seconds between two log lines of one kind of repeating event."""

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_CONTROL |= {code: f"\\u{code:04x}" for code in (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))}
"""Also ends of lines that only some viewers know, and what turns the direction of writing, which shows a line in disguise."""


SOURCES = 100
"""Sources that are counted separately, for each kind of line. All further ones count as one source."""

OTHERS = "others"


@define
class _Lines:
    """The lines of one kind and source.

    :ivar since: the time at which the interval began, in seconds.
    :ivar written: lines that were written in the interval.
    :ivar held_back: lines that were not, since the last one that was.
    """

    since: float
    written: int = 0
    held_back: int = 0


class LogLimiter:
    """Limits log lines: a few of each kind and source are written in an interval, and the rest is counted.

    :param monotonic: the clock, which is never set back.
    :ivar is_lifted: whether every line is written: the log level is ``debug``.
    """

    def __init__(self, monotonic: Callable[[], float], interval: float = INTERVAL) -> None:
        self._monotonic = monotonic
        self._interval = interval
        self._kinds: dict[str, dict[str, _Lines]] = {}
        self.is_lifted = False

    def admit(self, kind: str, source: str = "", most: int = 1) -> int | None:
        """Ask whether a line of *kind* may be written.

        :param source: an address that the line is about. Each source has a limit of its own, so that one cannot hide others.
        :param most: lines of one source that may be written in an interval.
        :returns: None if the line is to be held back; else the number of lines held back since the last one, to be told in it.
        """
        if self.is_lifted:
            return 0
        now = self._monotonic()
        lines = self._lines(self._kinds.setdefault(kind, {}), source, now)
        if now - lines.since >= self._interval:
            lines.since, lines.written = now, 0
        if lines.written >= most:
            lines.held_back += 1
            return None
        lines.written += 1
        held_back, lines.held_back = lines.held_back, 0
        return held_back

    def _lines(self, sources: dict[str, _Lines], source: str, now: float) -> _Lines:
        """Return the count of *source*, or the common one of all others if too many sources are known."""
        found = sources.get(source)
        if found is None:
            if len(sources) >= SOURCES:
                self._forget(sources, now)
            found = sources.setdefault(source if len(sources) < SOURCES else OTHERS, _Lines(now))
        return found

    def _forget(self, sources: dict[str, _Lines], now: float) -> None:
        """Forget sources whose interval is over. Their held-back lines are added to the common count."""
        over = [name for name, lines in sources.items() if now - lines.since >= self._interval and name != OTHERS]
        untold = sum(sources.pop(name).held_back for name in over)
        sources.setdefault(OTHERS, _Lines(now)).held_back += untold


def told_of(skipped: int) -> str:
    """Return the end of a log line: how many lines like it were *skipped* before."""
    return f" ({skipped} more like it were not logged)" if skipped else ""


@implementer(ILogObserver)
class LimitedObserver:
    """Passes on one event of each format in a minute, with the number of events that were held back before it.

    For events that Twisted logs each time, such as each connection that it could not accept.

    :param publish: called with the events that are passed on.
    """

    def __init__(self, monotonic: Callable[[], float], publish: Callable[[LogEvent], object]) -> None:
        self._limiter = LogLimiter(monotonic)
        self._publish = publish

    def __call__(self, event: LogEvent) -> None:
        text = str(event.get("log_format") or "")
        skipped = self._limiter.admit(text)
        if skipped is not None:
            more = {"log_format": f"{text}{{more}}", "more": told_of(skipped)} if skipped else {}
            self._publish({**event, **more})


def printable(text: str) -> str:
    """*text* with control characters (but tab and newline) escaped."""
    return text.translate(_CONTROL)
