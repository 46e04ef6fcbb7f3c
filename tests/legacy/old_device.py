"""A device of the relay as people wrote it before netd: ``old_device.py HOST PORT [COUNT] [FILE]``.

Its habits: header and client type leave in two sends; a header is whatever one ``recv(64)`` gives, a payload whatever one
``recv(length)`` gives. It says ``connected`` and its own address, then prints each payload as a Python literal. It ends after
COUNT payloads (0: never) or when the server hangs up. FILE gets the payloads' bytes, one after another.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import socket
import sys
from pathlib import Path

HEADER = 64
CLIENT_TYPE = "raspberrypi"


def main(host: str, port: int, count: int = 0, file: str = "") -> None:
    """Be a device until *count* payloads have come."""
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect((host, port))
    client_type = CLIENT_TYPE.encode("utf-8")
    header = str(len(client_type)).encode("utf-8")
    header += b" " * (HEADER - len(header))
    client.send(header)
    client.send(client_type)
    print("connected", client.getsockname(), flush=True)
    received = 0
    while not count or received < count:
        length = client.recv(HEADER).decode("utf-8")
        if not length:
            break
        payload = client.recv(int(length))
        received += 1
        print(repr(payload), flush=True)
        if file:
            with Path(file).open("ab") as record:
                record.write(payload)
    client.close()


if __name__ == "__main__":
    host, port, *options = sys.argv[1:]
    main(host, int(port), int(options[0]) if options else 0, options[1] if len(options) > 1 else "")
