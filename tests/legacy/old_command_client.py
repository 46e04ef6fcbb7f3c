"""A client of JSON commands as people wrote it before netd: ``old_command_client.py HOST PORT JSON [debug]``.

Its habits: a connection for each command; the object and its newline leave in one send; the answer is what one ``recv(1024)``
gives, within 5 s; ``status`` is looked at, and nothing else. It prints one line, as its three functions do.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import json
import socket
import sys
from typing import Any


def server_success(response_data: dict[str, Any]) -> None:
    """The server reports success."""
    print("Server reported success.", response_data)


def server_fail(response_data: dict[str, Any]) -> None:
    """The server reports failure."""
    print("Server reported an error. {}".format(response_data.get("error")))


def fail_connect() -> None:
    """Nothing came."""
    print("Failed to connect to the server or the server timed out.")


def send_data(json_data: object, host: str = "127.0.0.1", port: int = 65432, debug: bool = False) -> None:
    """Send one command, and call one of the three."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            client.connect((host, port))
            client.sendall((json.dumps(json_data) + "\n").encode("utf-8"))
            if debug:
                print("Sent", json_data)
            response = client.recv(1024)
            if debug:
                print("Received", response)
            response_data = json.loads(response.decode("utf-8"))
            if response_data.get("status") == "success":
                server_success(response_data)
            elif response_data.get("status") == "error":
                server_fail(response_data)
    except (OSError, ValueError):
        fail_connect()


if __name__ == "__main__":
    send_data(json.loads(sys.argv[3]), sys.argv[1], int(sys.argv[2]), sys.argv[4:] == ["debug"])
