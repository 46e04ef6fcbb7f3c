"""A client of the data feed as people wrote it before netd: ``old_feed_client.py URL NAME TYPE BLOCK FILE [WORDING [TYPES]]``.

Its habits: eight ``await ws.recv()`` a round, of which it keeps the one at its position; after a lost connection, a refused one
too, it sleeps with ``time.sleep(2)``, which stops all of it. It says who it is when it has connected, and reports each block, in
one of the two wordings that there are (``number`` or ``plain``). TYPES, comma-separated, are those of another family's server.
FILE gets each block's values, with their times; it prints that block n arrived.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path

import websockets

TYPES = ["name", "country", "email", "url", "text", "latitude", "currency", "city"]


async def main(url: str, name: str, kind: str, size: int, file: str, wording: str, types: list[str]) -> None:
    """Collect blocks for ever."""
    position = types.index(kind)
    block: list[str] = []
    number = 0
    started = time.time()
    while True:
        try:
            async with websockets.connect(url) as ws:
                await ws.send(f"Connected with {name}")
                print("connected", flush=True)
                while True:
                    messages = []
                    for _ in types:
                        messages.append(await ws.recv())
                    block.append(f"{datetime.now()} {messages[position]}")  # noqa: DTZ005 - as it was
                    if len(block) < size:
                        continue
                    number += 1
                    took, started = time.time() - started, time.time()
                    with Path(file).open("a") as log:
                        log.write("".join(f"{line}\n" for line in block))
                    block = []
                    if wording == "number":
                        await ws.send(f"Client {name} received block number {number} in time {took} sec")
                    else:
                        await ws.send(f"client {name} received {number} block in {took:.2f} time")
                    print(f"block {number} received", flush=True)
        except (OSError, websockets.ConnectionClosed):
            print("connection lost", flush=True)
            time.sleep(2)


if __name__ == "__main__":
    url, name, kind, size, file, *rest = sys.argv[1:]
    types = rest[1].split(",") if rest[1:] else TYPES
    asyncio.run(main(url, name, kind, int(size), file, rest[0] if rest else "number", types))
