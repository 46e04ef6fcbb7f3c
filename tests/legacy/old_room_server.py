"""The room as people wrote it before netd: ``old_room_server.py PORT [PAUSE]``; port 0 takes any that is free.

It says ``listening`` and its port, then a line for each bot and each reply that it passes on. Its habits: it accepts one bot at a
time and blocks until that one has said its name; name and reply are whatever one ``recv(500)`` gives; pauses, some part of PAUSE
seconds, keep messages apart; it reads one bot after the other, so one that is silent holds up all; after four rounds it ends.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import random
import socket
import sys
import time

SIZE = 4
ACTIONS = ["hug", "play", "eat", "shop", "yell", "steal", "fight"]


def gather(server: socket.socket) -> list[socket.socket]:
    """Accept bots until the room is full."""
    clients: list[socket.socket] = []
    while len(clients) < SIZE:
        connection, _address = server.accept()
        clients.append(connection)
        name = connection.recv(500).decode()
        print("connected", repr(name), flush=True)
        connection.send(
            f"\nBot: {name} has been sucessfully connected\n{len(clients)}/{SIZE} bots have been connected soo far\n \n"
            "waiting for the rest of the bots to be connected before starting the chat room....".encode()
        )
    return clients


def main(port: int, pause: float = 1.0) -> None:
    """Serve one room."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.bind(("127.0.0.1", port))
    server.listen()
    print("listening", server.getsockname()[1], flush=True)
    clients = gather(server)
    time.sleep(pause)
    action = random.choice(ACTIONS)
    for client in clients:
        client.send(f"\nBatman: Do you want to {action}?".encode())
    for turn in range(SIZE):
        time.sleep(pause)
        replies = [client.recv(500).decode() for client in clients]
        time.sleep(pause / 2)
        print("passed on", repr(replies[turn]), flush=True)
        for client in clients:
            if client is clients[turn]:
                client.send(b"This clients response has been sendt to the server\n")
            else:
                client.send(replies[turn].encode())
        time.sleep(pause / 4)
    server.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
