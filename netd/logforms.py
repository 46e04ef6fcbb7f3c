"""The forms of the log: lines of text for people, JSON for programs, and lines with a priority for systemd's journal.

Control characters are escaped in all forms: no peer writes to the operator's terminal, or forges a line of its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent, formatEventAsClassicLogText
from zope.interface import implementer

from netd.log import printable
from netd.loglevels import LogLevels
from netd.redaction import without_token_texts

__all__ = ["FORMS", "LogFile", "LogObserver", "as_journal", "as_json", "as_text", "auto_form"]

MODE = 0o640
"""The mode of a new log file: its group may read it, as in the rest of ``/var/log``."""

Form = Callable[[LogEvent, str], str]

PRIORITIES: Mapping[Any, int] = {
    LogLevel.debug: 7,
    LogLevel.info: 6,
    LogLevel.warn: 4,
    LogLevel.error: 3,
    LogLevel.critical: 2,
}
"""The priorities of syslog."""


class LogFile:
    """A file that lines are added to. When it was moved away, :meth:`reopen` makes a new one under its name.

    It has no buffer: a full disk costs the lines that do not fit, and no memory. The line after one that was cut begins anew.

    :param path: made with mode 0640 if it is missing; one that is there keeps its mode.
    :param owner: the user and the group of a new file, for a daemon that root starts and that becomes another user.
    :raises OSError: when it cannot be opened.
    """

    _log = Logger()

    def __init__(self, path: Path, owner: tuple[int, int] | None = None) -> None:
        self._path = path.absolute()
        self._is_cut = False
        self._descriptor = self._open()
        if owner is not None:
            os.fchown(self._descriptor, *owner)

    def write(self, text: str) -> None:
        """Add *text*."""
        data = text.encode("utf-8", "backslashreplace")
        if self._is_cut:
            data = b"\n" + data
        written = os.write(self._descriptor, data)
        self._is_cut = written < len(data)

    def reopen(self) -> None:
        """Go on in the file that has the name now. When that cannot be opened, the one before stays."""
        try:
            before, self._descriptor = self._descriptor, self._open()
        except OSError as error:
            self._log.error("the log goes on in the file before: {file}: {why}", file=str(self._path), why=error.strerror)
        else:
            os.close(before)
            self._is_cut = False

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)


class _Output:
    """Standard output, or another stream of text."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"  # which may be ASCII; a line that cannot be written would be lost
        self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._stream.flush()


@implementer(ILogObserver)
class LogObserver:
    """Writes the events that the levels let through.

    :param form: makes the text of an event about a section, which ends with a newline; empty for an event without one.
    :param write: writes a text.
    """

    def __init__(self, form: Form, levels: LogLevels, write: Callable[[str], object]) -> None:
        self._form = form
        self._levels = levels
        self._write = write

    def __call__(self, event: LogEvent) -> None:
        section = self._levels.section_of(event)
        if self._levels.takes(event, section):
            text = self._form(event, section)
            if text:
                self._write(text)


def shown(text: str) -> str:
    """Return *text* as the log may have it: without control characters, and without tokens, which refused input may hold."""
    return printable(without_token_texts(text))


def connection_of(event: LogEvent) -> int | None:
    """Return the number of the connection that *event* is about; None where it is about none.

    A connection's own lines have it as their source, and others name it as ``connection``. No two of one daemon have the same.
    """
    number = event.get("connection", getattr(event.get("log_source"), "number", None))
    return number if isinstance(number, int) else None


def as_text(event: LogEvent, _section: str) -> str:
    """A line with time, place, level and connection; what belongs to it, such as a traceback, is indented below."""
    number = connection_of(event)
    if number is not None:
        place = f"{event.get('log_namespace')}#{_level(event).name}, connection {number}"
        event = {**event, "log_system": place}
    return shown(formatEventAsClassicLogText(event) or "")


def as_journal(event: LogEvent, _section: str) -> str:
    """Lines with the priority that ``sd-daemon(3)`` describes; systemd's journal takes it off, and adds the time."""
    text, number = _message(event), connection_of(event)
    if not text:
        return ""
    first, *further = f"{text}\n{_trace(event)}".rstrip().split("\n")
    lines = [first if number is None else f"{first} (connection {number})", *(f"    {line}" for line in further)]
    return "".join(f"<{PRIORITIES[_level(event)]}>{line}\n" for line in lines)


def as_json(event: LogEvent, section: str) -> str:
    """One JSON object a line. Members that have no value are left out; docs/years.md lists them all."""
    text = _message(event)
    if not text:
        return ""
    number, who, trace = connection_of(event), event.get("who"), _trace(event)
    members = {
        "time": datetime.fromtimestamp(event.get("log_time", 0.0), UTC).isoformat(timespec="milliseconds"),
        "level": _level(event).name,
        "section": section,
        "connection": number,
        "peer": shown(who) if isinstance(who, str) else None,
        "source": None if event.get("log_namespace") == "log_legacy" else event.get("log_namespace"),
        "message": text,
        "trace": trace,
    }
    return json.dumps({name: value for name, value in members.items() if value not in (None, "")}, ensure_ascii=False) + "\n"


FORMS: Mapping[str, Form] = {"text": as_text, "json": as_json, "journal": as_journal}
"""The forms by the words of the option ``log``."""


def auto_form(environ: Mapping[str, str]) -> str:
    """Return the form for standard output: that of the journal where systemd has connected it to the journal."""
    with suppress(OSError):
        status = os.fstat(1)
        if environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}":
            return "journal"
    return "text"


def standard_output() -> Callable[[str], object]:
    """Return what writes to the standard output of this moment. twistd replaces it by its log later."""
    return _Output(sys.stdout).write


def _level(event: LogEvent) -> Any:
    level = event.get("log_level")
    return level if level in PRIORITIES else LogLevel.info


def _message(event: LogEvent) -> str:
    return shown(formatEvent(event)).strip("\n")


def _trace(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return "" if failure is None else shown(failure.getTraceback()).rstrip()
