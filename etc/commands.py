"""Functions that programs run by name: the example that comes with netd.

Copy it beside your netd.ini, put functions of your own there, and restart netd. `netd command list` shows what there is.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.logger import Logger

from netd.command import command
from netd.errors import InvalidArguments

LONGEST_WAIT = 60.0
"""Seconds. A program must not be able to keep a thread for good."""

_log = Logger()


@command("test_command")
def test_command(param1: int = 0, param2: str = "", param3: bool = False, param4: list[Any] | None = None) -> None:
    """Write the parameters into netd's log: a way to try a connection."""
    _log.info(
        "test_command: {param1!r}, {param2!r}, {param3!r}, {param4!r}", param1=param1, param2=param2, param3=param3, param4=param4
    )


@command("add")
def add(first: float, second: float) -> float:
    """Return the sum of two numbers. What is returned travels as `result`, what is raised as `error`."""
    return first + second


@command("wait", blocking=True)
def wait(seconds: float) -> str:
    """Do nothing for so many seconds. What waits, for hardware or for files, is marked as blocking: then it runs in a thread.

    What a program asks for wrongly is an InvalidArguments: it gets the text. Any other exception is a fault of the function, and
    has its traceback in the log.
    """
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidArguments(f"seconds: {seconds!r:.40} is not from 0 to {LONGEST_WAIT:g}")
    time.sleep(seconds)
    return f"waited for {seconds:g} s"
