"""The command service in a real twistd, with programs as people wrote them, and with the clients that come with netd."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

from netd.client import command as client
from netd.client.command_asyncio import AsyncCaller
from tests.command.bench import SUCCESS, TEST, answers
from tests.process import CHECKOUT, LOOPBACK, Daemon, Program, RealTestCase

LEGACY = CHECKOUT / "tests" / "legacy"

FUNCTIONS = """
import asyncio
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from netd.command import command


@command("deferred")
def deferred():
    return deferLater(reactor, 0.01, lambda: "deferred")


@command("coroutine")
async def coroutine():
    await deferLater(reactor, 0.01, lambda: None)
    return "coroutine"


@command("thread", blocking=True)
def thread(seconds: float):
    time.sleep(seconds)
    return "thread"


@command("loop", blocking=True)
async def loop():
    await asyncio.sleep(0.01)
    return "loop"


@command("stuck", blocking=True)
def stuck():
    time.sleep(1000)


@command("never")
def never():
    return Deferred()


@command("means")
def means(values: list[float]):
    import numpy

    return {"mean": numpy.mean(values), "squares": numpy.array(values) ** 2}


@command("interact")
def interact(data):
    return sorted(data)


@command("test_command")
def test_command(param1: int = 0, param2: str = "", param3: bool = False, param4: list | None = None):
    if param1 < 0:
        raise ValueError("param1 is negative")
    return "x" * param1
"""


class RealCommandTests(RealTestCase):
    def serve(self, options: str = "") -> Daemon:
        """A netd with the functions above beside its INI."""
        (self.folder / "mine.py").write_text(FUNCTIONS, encoding="utf-8")
        section = f"[command]\nlisten = {LOOPBACK}\nfunctions = ./mine.py\ntimeout = 500ms\nreceive_timeout = 500ms\n"
        daemon = self.start(self.write_ini(f"{section}{options}"))
        self.port = daemon.port("command")
        return daemon

    def ask(self, *pieces: bytes, half_close: bool = False) -> bytes:
        """All that comes back until the server closes."""
        connection = self.connect(self.port)
        for piece in pieces:
            connection.sendall(piece)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while segment := connection.recv(65536):
            received += segment
        return received

    def old_client(self, *words: object) -> Program:
        """The old client, run to its end."""
        program = self.program(LEGACY / "old_command_client.py", "127.0.0.1", self.port, *words)
        self.assertEqual(program.wait(), 0)
        return program

    def test_old_programs(self) -> None:
        """An old client gets its answer; a failure, and an answer too long for it, reach it as errors."""
        self.serve()
        said = {"command_id": "test_command", "param1": 3, "param2": "this is text", "param3": True, "param4": [1, 2, "text"]}
        self.assertIn("Server reported success.", self.old_client(json.dumps(said)).output)
        failed = self.old_client('{"command_id": "test_command", "param1": -1}')
        self.assertEqual(failed.output, "Server reported an error. param1 is negative\n")
        long = self.old_client('{"command_id": "test_command", "param1": 2000}')
        self.assertIn("where at most 1024 are sent", long.output)
        measured = self.old_client('{"action": "means", "values": [1, NaN, Infinity]}')
        self.assertIn("'result': {'mean': nan, 'squares': [1.0, nan, inf]}", measured.output)
        never = self.old_client('{"command_id": "never"}')
        self.assertEqual(never.output, "Server reported an error. never did not return within 0.5 s (`timeout`)\n")

    def test_wire(self) -> None:
        """However a command comes, and however it ends, there is one answer, and then the end."""
        self.serve()
        test = b'{"command_id": "test_command"}'
        expected = b'{"status":"success","result":""}\n'
        self.assertEqual(self.ask(test + b"\n"), expected)
        self.assertEqual(self.ask(test), expected)
        self.assertEqual(self.ask(test, half_close=True), expected)
        for said in (test + b"\0", test + b"\0\n", b"\xef\xbb\xbf" + test + b"\r\n", test + test, test + b"\0" + test + b"\n"):
            self.assertEqual(self.ask(said), expected)
        self.assertEqual(
            self.ask(b'{"command_id": "thread", "seconds": 0.05}', half_close=True), b'{"status":"success","result":"thread"}\n'
        )
        self.assertEqual(self.ask(*(bytes([byte]) for byte in test + b"\n")), expected)
        for said in (b"{", b"?\n", b"\n", b"x" * 70_000, b"\xff\n", TEST[:-1] + b"]\n"):
            [answer] = answers(self.ask(said))
            self.assertEqual(answer["status"], "error", said[:10])

    def test_each_kind_of_function(self) -> None:
        """Deferreds, coroutines, threads and coroutines in threads are answered, and none holds up another."""
        self.serve()
        stuck = [self.connect(self.port) for _ in range(3)]
        for connection in stuck:
            connection.sendall(b'{"command_id": "stuck"}\n')
        with client.Caller(port=self.port) as caller:
            for name in ("deferred", "coroutine", "loop"):
                self.assertEqual(caller.call(name), name)
            self.assertEqual(caller.call("thread", seconds=0.01), "thread")
            self.assertEqual(caller.call("interact", a=1), ["a", "command_id", "id"])
        for connection in stuck:
            [answer] = answers(connection.recv(1024))
            self.assertEqual(answer["error"], "stuck did not return within 0.5 s (`timeout`)")

    def test_stops_with_a_stuck_thread(self) -> None:
        """A function that never returns does not keep netd from ending."""
        daemon = self.serve()
        self.ask(b'{"command_id": "stuck"}\n')
        began = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - began, 4)
        self.assertNotIn("Traceback", daemon.output)

    def test_clients(self) -> None:
        """Both clients that come with netd keep one connection, get long answers, and raise what the server says."""
        daemon = self.serve()
        with client.Caller(port=self.port) as caller:
            self.assertEqual(len(caller.call("test_command", param1=100_000)), 100_000)
            self.assertRaisesRegex(client.CommandFailed, "no command 'tst'", caller.call, "tst")
            self.assertIn("interact", [one["command_id"] for one in caller.commands()])
            self.assertEqual(daemon.call("system.status")["services"][0]["counters"]["accepted"], 1)

        async def call() -> tuple[Any, ...]:
            async with AsyncCaller(port=self.port) as caller:
                gathered = await asyncio.gather(*(caller.call("test_command", param1=n) for n in range(20)))
                return len(gathered[19]), len(await caller.commands())

        self.assertEqual(asyncio.run(call()), (19, 10))
        called: list[object] = []
        client.send_data({"command_id": "coroutine"}, port=self.port, server_success=called.append)
        self.assertEqual(called, [{"status": "success", "result": "coroutine"}])

    def test_persistent(self) -> None:
        """With ``persistent = yes`` a connection serves any number of lines, in order."""
        self.serve("persistent = yes\n")
        lines = [b'{"command_id": "test_command", "param1": %d}\n' % number for number in range(100)]
        sent = answers(self.ask(b"".join(lines), half_close=True))
        self.assertEqual([len(answer["result"]) for answer in sent], list(range(100)))

    def test_packaged_example(self) -> None:
        """Without functions of one's own, the example that comes with netd answers."""
        daemon = self.start(self.write_ini(f"[command]\nlisten = {LOOPBACK}\n"))
        self.port = daemon.port("command")
        self.assertEqual(self.ask(TEST), SUCCESS)

    def test_light_import(self) -> None:
        """Whoever writes functions imports ``command`` and with it nothing of netd's machinery, nor of its libraries."""
        heavy = "[name for name in sys.modules if name.partition('.')[0] in ('twisted', 'attr', 'attrs', 'msgspec', 'zope')]"
        outcome = self.run_python("-c", f"from netd.command import command; import sys; print({heavy})")
        self.assertEqual(outcome.stdout, "[]\n", outcome.stderr)

    def test_broken_functions(self) -> None:
        """Functions that cannot be used end the start with one line that names section, option, file and line."""
        path = self.folder / "mine.py"
        for text in ("import nothing_there\n", "(\n"):
            path.write_text(text, encoding="utf-8")
            ini = self.write_ini(f"[command]\nlisten = {LOOPBACK}\nfunctions = ./mine.py\n")
            outcome = self.twistd("-n", "--pidfile=", "netd", "-c", ini)
            self.assertEqual(outcome.returncode, 1, outcome.stderr)
            self.assertIn(f"netd: [command] functions: {path}:1: ", outcome.stderr)
            self.assertNotIn("Traceback", outcome.stderr)
