"""Drives relay.py and session.py, by both ways: ``python_driver.py FOLDER ROLE…``; see the README of ``tests/sdk``.

It runs on each Python from 3.7.
"""

import asyncio
import itertools
import sys
import threading

sys.path.insert(0, sys.argv[1])
import relay
import session

ALL = threading.Lock()


def tell(*words):
    with ALL:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()


def read(words):
    """The arguments of a client, and how much shorter its pauses are."""
    if "ca" in words:
        words["cafile"] = words.pop("ca") + "/ca.pem"
    return words, float(words.pop("pause", 1000)) / 1000


def parts(payload):
    """What a device does with *payload*: its news and their event, and its answer."""
    word, _, rest = payload.partition(b" ")
    if word == b"fail":
        raise ValueError(rest.decode())
    if word == b"say":
        return (rest, None), b"said"
    if word == b"event":
        return (b"", rest.decode()), b"said"
    return None, None if payload == b"nothing" else payload


def hooks(name):
    return {
        "on_connect": lambda welcome: tell(name, "welcome"),
        "on_disconnect": lambda reason, seconds: tell(name, "lost", reason),
    }


def play_device(host, port, name, words):
    words, factor = read(words)
    device = relay.Device(host, int(port), name, **hooks(name), **words)
    pause = device._way.pause
    device._way.pause = lambda seconds: pause(seconds * factor)

    def receive(payload):
        news, answer = parts(payload)
        if news is not None:
            device.say(*news)
        return answer

    device.run(receive)


async def play_async_device(host, port, name, words):
    words, factor = read(words)
    device = relay.AsyncDevice(host, int(port), name, **hooks(name), **words)
    pause = device._way.pause
    device._way.pause = lambda seconds: pause(seconds * factor)

    async def receive(payload):
        news, answer = parts(payload)
        if news is not None:
            await device.say(*news)
        return answer

    await device.run(receive)


def make_agent(kind, port, server_port, name, words):
    words, _ = read(words)
    channels = {
        "count": session.Channel(itertools.count(1), "Counter", "n", 0.02),
        "temp-1": session.Channel(lambda: 21.5, "Temperature", "°C", 0.02),
    }
    told = session.Hooks(
        started=lambda session, host: tell(name, "streaming"),
        stopped=lambda reason: tell(name, "lost", reason),
    )
    return kind(channels, "0.0.0.0", int(port), server_port=int(server_port), name=name, hooks=told, **words)


def play_agent(*role):
    make_agent(session.Agent, *role).run()


async def play_async_agent(*role):
    await make_agent(session.AsyncAgent, *role).run()


def start(arguments):
    """Play one role in a thread of its own."""
    words = dict(one.split("=", 1) for one in arguments if "=" in one)
    kind, *plain = [one for one in arguments if "=" not in one]
    way = "async_" if words.pop("way", "") == "asyncio" else ""
    play = globals()["play_" + way + kind]

    def run():
        if way:
            asyncio.run(play(*plain, words))
        else:
            play(*plain, words)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


if __name__ == "__main__":
    rest = sys.argv[2:]
    while rest:
        role = list(itertools.takewhile(lambda word: word != "+", rest))
        start(role)
        rest = rest[len(role) + 1 :]
