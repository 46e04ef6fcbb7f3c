"""What the asyncio clients that keep a connection have in common."""

from __future__ import annotations

import asyncio

__all__ = ["is_idle"]


async def is_idle(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has neither hung up nor said anything unasked; waits only for what has come already."""
    for _ in range(2):  # in the first of them the event loop finds what has come, in the second it is with the reader
        await asyncio.sleep(0)
    try:
        async with asyncio.timeout(0):
            await reader.read(1)
    except TimeoutError:
        return True
    except OSError:
        return False
    return False
