"""Functions for a ``[command]`` section: write ``functions = ./command_functions.py`` in the INI beside this file."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from netd.command import command


@command("set_frequency")
def set_frequency(channel: int, hertz: float = 1e6) -> str:
    """Set the frequency of one channel. An exception is what the program reads as the error."""
    if not 0 <= channel < 4:
        raise ValueError(f"there is no channel {channel}; channels are 0 to 3")
    return f"channel {channel} is at {hertz:g} Hz"


@command("ramp")
async def ramp(seconds: float = 0.5) -> str:
    """Take some time without keeping anyone waiting."""
    await deferLater(reactor, seconds, lambda: None)  # type: ignore[arg-type]  # the reactor has this interface
    return "done"


@command("read_slowly", blocking=True)
def read_slowly() -> float:
    """Wait for the hardware, in a thread."""
    time.sleep(0.5)
    return 21.5


@command("old_style")
def interact(data: dict[str, Any]) -> None:
    """Take the whole object, as ``interact`` of the old servers did."""
    print("Data of param1 : ", data.get("param1"))
