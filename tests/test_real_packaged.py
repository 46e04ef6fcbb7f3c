"""All five kinds of old program against netd as it comes: no option, the traditional ports, everything at once."""

from __future__ import annotations

import ast
import json
import re
import socket
import sys
import time
from collections.abc import Callable

from netd.client.websocket import PING, FrameDecoder
from tests.feed.bench import fits, request
from tests.legacy.old_bot import ANSWERS, BAD
from tests.legacy.old_feed_client import TYPES
from tests.process import CHECKOUT, PATIENCE, PackagedTestCase, Program

LEGACY = CHECKOUT / "tests" / "legacy"

HERE = "127.0.0.1"

BOTS = ("Lars", "Ida", "Ola", "Åse")

COMMAND = {"command_id": "test_command", "param1": 100, "param2": "this is text", "param3": True, "param4": [1, 2, "text"]}

SENT = "data succesfully sent"

MOMENT = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})? ", re.MULTILINE)
"""What an old feed client writes before each value."""


class OldProgramTests(PackagedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.start_packaged()

    def old(self, name: str, *arguments: object) -> Program:
        """A program of old, started."""
        return self.program(LEGACY / f"old_{name}.py", *arguments)

    def netd(self, *words: str) -> Program:
        """The command line, as somebody would type it."""
        program = Program([sys.executable, "-c", "from netd.cli.main import main; main()", *words], self.folder, self.env)
        self.addCleanup(program.end)
        return program

    def said(self, program: Program) -> list[str]:
        """The lines of a program that has ended as it should."""
        self.assertEqual(program.wait(), 0, program.output)
        return program.output.splitlines()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Return as soon as *condition* is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), end, "it never comes true")
            time.sleep(0.02)

    def test_all_at_once(self) -> None:
        """Each program shows what it would have shown with the server that it was written for, and outlives a restart of netd.

        The feed takes longest, the eighth of its clients collects eight values, one a second: all others come and go meanwhile.
        """
        window = self.connect(8000)  # reads no more than the eight do, but from before they came
        window.sendall(request())
        clients = [
            self.old(
                "feed_client", f"ws://{HERE}:8000/", f"client-{size}", kind, size, f"{kind}.txt", ("plain", "number")[size % 2]
            )
            for size, kind in enumerate(TYPES, 1)
        ]
        agent = self.old("agent")
        agent.wait_for("^listening 10001$")
        started = self.netd("--json", "session", "start", HERE)
        bots = [self.place(name) for name in BOTS]
        self.check_relay()
        self.check_commands()
        self.check_session(started, agent)
        self.check_room(bots)
        self.check_feed(clients, window)
        self.check_restart(clients, agent)

    def place(self, name: str) -> Program:
        """A bot that has its place."""
        bot = self.old("bot", HERE, 4242, name)
        bot.wait_for("has been sucessfully connected")
        return bot

    def check_relay(self) -> None:
        """Page 1: what a controller sends reaches the device byte for byte, and each event has the answer of old."""
        self.assertEqual(self.control("list"), [["|no raspberrypies|"]])
        device = self.old("device", HERE, 5050, 2)
        address = device.wait_for(r"^connected (.*)$")[1]
        self.wait_until(
            lambda: self.daemon.call("relay.devices")["rows"]
        )  # connected it is, but has perhaps not yet said what it is
        self.assertEqual(
            self.control(
                "list", "connect", address, "send", address, "grüße", "send", f"{address[:-2]})", "x", "send", address, "1"
            ),
            [[*address.split(","), ""], f"|connected to {address}|", SENT, "|target not found|", SENT],
        )
        self.assertEqual(self.said(device)[1:], [repr("grüße".encode()), repr(b"1")])
        self.assertEqual(self.control("list", "send", address, "x"), [["|no raspberrypies|"], "|target not found|"])

    def control(self, *events: str) -> list[object]:
        """What an old controller prints for each of its events."""
        return [ast.literal_eval(line) for line in self.said(self.old("controller", HERE, 5050, *events))]

    def check_session(self, started: Program, agent: Program) -> None:
        """Page 2: the agent is dialled, announces itself, streams, shows a ping, and listens again when it is told to stop."""
        session = json.loads("\n".join(self.said(started)))
        self.assertEqual((session["session"], session["state"], session["dialect"]), (1, "streaming", "first"))
        self.wait_until(lambda: self.daemon.call("session.list")["rows"][0]["samples"] >= 6)
        for word in ("ping", "stop"):
            self.said(self.netd("session", word, "1"))
        agent.wait_for(r"\Alistening 10001\nsession 1\ntold ping\ntold stop\n\Z")
        [ended] = self.daemon.call("session.list")["rows"]
        channels = ended["channels"].items()
        seen = {name: {channel[fact] for fact in ("min", "max", "last")} for name, channel in channels}
        self.assertEqual(seen, {"x": {111}, "y": {222}, "z": {333}})
        counts = [channel["samples"] for _, channel in channels]
        self.assertEqual((ended["state"], ended["bad"], sum(counts)), ("ended", 0, ended["samples"]))
        self.assertIn((counts[0] - counts[1], counts[1] - counts[2]), {(0, 0), (1, 0), (0, 1)})  # they take turns

    def check_commands(self) -> None:
        """Page 4: the one ``recv(1024)`` of each connection is the whole answer; a refusal is one that the client understands."""
        answer = {"status": "success"}
        self.assertEqual(
            self.said(self.old("command_client", HERE, 65432, json.dumps(COMMAND), "debug")),
            [f"Sent {COMMAND}", r"""Received b'{"status":"success"}\n'""", f"Server reported success. {answer}"],
        )
        self.assertEqual(
            self.said(self.old("command_client", HERE, 65432, '{"command_id": "test_comand"}')),
            ["Server reported an error. there is no command 'test_comand'; did you mean 'test_command'?"],
        )

    def check_room(self, bots: list[Program]) -> None:
        """Page 5: each bot reads, one ``recv(500)`` a message: its welcome, the host, and what was said in the four rounds."""
        heard = [[ast.literal_eval(line) for line in self.said(bot)[:-1]] for bot in bots]
        sentence = heard[0][1]
        action = sentence.removeprefix("\nBatman: Do you want to ").removesuffix("?")
        self.assertIn(action, {"hug", "play", "eat", "shop", "yell", "steal", "fight"})
        said = [ANSWERS[turn][action in BAD].format(name, action) for turn, name in enumerate(BOTS)]
        for place, name in enumerate(BOTS):
            welcome = (
                f"\nBot: {name} has been sucessfully connected\n{place + 1}/4 bots have been connected soo far\n \n"
                "waiting for the rest of the bots to be connected before starting the chat room...."
            )
            said_to_it = [*said[:place], "This clients response has been sendt to the server\n", *said[place + 1 :]]
            self.assertEqual(heard[place], [welcome, sentence, *said_to_it])

    def check_feed(self, clients: list[Program], window: socket.socket) -> None:
        """Page 3: each client finds its type at its place in each round, and netd reads both wordings of its reports."""
        for client in clients:
            client.wait_for(r"\Aconnected\nblock 1 received\n")
        reports = {report["client"]: report for report in self.daemon.call("feed.reports")}
        self.assertEqual(set(reports), {f"client-{size}" for size in range(1, 9)})
        received = bytearray()
        for size, kind in enumerate(TYPES, 1):
            report = reports[f"client-{size}"]
            self.assertEqual((report["online"], report["remarks"], report["last_block"]), (True, [], report["blocks"]))
            self.assertGreaterEqual(report["seconds"], size - 1)
            values = MOMENT.sub("", (self.folder / f"{kind}.txt").read_text(encoding="utf-8"))
            # The window may get each round up to an interval after this client: each had its first one an interval after it came.
            self.wait_until(lambda at=size - 1, size=size, text=values: text.startswith(blocks_in(window, received, at, size)))
            self.assertTrue(all(fits(kind, values_of_round[size - 1]) for values_of_round in rounds_in(window, received)), kind)

    def check_restart(self, clients: list[Program], agent: Program) -> None:
        """The ports are free at once: the next netd has them, the feed's clients are back in seconds, the agent is dialled."""
        self.assertEqual(self.daemon.stop(), 0)
        self.assertNotIn("Traceback", self.daemon.output)
        again = self.start_packaged()
        self.assertEqual(again.call("session.start", host=HERE)["state"], "streaming")
        agent.wait_for(r"^told stop\nsession 1\n")
        for client in clients:
            client.wait_for(r"^connection lost\nconnected$")
        self.assertEqual(again.stop(), 0)
        agent.wait_for(r"session 1\ntold stop\n\Z")


def blocks_in(window: socket.socket, received: bytearray, at: int, size: int) -> tuple[str, ...]:
    """What a client may have collected of the values at one place in the rounds: each *size* of them that follow one another."""
    made = [f"{values[at]}\n" for values in rounds_in(window, received)]
    return tuple("".join(made[first : first + size]) for first in range(len(made) - size + 1))


def rounds_in(window: socket.socket, received: bytearray) -> list[list[str]]:
    """The rounds that have come over a connection to the feed so far, all of them whole; *received* keeps its bytes."""
    window.setblocking(False)
    try:
        while segment := window.recv(1 << 16):
            received += segment
    except BlockingIOError:
        pass
    decoder, values = FrameDecoder(), list[str]()
    decoder.feed(bytes(received).partition(b"\r\n\r\n")[2])
    while (message := decoder.next_message()) is not None:
        if message[0] != PING:
            values.append(message[1].decode())
    assert len(values) % len(TYPES) == 0, values
    return [values[start : start + len(TYPES)] for start in range(0, len(values), len(TYPES))]
