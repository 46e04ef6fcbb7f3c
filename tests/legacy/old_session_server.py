"""The server of sessions as people wrote it before netd: ``old_session_server.py PORT AGENT AGENT_PORT SESSION COUNT``.

It says ``listening``, dials the agent, and sends the session's id. Its habits: what one ``recv`` gives on the data connection is
one announcement, or one sample; ids must be those that belong to SESSION. It prints each token. After COUNT samples it sends
``ping``, half a second later ``stop``, and goes.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import socket
import sys
import time


def main(port: int, agent: str, agent_port: int, session: int, count: int) -> None:
    """Serve one session."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(1)
    print("listening", server.getsockname()[1], flush=True)
    control = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    control.connect((agent, agent_port))
    control.send(str(session).encode())
    data, _ = server.accept()
    for place in range(3):
        announcement = data.recv(16).decode()
        print("announced", announcement, flush=True)
        if announcement != f"s{place + 1}{session + place}":
            sys.exit("these are not the ids that were asked for")
    for _ in range(count):
        token = data.recv(16).decode()
        print("sample", token[0], float(token[1:]), flush=True)
    control.send(b"ping")
    time.sleep(0.5)
    control.send(b"stop")
    control.close()
    data.close()
    print("done", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
