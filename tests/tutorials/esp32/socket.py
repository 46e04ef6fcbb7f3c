"""The sockets of a board: ``accept`` gives a pair of address and port, where MicroPython on Linux gives packed bytes."""

import usocket
from usocket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, getaddrinfo

__all__ = ["AF_INET", "SOCK_STREAM", "SOL_SOCKET", "SO_REUSEADDR", "Socket", "getaddrinfo", "socket"]

NAMES = ("bind", "close", "connect", "listen", "readinto", "setblocking", "setsockopt", "settimeout", "write")


class Socket:
    def __init__(self, native):
        self.native = native
        for name in NAMES:
            setattr(self, name, getattr(native, name))

    def accept(self):
        native, packed = self.native.accept()
        _, address, port = usocket.sockaddr(packed)
        return native, (".".join(str(byte) for byte in address), port)


def socket(family):
    """Return a socket that nothing is connected to."""
    return Socket(usocket.socket(family))
