"""A chat client as people wrote it before netd: ``old_chat_client.py HOST PORT NAME [WORDS…]``.

Its habits: it waits until the server asks for its name with the word ``USRNM``, and sends it without an end; a message is
whatever one ``recv(1024)`` gives; what it has to say leaves in one send each, half a second after the other, while a thread of
its own reads. It prints each message as a Python literal, and ``bye``.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import socket
import sys
import threading
import time


def read(client: socket.socket, name: str) -> None:
    """Show what comes; say the name when it is asked for."""
    while True:
        message = client.recv(1024).decode("utf-8")
        if not message:
            return
        if message == "USRNM":
            client.send(name.encode("utf-8"))
        else:
            print(repr(message), flush=True)


def main(host: str, port: int, name: str, *words: str) -> None:
    """Chat, and leave when everything is said."""
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect((host, port))
    reader = threading.Thread(target=read, args=(client, name), daemon=True)
    reader.start()
    for word in words:
        time.sleep(0.5)
        client.send(f"{name}: {word}".encode())
    time.sleep(1.0)
    client.shutdown(socket.SHUT_RDWR)
    reader.join(1)
    print("bye", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
