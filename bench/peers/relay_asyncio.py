"""The relay on asyncio streams: a task for each connection, ``readexactly``, ``write`` and ``drain``.

Usage: ``relay_asyncio.py PORT``.
"""

from __future__ import annotations

import asyncio
import sys

HEADER = 64
SENT = b"data succesfully sent"
NOT_FOUND = b"|target not found|"


def frame(payload: bytes) -> bytes:
    """*payload* behind its header."""
    return str(len(payload)).encode().ljust(HEADER) + payload


class Relay:
    """The devices by address, and what a connection's task does."""

    def __init__(self) -> None:
        self._devices: dict[str, asyncio.StreamWriter] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read events until the peer goes away."""
        address = str(writer.get_extra_info("peername"))
        try:
            while True:
                client_type = await reader.readexactly(int(await reader.readexactly(HEADER)))
                if client_type == b"raspberrypi":
                    self._devices[address] = writer
                else:
                    writer.write(frame(await self._forward(reader)))
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self._devices.pop(address, None)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader) -> bytes:
        target = (await reader.readexactly(HEADER)).decode().strip()
        header = await reader.readexactly(HEADER)
        payload = await reader.readexactly(int(header))
        device = self._devices.get(target)
        if device is None:
            return NOT_FOUND
        device.write(header + payload)
        await device.drain()
        return SENT


async def main(port: int) -> None:
    """Accept for ever."""
    server = await asyncio.start_server(Relay().serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
