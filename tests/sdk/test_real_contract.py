"""All clients that programs elsewhere copy do the same, against a real netd: the README of this folder."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from netd.cli.cert_files import CertificateFiles
from netd.client.relay import Outcome
from netd.client.relay_asyncio import AsyncController
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS
from tests.process import PATIENCE, Daemon, Program, RealTestCase, frame, read_frame
from tests.sdk.clients import AGENT, BYTES, LIMIT, NEWS, TLS, WIRE, Client, Role, all_clients, installed, node, play, write

PAUSE = 20
"""Milliseconds, instead of a second, until a client connects again."""

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has."""
    probes = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class ContractTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clients = all_clients(self.folder)
        self.agents = [client for client in self.clients if AGENT in client.does]
        self.relay_port, self.secure_port, self.gateway_port, *ports = free_ports(3 + 2 * len(self.agents))
        pairs = zip(ports[::2], ports[1::2], strict=True)
        self.agent_ports = {client.name: pair for client, pair in zip(self.agents, pairs, strict=True)}
        sessions = "".join(
            f"[session:{name}]\nlisten = tcp:{listened}:interface={HOST}\nagent_port = {dialled}\nreconnect = no\n"
            for name, (dialled, listened) in self.agent_ports.items()
        )
        ports_of = {"gateway": self.gateway_port, "relay": self.relay_port, "relay:secure": self.secure_port}
        others = "".join(f"[{kind}]\nlisten = tcp:{port}:interface={HOST}\n" for kind, port in ports_of.items())
        tls = f"tls = yes\n[tls]\ncertificate = {self.authority('lab')}/server.pem\n"
        self.ini = self.write_ini(others + tls + sessions)
        self.processes: Mapping[str, Program] = {}

    def authority(self, name: str) -> Path:
        """Return a folder with an authority of that name, and a certificate for this machine."""
        folder = self.folder / name
        files = CertificateFiles(folder, time.time())
        files.make_authority(name)
        files.issue([HOST], "server", 825, is_renewed=False)
        return folder

    def doing(self, *words: str) -> list[Client]:
        """The clients that do all of that."""
        return [client for client in self.clients if client.does.issuperset(words)]

    def roles(self) -> Iterable[Role]:
        """A device of each client with its token, one with a wrong token, one without; and an agent.

        The gateway takes nobody without a token as soon as there is one.
        """
        pause = f"pause={PAUSE}"
        for client in self.clients:
            port = str(self.relay_port if WIRE in client.does else self.gateway_port)
            kind = "device" if WIRE in client.does else "operator"
            token = add_token(self.state / TOKENS, client.name, kind, (), secrets.token_bytes)
            proofs = {"": (f"token={token}",), "-wrong": ("token=netd_nobody",)} | ({"-open": ()} if WIRE in client.does else {})
            for suffix, words in proofs.items():
                name = client.name + suffix
                yield Role(client, name, ("device", HOST, port, name, pause, *words))
            if TLS in client.does:
                name, ca = f"{client.name}-secure", f"ca={self.folder / 'lab'}"
                yield Role(client, name, ("device", HOST, str(self.secure_port), name, pause, ca))
            if {LIMIT, TLS} <= client.does:
                name, ca = f"{client.name}-wary", f"ca={self.authority('elsewhere-' + client.name)}"
                yield Role(client, name, ("device", HOST, str(self.secure_port), name, pause, ca))
            if AGENT in client.does:
                name = f"{client.name}-agent"
                listened, dialled = map(str, self.agent_ports[client.name])
                yield Role(client, name, ("agent", listened, dialled, name))

    def until(self, client: Client, suffix: str, told: str, times: int = 1) -> str:
        """Wait until a role of *client* has told something for the so many-th time. Return the line."""
        name = client.name + suffix
        pattern = rf"(?s:.*?^{name} {told}[^\n]*){{{times}}}"
        return self.processes[name].wait_for(pattern)[0].splitlines()[-1]

    def send(self, payloads: Mapping[str, bytes]) -> dict[str, Outcome]:
        """Send to devices by their names, all at once. Return the outcomes by name."""

        async def ask() -> dict[str, Outcome]:
            async with AsyncController(HOST, self.relay_port) as controller:
                sent = [controller.send(name, payload, deadline=PATIENCE) for name, payload in payloads.items()]
                return dict(zip(payloads, await asyncio.gather(*sent), strict=True))

        return asyncio.run(ask())

    def assert_answers(self, clients: Iterable[Client], payload: bytes, *expected: object) -> None:
        """The outcome of *payload* is the same for all *clients*: its status, answer and error."""
        names = [client.name for client in clients]
        found = {name: tuple(outcome)[:3] for name, outcome in self.send(dict.fromkeys(names, payload)).items()}
        self.assertEqual(found, dict.fromkeys(names, expected))

    def generations(self, daemon: Daemon) -> dict[str, int]:
        """How often each device has connected."""
        return {row["name"]: row["generation"] for row in daemon.call("relay.devices")["rows"] if row["online"]}

    def test_contract(self) -> None:
        """Each client does what all do."""
        daemon = self.start(self.ini)
        roles = list(self.roles())
        daemon.port("relay")
        self.processes = play(roles, self.folder)
        for process in set(self.processes.values()):
            self.addCleanup(process.end)
        for client in self.clients:
            self.until(client, "", "welcome")
        for check in (self.tokens, self.secured, self.answers, self.news, self.too_long, self.replaced, self.memory):
            check(daemon)
        with ThreadPoolExecutor(len(self.agents)) as pool:
            list(pool.map(partial(self.session, daemon), self.agents))
        self.restarted(daemon)

    def tokens(self, _daemon: Daemon) -> None:
        """A wrong token is refused, and the program is told so; without one, a name that is nobody's is welcome."""
        for client in self.doing(WIRE):
            self.until(client, "-open", "welcome")
        for client in self.clients:
            self.assertRegex(self.until(client, "-wrong", "lost"), "token")
            self.assertNotIn(f"{client.name}-wrong welcome", self.processes[client.name].output)

    def secured(self, daemon: Daemon) -> None:
        """Through TLS it is the same. A client trusts the authority that it is given, and no other."""
        for client in self.doing(TLS):
            self.until(client, "-secure", "welcome")
            outcome = daemon.call("relay.send", target=f"{client.name}-secure", text="on", instance="secure")
            self.assertEqual((outcome["status"], outcome["answer"]), ("acknowledged", "b24="), client.name)
        for client in self.doing(LIMIT, TLS):
            self.assertRegex(self.until(client, "-wary", "lost").lower(), "cert")

    def answers(self, _daemon: Daemon) -> None:
        """Payloads arrive whole, and so do answers and refusals."""
        self.assert_answers(self.clients, "Tür auf".encode(), "acknowledged", "Tür auf".encode(), "")
        self.assert_answers(self.clients, b"nothing", "acknowledged", b"", "")
        self.assert_answers(self.clients, b"fail no such lamp", "failed", b"", "no such lamp")
        self.assert_answers(self.clients, b"x" * 1024, "acknowledged", b"x" * 1024, "")
        self.assert_answers(self.doing(BYTES), bytes(range(256)), "acknowledged", bytes(range(256)), "")

    def news(self, daemon: Daemon) -> None:
        """What a device says by itself is on the bus, with its event."""
        for payload, text, event in ((b"say it rains", "it rains", ""), (b"event button", "", "button")):
            self.assert_answers(self.doing(NEWS), payload, "acknowledged", b"said", "")
            for client in self.doing(NEWS):
                [said] = daemon.call("bus.last", pattern=f"relay.main.said.{client.name}")
                self.assertEqual((said["data"].get("text"), said["data"].get("event")), (text, event), (client.name, said))

    def too_long(self, daemon: Daemon) -> None:
        """A payload that is too long for a small device is refused. Its connection stays."""
        before = self.generations(daemon)
        for name, outcome in self.send({client.name: b"x" * 20_000 for client in self.doing(LIMIT)}).items():
            self.assertEqual((outcome.status, outcome.answer), ("failed", b""), name)
            self.assertIn("4096 bytes", outcome.error)
        self.assert_answers(self.doing(LIMIT), b"on", "acknowledged", b"on", "")
        self.assertEqual(self.generations(daemon), before)

    def replaced(self, _daemon: Daemon) -> None:
        """A device whose name another one takes says so, and does not take it back at once."""
        taken = {}
        for client in self.doing(WIRE):
            other = self.connect(self.relay_port)
            other.sendall(frame(b'device {"name": "%s-open"}' % client.name.encode()))
            taken[client.name] = time.monotonic()
            self.assertIn(b"welcome", read_frame(other))
        for client in self.doing(WIRE):
            self.assertIn("took the name", self.until(client, "-open", "lost"))
            self.until(client, "-open", "welcome", 2)
            self.assertGreater(time.monotonic() - taken[client.name], 15 * PAUSE / 1000, client.name)

    def session(self, daemon: Daemon, client: Client) -> None:
        """An agent is dialled, describes its channels and streams; it stops as it is told, and can be dialled again."""
        name = f"{client.name}-agent"
        started = daemon.call("session.start", host=HOST, instance=client.name)
        self.assertEqual((started["state"], started["agent"]), ("streaming", name))
        described = self.until_sampled(daemon, client)
        self.assertEqual(described["count"][:2], ("Counter", "n"), name)
        self.assertEqual(described["temp-1"], ("Temperature", "°C", 21.5), name)
        self.until(client, "-agent", "streaming")
        daemon.call("session.stop", session=name, instance=client.name)
        self.until(client, "-agent", "lost")
        self.assertEqual(daemon.call("session.start", host=HOST, instance=client.name)["state"], "streaming", name)
        self.until(client, "-agent", "streaming", 2)

    def memory(self, _daemon: Daemon) -> None:
        """On MicroPython, polls without news take no memory, and a device takes little."""
        script = Path(__file__).parent / "drivers" / "micro_memory.py"
        ran = Program([installed("micropython"), script, self.folder, HOST, str(self.relay_port)], self.folder)
        self.addCleanup(ran.end)
        self.assertEqual(ran.wait(), 0, ran.output)
        polls, whole = map(int, re.findall(r"(\d+) bytes", ran.output))
        self.assertEqual(polls, 0)
        self.assertLess(whole, 16_000)  # a pointer is 8 bytes here, and 4 on a board

    def until_sampled(self, daemon: Daemon, client: Client) -> dict[str, tuple[Any, ...]]:
        """Return label, unit and newest value of each channel, once several samples have come."""

        def told() -> dict[str, tuple[Any, ...]] | None:
            [one] = daemon.call("session.list", instance=client.name)["rows"]
            channels = {name: (facts["label"], facts["unit"], facts["last"]) for name, facts in one["channels"].items()}
            return channels if channels["count"][2] and channels["count"][2] > 2 else None

        return self.eventually(told)

    def eventually(self, look: Callable[[], Any]) -> Any:
        """Return what *look* returns as soon as that is something."""
        end = time.monotonic() + PATIENCE
        while not (found := look()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        return found

    def restarted(self, daemon: Daemon) -> None:
        """When netd has been restarted, all devices are there again by themselves, and it finds all agents listening."""
        before = {client.name: self.processes[client.name].output.count(f"{client.name} welcome") for client in self.clients}
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(self.ini)
        daemon.port("relay")
        for client in self.clients:
            self.until(client, "", "welcome", before[client.name] + 1)
        self.assert_answers(self.clients, b"on", "acknowledged", b"on", "")
        for client in self.agents:
            self.until(client, "-agent", "streaming", 3)


class NodeTests(RealTestCase):
    def test_no_websocket(self) -> None:
        """A JavaScript without a WebSocket, as Node.js before 22, is told so, and what to do."""
        write("js", self.folder)
        script = self.folder / "script.mjs"
        script.write_text('import { Netd } from "./netd.js";\nnew Netd({ url: "ws://127.0.0.1:1/ws" }).open();\n', "utf-8")
        process = Program([node(), "--no-experimental-websocket", script], self.folder)
        self.addCleanup(process.end)
        self.assertEqual(process.wait(), 1)
        self.assertIn("install the package ws", process.output)
