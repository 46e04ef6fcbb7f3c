"""The relay as people wrote it before netd: ``old_relay_server.py PORT``; port 0 takes any that is free.

It says ``listening`` and its port. Its habits, faults included: a thread for each connection; each read is one blocking ``recv``;
header and payload of an answer leave in two sends; a device stays in the list for ever; a target is compared as a part of the
address, and the event is carried out, and answered, once for each match; a client type that it does not know is passed over.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import socket
import sys
import threading

HEADER = 64
FORMAT = "utf-8"


class Server:
    def __init__(self, port: int) -> None:
        self.devices: list[tuple[socket.socket, str]] = []
        self.server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(("127.0.0.1", port))

    def start(self) -> None:
        self.server.listen()
        print("listening", self.server.getsockname()[1], flush=True)
        while True:
            connection, address = self.server.accept()
            threading.Thread(target=self.handle_client, args=(connection, address), daemon=True).start()

    def handle_client(self, connection: socket.socket, address: tuple[str, int]) -> None:
        while True:
            length = connection.recv(HEADER).decode(FORMAT)
            if not length:
                break
            client_type = connection.recv(int(length)).decode(FORMAT)
            if client_type == "|disconnect|":
                break
            if client_type == "raspberrypi":
                self.devices.append((connection, str(address)))
            elif client_type == "python":
                self.handle_event(connection)
        connection.close()

    def handle_event(self, connection: socket.socket) -> None:
        target = connection.recv(HEADER).decode(FORMAT).strip()
        if target == "|no target|":
            self.send_list(connection)
            return
        header = connection.recv(HEADER)
        length = int(header.decode(FORMAT))
        message = connection.recv(length) if length else b""
        found = False
        for device, address in self.devices:
            if target in address:
                found = True
                if message == b"conecting":
                    self.answer(connection, f"|connected to {address}|")
                else:
                    device.send(header)
                    device.send(message)
                    self.answer(connection, "data succesfully sent")
        if not found:
            self.answer(connection, "|target not found|")

    def send_list(self, connection: socket.socket) -> None:
        if not self.devices:
            self.answer(connection, "|no raspberrypies|")
            return
        self.answer(connection, "".join(address + "," for _, address in self.devices))

    def answer(self, connection: socket.socket, text: str) -> None:
        message = text.encode(FORMAT)
        length = str(len(message)).encode(FORMAT)
        length += b" " * (HEADER - len(length))
        connection.send(length)
        connection.send(message)


if __name__ == "__main__":
    Server(int(sys.argv[1])).start()
