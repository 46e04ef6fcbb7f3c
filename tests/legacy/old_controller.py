"""A controller of the relay as people wrote it before netd: ``old_controller.py HOST PORT EVENT…``.

An EVENT is ``list``, ``connect TARGET`` or ``send TARGET TEXT``; several follow one another on one connection. Its habits: each
event starts with the client type; each of the five parts of an event is a send of its own; an answer is what one ``recv(64)`` and
then one ``recv(length)`` give. It prints one line for each event: the answer as a Python literal, or, for ``list``, the answer
split at its commas, as the readme has it.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import socket
import sys

HEADER = 64
FORMAT = "utf-8"
CLIENT_TYPE = "python"


class Controller:
    def __init__(self, host: str, port: int) -> None:
        self.client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.client.connect((host, port))

    def send_client_type(self) -> None:
        client_type = CLIENT_TYPE.encode(FORMAT)
        length = str(len(client_type)).encode(FORMAT)
        length += b" " * (HEADER - len(length))
        self.client.send(length)
        self.client.send(client_type)

    def send_target(self, target: str) -> None:
        field = target.encode(FORMAT)
        field += b" " * (HEADER - len(field))
        self.client.send(field)

    def send_text(self, text: str) -> None:
        message = str(text).encode(FORMAT)
        length = str(len(message)).encode(FORMAT)
        length += b" " * (HEADER - len(length))
        self.client.send(length)
        self.client.send(message)

    def receive(self) -> str:
        length = self.client.recv(HEADER).decode(FORMAT)
        return self.client.recv(int(length)).decode(FORMAT)

    def list(self) -> list[str]:
        self.send_client_type()
        self.send_target("|no target|")
        return self.receive().split(",")

    def send(self, target: str, text: str) -> str:
        self.send_client_type()
        self.send_target(target)
        self.send_text(text)
        return self.receive()


def main(host: str, port: int, *words: str) -> None:
    """Carry out the events that *words* name, in order."""
    controller = Controller(host, port)
    rest = list(words)
    answer: object
    while rest:
        event = rest.pop(0)
        if event == "list":
            answer = controller.list()
        elif event == "connect":
            answer = controller.send(rest.pop(0), "conecting")
        elif event == "send":
            answer = controller.send(rest.pop(0), rest.pop(0))
        else:
            sys.exit(f"{event!r} is none of list, connect TARGET, send TARGET TEXT")
        print(repr(answer), flush=True)
    controller.client.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
