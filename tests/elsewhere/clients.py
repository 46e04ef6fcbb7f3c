"""Use each client that is one file, by both ways: ``python clients.py FOLDER RELAY COMMAND FEED ROOM``, a folder and the ports.

It runs on each Python from 3.7, with nothing installed.
"""

import asyncio
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


async def async_relay(relay, port):
    """A device answers several requests of a controller at once; then it is closed while it waits."""

    async def answer(payload):
        await asyncio.sleep(0.01)
        return payload[::-1]

    name = "async-device-{}-{}".format(*sys.version_info)
    here = asyncio.Event()
    device = relay.AsyncDevice(HOST, port, name, on_connect=lambda welcome: here.set())
    running = asyncio.ensure_future(device.run(answer))
    await asyncio.wait_for(here.wait(), PATIENCE)
    async with relay.AsyncController(HOST, port) as controller:
        outcomes = await asyncio.gather(*[controller.send(name, text, deadline=PATIENCE) for text in ("on", "am")])
    assert [outcome.answer for outcome in outcomes] == [b"no", b"ma"], outcomes
    await device.aclose()
    await asyncio.wait_for(running, PATIENCE)


def use_command(command, port):
    """A function is called, by either way."""
    assert command.call("add", {"first": 1}, second=2, host=HOST, port=port) == 3.0
    said = []
    command.send_data({"command_id": "add", "first": 1, "second": 2}, HOST, port, server_success=said.append)
    assert [answer["status"] for answer in said] == ["success"], said


async def async_command(command, port):
    """Functions are called over one connection; a server that takes no connection is told in time."""
    caller = command.AsyncCaller(HOST, port)
    results = await asyncio.gather(*[caller.call("add", first=number, second=2) for number in (1, 2)])
    assert results == [3.0, 4.0], results
    caller.close()
    assert await command.async_call("add", first=1, second=2, host=HOST, port=port) == 3.0
    silent = _listener()
    try:
        await command.async_call("add", host=HOST, port=silent.getsockname()[1], timeout=1.0)
    except command.NotInTime:
        return
    raise AssertionError("a silent server has answered")


def use_feed(feed, port):
    """Samples of either dialect come."""
    for dialect in ("netd", "old"):
        with feed.Feed(HOST, port, dialect=dialect) as source:
            assert next(iter(source)).value


async def async_feed(feed, port):
    """Samples of either dialect come, and a block of them."""
    for dialect in ("netd", "old"):
        async with feed.AsyncFeed(HOST, port, dialect=dialect) as source:
            assert (await source.__anext__()).value
            async for block in source.blocks(2):
                assert len(block.samples) == 2
                break


def use_room(room, port):
    """Two bots talk to the end."""
    bots = [room.Bot(HOST, port, name, name, dialect=dialect) for name, dialect in (("happy", "netd"), ("lazy", "old"))]
    other = threading.Thread(target=bots[0].run, daemon=True)
    other.start()
    assert bots[1].run() > 0
    other.join(PATIENCE)
    assert not other.is_alive()


async def async_room(room, port):
    """Two bots talk to the end."""
    bots = [room.AsyncBot(HOST, port, name, name, dialect=dialect) for name, dialect in (("happy", "netd"), ("lazy", "old"))]
    assert all(await asyncio.wait_for(asyncio.gather(*[bot.run() for bot in bots]), PATIENCE))


def use_session(session, port):
    """An agent is dialled, connects back and streams."""
    server = _listener()
    agent = session.Agent({"x": itertools.count(7)}, port=0, server_port=server.getsockname()[1])
    agent.listen()
    threading.Thread(target=agent.run, daemon=True).start()
    _serve(server, agent.port)
    agent.close()


async def async_session(session, port):
    """An agent with a coroutine function for a source is dialled, connects back and streams."""

    async def measure():
        await asyncio.sleep(0.01)
        return next(values)

    values = itertools.count(7)
    server = _listener()
    agent = session.AsyncAgent({"x": measure}, port=0, server_port=server.getsockname()[1])
    running = asyncio.ensure_future(agent.run())
    while not agent.port:
        await asyncio.sleep(0.01)
    await asyncio.get_running_loop().run_in_executor(None, _serve, server, agent.port)
    agent.close()
    await asyncio.wait_for(running, PATIENCE)


def _serve(server, port):
    """Dial an agent, and read its first sample."""
    control = socket.create_connection((HOST, port), PATIENCE)
    control.sendall(b"42")
    server.settimeout(PATIENCE)
    data = server.accept()[0].makefile("rb")
    assert b'"session": 42' in data.readline()
    assert data.readline() == b"x 7\n"
    control.sendall(b"stop")


def _listener():
    made = socket.socket()
    made.bind((HOST, 0))
    made.listen()
    return made


if __name__ == "__main__":
    folder, ports = sys.argv[1], dict(zip(("relay", "command", "feed", "room"), map(int, sys.argv[2:])))  # noqa: B905 - 3.10
    sys.path.insert(0, folder)
    for name, use in list(globals().items()):
        kind = name.partition("_")[2]
        if name.startswith("use_"):
            use(importlib.import_module(kind), ports.get(kind))
        elif name.startswith("async_"):
            asyncio.run(use(importlib.import_module(kind), ports.get(kind)))
        else:
            continue
        sys.stdout.write(name + " works\n")
