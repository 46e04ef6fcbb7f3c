"""Drives netd_micro.py, on MicroPython and on Python: ``micro_driver.py FOLDER ROLE…``; see the README of ``tests/sdk``."""

import sys
import time

sys.path.insert(0, sys.argv[1])
import netd_micro


class UnixPool:
    """The sockets of MicroPython on Unix. There alone, the address that ``accept`` gives is packed; on boards it is a pair."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)

    def socket(self, family):
        return UnixSocket(self._module.socket(family), self._module.sockaddr)


class UnixSocket:
    def __init__(self, sock, unpack):
        self._sock = sock
        self._unpack = unpack
        for name in ("bind", "close", "connect", "listen", "readinto", "setblocking", "setsockopt", "settimeout", "write"):
            setattr(self, name, getattr(sock, name))

    def accept(self):
        sock, packed = self._sock.accept()
        _, address, port = self._unpack(packed)
        return sock, (".".join(str(byte) for byte in address), port)


def tls_context(folder):
    import ssl

    if sys.implementation.name != "micropython":  # Python 3.7 cannot read DER with a newer OpenSSL than its own time's
        return ssl.create_default_context(cafile=folder + "/ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    with open(folder + "/ca.der", "rb") as file:
        context.load_verify_locations(cadata=file.read())
    return context


def make_device(host, port, name, words):
    def receive(payload):
        word, _, rest = payload.partition(b" ")
        if word == b"fail":
            raise ValueError(rest.decode())
        if word == b"say":
            device.say(rest)
        elif word == b"event":
            device.say("", rest.decode())
        elif payload == b"nothing":
            return None
        else:
            return payload
        return "said"

    device = netd_micro.Device(host, int(port), name, receive, most=4096, **words)
    return device


def make_agent(port, server_port, name, words):
    counted = [0]

    def count():
        counted[0] += 1
        return counted[0]

    channels = {"count": (count, 20, "Counter", "n"), "temp-1": (lambda: 21.5, 20, "Temperature", "°C")}
    return netd_micro.Agent(channels, int(port), int(server_port), name, **words)


def make(arguments):
    """The client of one role, its name, and the word for its success."""
    words = dict(one.split("=", 1) for one in arguments if "=" in one)
    kind, *plain = [one for one in arguments if "=" not in one]
    if "pause" in words:
        netd_micro.PAUSE = int(words.pop("pause"))
    if "ca" in words:
        words["tls"] = tls_context(words.pop("ca"))
    elif hasattr(netd_micro.socket, "sockaddr"):
        words["pool"] = UnixPool(netd_micro.socket)
    if kind == "device":
        return make_device(*plain, words), plain[2], "welcome"
    return make_agent(*plain, words), plain[2], "streaming"


def roles(arguments):
    while "+" in arguments:
        place = arguments.index("+")
        yield arguments[:place]
        arguments = arguments[place + 1 :]
    yield arguments


def tell(*words):
    print(*words)
    if hasattr(sys.stdout, "flush"):
        sys.stdout.flush()


def main():
    clients = [make(one) for one in roles(sys.argv[2:])]
    was = [False] * len(clients)
    while True:
        for place, (client, name, success) in enumerate(clients):
            is_connected = client.poll()
            if client.error:
                tell(name, "lost", client.error)
                client.error = ""
            if is_connected and not was[place]:
                tell(name, success)
            was[place] = is_connected
        time.sleep(0.002)


main()
