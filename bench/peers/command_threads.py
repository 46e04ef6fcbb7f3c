"""Commands as most people serve them: a thread for each connection, which reads lines of a file and answers them.

Usage: ``command_threads.py PORT once|kept``: whether a connection is closed after its answer.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any


def set_lamp(lamp: str, level: int) -> int:
    """Set one lamp; return what it is set to."""
    return level


FUNCTIONS: dict[str, Callable[..., Any]] = {"set_lamp": set_lamp}


def serve(connection: socket.socket, is_kept: bool) -> None:
    """Answer one command, or all until the program goes away."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            try:
                arguments = json.loads(line)
                answer = {"status": "success", "result": FUNCTIONS[arguments.pop("command_id")](**arguments)}
            except Exception as error:
                answer = {"status": "error", "error": str(error)}
            connection.sendall(json.dumps(answer).encode() + b"\n")
            if not is_kept:
                return


def main(port: int, mode: str) -> None:
    """Accept for ever."""
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, mode == "kept"), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
