"""Memory that is free goes back to the system.

The allocator of glibc gives a large block back when it is freed, but takes the size of the first such block as a sign to keep all
that are no larger. After a thousand half messages of a MiB, that was most of what they had taken, for as long as the daemon ran.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["give_back_large_blocks"]

M_MMAP_THRESHOLD = -3
"""The parameter's number in ``malloc.h``. To set it is to keep it."""

LARGE = 1 << 17
"""Bytes from which on a block is the system's again when it is freed: what glibc begins with."""


def give_back_large_blocks() -> None:
    """Let the allocator keep its first idea of what is large. Without effect where it is not glibc's."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)
