"""The wall clock of the machine: whether something sets it, and whether it can be right."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from netd.doctor.findings import Diagnosis, ok, problem, warning
from netd.plaintext import moment

__all__ = ["examine_clock", "is_synchronised"]

BUILT = 1_767_225_600.0
"""A time that is over: 2026-01-01. A clock that shows an earlier one stands where its board begins without a battery."""

SERVICES = {
    "systemd-timesyncd": "run/systemd/timesync",
    "chrony": "run/chrony",
    "ntpd": "run/ntpd.pid",
    "ntpsec": "run/ntpsec",
}
"""Programs that set the clock, each with what it keeps in the file system while it runs."""

TIMESYNCD_IS_RIGHT = "run/systemd/timesync/synchronized"

UNSYNCHRONISED = 5
"""The answer of Linux for a clock that no program keeps right (``TIME_ERROR``)."""


def is_synchronised() -> bool | None:
    """Ask Linux whether a program keeps the clock right; None where that is not known.

    Not to be called in the daemon: a unit that forbids to set the clock forbids this call, too, and may end the process for it.
    """
    with suppress(OSError, AttributeError):
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
        return None if answer < 0 else bool(answer != UNSYNCHRONISED)
    return None


def examine_clock(
    now: float, zone: str, ask: Callable[[], bool | None] = lambda: None, root: Path = Path("/")
) -> Iterator[Diagnosis]:
    """Yield what is known of the clock.

    :param now: the time that it shows, in seconds since the epoch.
    :param zone: the time zone of netd.
    :param ask: asks the kernel; see :func:`is_synchronised`.
    """
    shown = f"the clock shows {moment(now)}" + (f", and netd's time zone is {zone}" if zone else "")
    if now < BUILT:
        text = f"{shown}: that is over; what is recorded, tokens and certificates have wrong times"
        yield problem("clock", text, "set the clock, and let systemd-timesyncd or chrony keep it right")
        return
    runs = [name for name, path in SERVICES.items() if (root / path).exists()]
    answer = ask()
    if answer is None and "systemd-timesyncd" in runs:
        answer = (root / TIMESYNCD_IS_RIGHT).exists()
    remedy = "`timedatectl set-ntp true`, or install chrony; a machine without a network needs a clock with a battery"
    by = " and ".join(runs)
    if answer is False:
        why = f"{by} runs, but has reached no server yet" if runs else "nothing keeps it right"
        yield warning("clock", f"{shown}; {why}", remedy)
    elif answer or runs:
        yield ok("clock", f"{shown}, kept right by {by or 'a program of this machine'}")
    else:
        yield ok("clock", f"{shown}; what keeps it right is not known from here")
