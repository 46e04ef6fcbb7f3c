"""The data feed as people wrote it before netd: ``old_feed_server.py PORT [INTERVAL]``; port 0 takes any that is free.

It says ``listening`` and its port. Its habits: each client has a round of its own, eight sends one after the other, then a pause;
what a client says is printed as it comes.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import asyncio
import sys
from typing import Any

import websockets
from faker import Faker

fake = Faker()


async def produce(ws: Any, interval: float) -> None:
    """Send rounds for ever."""
    while True:
        for value in (
            fake.name(),
            fake.country(),
            fake.email(),
            fake.url(),
            fake.text(),
            str(fake.latitude()),
            str(fake.currency()),
            fake.city(),
        ):
            await ws.send(value)
        await asyncio.sleep(interval)


async def main(port: int, interval: float) -> None:
    """Serve until the process is ended."""

    async def serve(ws: Any) -> None:
        producing = asyncio.create_task(produce(ws, interval))
        try:
            async for message in ws:
                print(message, flush=True)
        finally:
            producing.cancel()

    async with websockets.serve(serve, "localhost" if port else "127.0.0.1", port) as server:
        print("listening", next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0))
