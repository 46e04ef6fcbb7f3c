"""The server of JSON commands as people wrote it before netd: ``old_command_server.py PORT``; port 0 takes any that is free.

It says ``listening`` and its port. Its habits: one connection after the other; the command is what one ``recv(1024)`` gives; the
answer has no newline, and says ``failed`` where newer servers say ``error``; then the connection is closed. ``interact`` gets the
object.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import json
import socket
import sys
from typing import Any


def interact(data: Any) -> None:
    """What is done with a command: what people put here was their own."""
    if data["command_id"] == "test_command":
        print("Data of param1 : ", data["param1"], flush=True)
    elif data["command_id"] == "silent":
        raise SystemExit


def start_server(host: str = "127.0.0.1", port: int = 65432) -> None:
    """Serve for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen()
        print("listening", server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                received = connection.recv(1024)
                if not received:
                    continue
                try:
                    interact(json.loads(received.decode("utf-8")))
                    response = {"status": "success"}
                except (ValueError, KeyError) as error:
                    response = {"status": "failed", "error": str(error)}
                connection.sendall(json.dumps(response).encode("utf-8"))


if __name__ == "__main__":
    start_server(port=int(sys.argv[1]))
