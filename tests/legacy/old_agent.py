"""An agent as people wrote it before netd: ``old_agent.py [BIND [PORT [SERVER_PORT [HURRY [c]]]]]``.

Its habits: it listens on PORT (10001); the session id is whatever one ``recv(16)`` gives; it connects back to SERVER_PORT (10000)
of the address it was dialled from, and announces three ids in three sends, 0.3 s apart, then a second later one sample each
0.2 s, for ever, nothing ever terminated. What one ``recv(16)`` on the control connection gives is a command: ``ping`` is shown,
``stop`` sends it back to listening, its data connection still open; anything else, the end of the connection too, means nothing
to it. HURRY divides all pauses. With ``c`` it is one in C: whatever it sends ends with the NUL of its string, and a value has all
of its digits. It prints a line for all that happens.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import select
import socket
import sys
import time


class Agent:
    def __init__(self, bind: str, port: int, server_port: int, hurry: float, is_c: bool) -> None:
        self.bind = bind
        self.server_port = server_port
        self.hurry = hurry
        self.end = "\0" if is_c else ""
        self.digits = ".55f" if is_c else ""
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((bind, port))
        self.listener.listen(1)
        self.kept: list[socket.socket] = []
        print("listening", self.listener.getsockname()[1], flush=True)

    def run(self) -> None:
        while True:
            control, (host, _) = self.listener.accept()
            session = int(control.recv(16).decode())
            print("session", session, flush=True)
            data = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            data.bind((self.bind, 0))
            data.connect((host, self.server_port))
            self.kept.append(data)
            try:
                self.serve(control, data, session)
            except OSError as error:
                print("broken", error, flush=True)
            control.close()

    def serve(self, control: socket.socket, data: socket.socket, session: int) -> None:
        for place in range(3):
            data.send(f"s{place + 1}{session + place}{self.end}".encode())
            time.sleep(0.3 / self.hurry)
        time.sleep(1.0 / self.hurry)
        values = {"x": 111, "y": 222, "z": 333}
        while True:
            for channel, value in values.items():
                data.send(f"{channel}{value:{self.digits}}{self.end}".encode())
                time.sleep(0.2 / self.hurry)
                if self.is_told_to_stop(control):
                    return

    def is_told_to_stop(self, control: socket.socket) -> bool:
        readable, _, _ = select.select([control], [], [], 0)
        command = control.recv(16) if readable else b""
        if command:
            print("told", command.decode(), flush=True)
        return command == b"stop"


def main(bind: str = "127.0.0.1", port: str = "10001", server_port: str = "10000", hurry: str = "1", kind: str = "") -> None:
    """Be an agent until killed."""
    Agent(bind, int(port), int(server_port), float(hurry), kind == "c").run()


if __name__ == "__main__":
    main(*sys.argv[1:])
