"""A stream of events in ``websockets``: what comes at ``/publish`` is handed to ``broadcast()``, for all other clients.

Usage: ``gateway_websockets.py PORT``.
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve


async def main(port: str) -> None:
    """Accept for ever."""
    subscribers: set[ServerConnection] = set()

    async def take(connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.request.path == "/publish":
            async for message in connection:
                broadcast(subscribers, message)
            return
        subscribers.add(connection)
        try:
            await connection.wait_closed()
        finally:
            subscribers.discard(connection)

    async with serve(take, "127.0.0.1", int(port), compression=None, backlog=1024):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
