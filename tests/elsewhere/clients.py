"""Use each client that is one file to copy: ``python clients.py FOLDER RELAY COMMAND FEED ROOM``, a folder and the ports.

It runs on each Python from 3.7, with nothing installed.
"""

import importlib
import itertools
import socket
import sys
import threading
import time

HOST = "127.0.0.1"
PATIENCE = 15.0


def use_relay(relay, port):
    """A device answers a controller."""
    name = "device-{}-{}".format(*sys.version_info)
    device = relay.Device(HOST, port, name=name)
    threading.Thread(target=device.run, args=(lambda payload: payload[::-1],), daemon=True).start()
    end = time.monotonic() + PATIENCE
    with relay.Controller(HOST, port) as controller:
        while not any(one.name == name for one in controller.devices()):
            assert time.monotonic() < end, "the device never came"
            time.sleep(0.01)
        outcome = controller.send(name, b"on", deadline=PATIENCE)
    assert outcome.answer == b"no", outcome
    device.close()


def use_command(command, port):
    """A function is called, by either way."""
    assert command.call("add", {"first": 1}, second=2, host=HOST, port=port) == 3.0
    said = []
    command.send_data({"command_id": "add", "first": 1, "second": 2}, HOST, port, server_success=said.append)
    assert [answer["status"] for answer in said] == ["success"], said


def use_feed(feed, port):
    """Samples of either dialect come."""
    for dialect in ("netd", "old"):
        with feed.Feed(HOST, port, dialect=dialect) as source:
            assert next(iter(source)).value


def use_room(room, port):
    """Two bots talk to the end."""
    bots = [room.Bot(HOST, port, name, name, dialect=dialect) for name, dialect in (("happy", "netd"), ("lazy", "old"))]
    other = threading.Thread(target=bots[0].run, daemon=True)
    other.start()
    assert bots[1].run() > 0
    other.join(PATIENCE)
    assert not other.is_alive()


def use_session(session, port):
    """An agent is dialled, connects back and streams."""
    server = socket.create_server((HOST, 0)) if hasattr(socket, "create_server") else _listener()
    agent = session.Agent({"x": itertools.count(7)}, port=0, server_port=server.getsockname()[1])
    agent.listen()
    threading.Thread(target=agent.run, daemon=True).start()
    control = socket.create_connection((HOST, agent.port), PATIENCE)
    control.sendall(b"42")
    server.settimeout(PATIENCE)
    data = server.accept()[0].makefile("rb")
    assert b'"session": 42' in data.readline()
    assert data.readline() == b"x 7\n"
    control.sendall(b"stop")
    agent.close()


def _listener():
    made = socket.socket()
    made.bind((HOST, 0))
    made.listen()
    return made


if __name__ == "__main__":
    folder, ports = sys.argv[1], dict(zip(("relay", "command", "feed", "room"), map(int, sys.argv[2:])))  # noqa: B905 - 3.10
    sys.path.insert(0, folder)
    for name, use in list(globals().items()):
        if name.startswith("use_"):
            kind = name[len("use_") :]
            use(importlib.import_module(kind), ports.get(kind))
            sys.stdout.write(kind + " works\n")
