"""The relay's clients over real sockets: against the old server, as a process, and against a small server of the new dialect."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client import relay
from netd.client.relay_asyncio import AsyncController, AsyncDevice
from netd.client.way_sockets import open_socket
from netd.onefile import make_client
from tests.client.test_relay import message
from tests.client.test_relay_frames import frames

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LEGACY = CHECKOUT / "tests" / "legacy"

PATIENCE = 15.0
"""Seconds after which a test gives up on a process or thread that should have done its part long since."""

BRISK = relay.Surroundings(chance=lambda: 0.1)
"""Surroundings in which the first attempts to reconnect are 0.05 s, 0.1 s, … apart."""


class NewRelay:
    """A server of the new dialect, as small as can be: a name reaches a device, and its answer comes back."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.devices: dict[str, socket.socket] = {}
        self.news: queue.Queue[tuple[dict[str, Any], bytes]] = queue.Queue()
        self._asked: dict[int, tuple[socket.socket, object]] = {}
        self._numbers = itertools.count(1)
        self._connections: list[socket.socket] = []

    def start(self) -> None:
        """Accept connections, each in a thread of its own."""
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Accept no more, and hang up on everyone."""
        for connection in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), connection, connection.makefile("rb") as stream:
            word, _, hello = self._frame(stream).partition(b" ")
            name = json.loads(hello).get("name")
            if word == b"device":
                self.devices[name] = connection
            connection.sendall(message({"status": "welcome", "name": name, "address": str(connection.getpeername())}))
            while True:
                envelope, payload = json.loads(self._frame(stream)), self._frame(stream)
                (self._from_device if word == b"device" else self._from_controller)(connection, envelope, payload)

    @staticmethod
    def _frame(stream: Any) -> bytes:
        header = stream.read(64)
        if not header:
            raise EOFError
        payload: bytes = stream.read(int(header))
        return payload

    def _from_controller(self, connection: socket.socket, envelope: dict[str, Any], payload: bytes) -> None:
        if envelope.get("list"):
            devices = [
                {"name": name, "address": str(device.getpeername()), "online": True} for name, device in self.devices.items()
            ]
            connection.sendall(message({"id": envelope["id"], "status": "list", "devices": devices}))
        elif envelope["to"] not in self.devices:
            failed = {"id": envelope["id"], "status": "failed", "error": "no such device", "final": True}
            connection.sendall(message(failed))
        else:
            number = next(self._numbers)
            self._asked[number] = (connection, envelope["id"])
            connection.sendall(message({"id": envelope["id"], "status": "sent", "final": False}))
            self.devices[envelope["to"]].sendall(message({"id": number, "from": str(connection.getpeername())}, payload))

    def _from_device(self, _: socket.socket, envelope: dict[str, Any], payload: bytes) -> None:
        if "id" not in envelope:
            self.news.put((envelope, payload))
            return
        controller, number = self._asked.pop(envelope["id"])
        controller.sendall(message({**envelope, "id": number, "final": True}, payload))


class Program:
    """A program that runs as a process; its output is read line by line, with patience."""

    def __init__(self, *arguments: object) -> None:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        command = [sys.executable, *(str(argument) for argument in arguments)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, bufsize=0)

    def line(self) -> str:
        """The next line of its output; empty at the end."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert ready, "the program says nothing"
        return self._process.stdout.readline().decode().strip()

    def rest(self) -> list[str]:
        """All further lines until it ends by itself."""
        output, _ = self._process.communicate(timeout=PATIENCE)
        return output.decode().splitlines()

    def kill(self) -> None:
        """End it, at once."""
        self._process.kill()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()


class RealTests(SynchronousTestCase):
    """Starts what a test needs, and ends it afterwards."""

    def setUp(self) -> None:
        log = logging.getLogger("netd.client.relay")
        self.patch(log, "handlers", [logging.NullHandler()])
        self.patch(log, "propagate", False)

    def program(self, *arguments: object) -> Program:
        """Start a program."""
        program = Program(*arguments)
        self.addCleanup(program.kill)
        return program

    def old_server(self, port: int = 0) -> tuple[Program, int]:
        """Start the old server; the port that it listens on."""
        server = self.program(LEGACY / "old_relay_server.py", port)
        return server, int(server.line().split()[1])

    def old_device(self, port: int, *arguments: object) -> tuple[Program, str]:
        """Start an old device; the address that the server knows it by."""
        device = self.program(LEGACY / "old_device.py", "127.0.0.1", port, *arguments)
        return device, device.line().removeprefix("connected ")

    def new_relay(self) -> NewRelay:
        """Start a server of the new dialect."""
        server = NewRelay()
        server.start()
        self.addCleanup(server.stop)
        return server

    def controller(self, port: int, dialect: str) -> relay.Controller:
        """A controller."""
        controller = relay.Controller("127.0.0.1", port, dialect)
        self.addCleanup(controller.close)
        return controller

    def run_device(self, port: int, **options: Any) -> tuple[relay.Device, queue.Queue[Any]]:
        """Run a device in a thread: it answers in capitals. The queue gets each welcome and each payload."""
        seen: queue.Queue[Any] = queue.Queue()
        device = relay.Device("127.0.0.1", port, on_connect=seen.put, surroundings=BRISK, **options)

        def receive(payload: bytes) -> bytes:
            seen.put(payload)
            return payload.upper()

        thread = threading.Thread(target=device.run, args=(receive,))
        thread.start()

        def end() -> None:
            device.close()
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive())

        self.addCleanup(end)
        return device, seen

    def listed(self, controller: relay.Controller) -> relay.DeviceInfo:
        """The first device of the list, as soon as there is one."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            devices = controller.devices()
            if devices:
                return devices[0]
        self.fail("no device appears in the list")
        raise AssertionError


class OldServerTests(RealTests):
    """The server that knows the first dialect only."""

    def test_old_programs_understand_one_another(self) -> None:
        """The old programs of this suite are what they say: list, connect, send and an unknown target work among them."""
        _, port = self.old_server()
        device, address = self.old_device(port, 2)
        self.listed(self.controller(port, "old"))
        events = ("list", "connect", address, "send", address, "", "send", address, "hello", "send", "nobody", "x")
        answers = self.program(LEGACY / "old_controller.py", "127.0.0.1", port, *events).rest()
        sent = repr("data succesfully sent")
        self.assertEqual(
            answers, [repr([*address.split(","), ""]), repr(f"|connected to {address}|"), sent, sent, repr("|target not found|")]
        )
        self.assertEqual(device.rest(), ["b''", "b'hello'"])

    def test_device(self) -> None:
        """An old controller reaches the new device through the old server; answers disturb nobody."""
        _, port = self.old_server()
        _, seen = self.run_device(port, dialect="old")
        address = str(self.listed(self.controller(port, "old")))
        events = ("send", address, "one", "send", address, "two")
        answers = self.program(LEGACY / "old_controller.py", "127.0.0.1", port, *events).rest()
        self.assertEqual(answers, [repr("data succesfully sent")] * 2)
        self.assertEqual([seen.get(timeout=PATIENCE) for _ in range(3)], [relay.Welcome("old"), b"one", b"two"])

    def test_controller(self) -> None:
        """The new controller lists, connects and sends through the old server to an old device."""
        _, port = self.old_server()
        record = Path(self.mktemp())
        device, address = self.old_device(port, 1, record)
        controller = self.controller(port, "old")
        listed = self.listed(controller)
        self.assertEqual((str(listed), controller.connect(address)), (address, address))
        self.assertEqual(controller.send(listed, b"\x00\xff"), relay.Outcome("sent"))
        self.assertEqual(controller.send("nobody", b"x"), relay.Outcome("failed", error="target not found"))
        self.assertEqual((device.rest(), record.read_bytes()), ([repr(b"\x00\xff")], b"\x00\xff"))

    def test_dead_device(self) -> None:
        """The old server lists a dead device for ever and its thread dies of it: nobody knows what became of the payload.

        The old server lets go of the dead thread's connection when the next program connects: that is what the crowd is for.
        """
        _, port = self.old_server()
        device, address = self.old_device(port)
        controller = self.controller(port, "old")
        self.listed(controller)
        device.kill()
        is_over = threading.Event()

        def crowd() -> None:
            while not is_over.is_set():
                open_socket("127.0.0.1", port).close()

        others = threading.Thread(target=crowd)
        others.start()
        self.addCleanup(others.join, PATIENCE)
        self.addCleanup(is_over.set)
        outcomes = (controller.send(address, b"x") for _ in range(1000))
        error = next(outcome.error for outcome in outcomes if outcome.status != "sent")
        self.assertIn("it is unknown whether this reached", error)
        self.assertEqual([str(listed) for listed in controller.devices()], [address])

    def test_auto(self) -> None:
        """Programs that know nothing of the server's age find the old server out, and reach one another."""
        _, port = self.old_server()
        _, seen = self.run_device(port, name="gh")
        controller = self.controller(port, "auto")
        self.assertEqual(controller.send(self.listed(controller), b"hello"), relay.Outcome("sent"))
        self.assertEqual([seen.get(timeout=PATIENCE) for _ in range(2)], [relay.Welcome("old"), b"hello"])

    def test_restart(self) -> None:
        """A device outlives its server: it is back as soon as the next one listens."""
        server, port = self.old_server()
        _, seen = self.run_device(port, dialect="old")
        seen.get(timeout=PATIENCE)
        server.kill()
        self.old_server(port)
        seen.get(timeout=PATIENCE)
        controller = self.controller(port, "old")
        self.assertEqual(controller.send(self.listed(controller), b"again").status, "sent")
        self.assertEqual(seen.get(timeout=PATIENCE), b"again")

    def test_asyncio(self) -> None:
        """The asyncio clients reach one another through the old server as well."""
        _, port = self.old_server()

        async def scenario() -> tuple[bytes, relay.Outcome]:
            async with (
                AsyncDevice("127.0.0.1", port, dialect="old") as device,
                AsyncController("127.0.0.1", port, "old") as controller,
                asyncio.timeout(PATIENCE),
            ):
                receiving = asyncio.create_task(anext(device.__aiter__()))
                devices: list[relay.DeviceInfo] = []
                while not devices:
                    devices = await controller.devices()
                outcome = await controller.send(devices[0], b"hello")
                return (await receiving).payload, outcome

        self.assertEqual(asyncio.run(scenario()), (b"hello", relay.Outcome("sent")))

    def test_one_file_alone(self) -> None:
        """The file works where it was copied to, with a Python that has nothing installed."""
        _, port = self.old_server()
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "relay.py").write_text(make_client("relay"), "utf-8")
        lines = (
            "import sys",
            f"sys.path.insert(0, {str(folder)!r})",
            "import relay",
            f"print(relay.Controller('127.0.0.1', {port}, 'old').devices())",
        )
        self.assertEqual(self.program("-I", "-S", "-c", "\n".join(lines)).rest(), ["[]"])


class NewServerTests(RealTests):
    """A server of the new dialect."""

    def test_request_and_answer(self) -> None:
        """A controller reads the device's answer; a name that is not there is a failure."""
        server = self.new_relay()
        _, seen = self.run_device(server.port, name="gh")
        self.assertEqual(seen.get(timeout=PATIENCE).name, "gh")
        controller = self.controller(server.port, "auto")
        self.assertEqual(controller.send("gh", "hello"), relay.Outcome("acknowledged", b"HELLO"))
        self.assertEqual(controller.send("attic", b""), relay.Outcome("failed", error="no such device"))
        self.assertEqual([str(device) for device in controller.devices()], ["gh"])

    def test_big_payload(self) -> None:
        """A megabyte arrives and comes back whole."""
        server = self.new_relay()
        _, seen = self.run_device(server.port, name="gh")
        seen.get(timeout=PATIENCE)
        outcome = self.controller(server.port, "netd").send("gh", b"x" * 1_000_000)
        self.assertEqual((outcome.status, outcome.answer == b"X" * 1_000_000), ("acknowledged", True))

    def test_news_from_another_thread(self) -> None:
        """A program says news while the device's own thread waits for messages."""
        server = self.new_relay()
        device, seen = self.run_device(server.port, name="gh")
        seen.get(timeout=PATIENCE)
        self.assertTrue(device.say(b"21.5", event="temperature"))
        self.assertEqual(server.news.get(timeout=PATIENCE), ({"event": "temperature"}, b"21.5"))

    def test_lost_connection(self) -> None:
        """A device whose connection breaks is back at once, and answers as before."""
        server = self.new_relay()
        _, seen = self.run_device(server.port, name="gh")
        seen.get(timeout=PATIENCE)
        server.devices["gh"].shutdown(socket.SHUT_RDWR)
        seen.get(timeout=PATIENCE)
        self.assertEqual(self.controller(server.port, "netd").send("gh", b"again").answer, b"AGAIN")

    def test_close_wakes_a_call_that_waits(self) -> None:
        """Closing a controller in one thread ends the call that waits in another."""
        server = self.new_relay()
        arrived = threading.Event()

        def swallow(*_: object) -> None:
            arrived.set()

        self.patch(server, "_from_controller", swallow)
        controller, outcomes = self.controller(server.port, "netd"), queue.Queue[relay.Outcome]()
        threading.Thread(target=lambda: outcomes.put(controller.send("gh", b"x")), daemon=True).start()
        self.assertTrue(arrived.wait(PATIENCE))
        controller.close()
        self.assertIn("unknown", outcomes.get(timeout=PATIENCE).error)

    def test_asyncio(self) -> None:
        """The asyncio device answers many requests of the asyncio controller that wait at the same time."""
        server = self.new_relay()

        async def scenario() -> list[relay.Outcome]:
            connected = asyncio.Event()
            device = AsyncDevice("127.0.0.1", server.port, "gh", on_connect=lambda _: connected.set())
            async with device, AsyncController("127.0.0.1", server.port) as controller, asyncio.timeout(PATIENCE):
                running = asyncio.create_task(device.run(bytes.upper))
                await connected.wait()
                outcomes = await asyncio.gather(*(controller.send("gh", f"hello {n}") for n in range(50)))
                device.close()
                await running
                return outcomes

        outcomes = asyncio.run(scenario())
        self.assertEqual(outcomes, [relay.Outcome("acknowledged", f"HELLO {n}".encode()) for n in range(50)])

    def test_examples(self) -> None:
        """The two example programs do what they show."""
        server = self.new_relay()
        self.program(CHECKOUT / "examples" / "relay_device.py", "127.0.0.1", server.port)
        self.listed(self.controller(server.port, "netd"))
        printed = self.program(CHECKOUT / "examples" / "relay_controller.py", "127.0.0.1", server.port).rest()
        self.assertEqual(printed, ["greenhouse: acknowledged the light is on"])

    def test_socket_options(self) -> None:
        """A small message leaves at once, and a relay that lost power is noticed."""
        server = self.new_relay()
        with open_socket("127.0.0.1", server.port) as connection:
            self.assertTrue(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            self.assertTrue(connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            connection.sendall(frames(b"controller {}"))
