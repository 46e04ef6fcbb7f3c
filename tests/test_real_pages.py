"""The programs on the pages of the protocols, run as a user runs them: beside the files that ``netd client`` writes."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from textwrap import dedent

from netd.client.control import OperationFailed
from netd.onefile import make_client
from tests.browser.chromium import free_ports
from tests.process import CHECKOUT, LOOPBACK, PATIENCE, Program, RealTestCase

PROGRAM = re.compile(r"^    import asyncio\n(?:    .*\n|\n(?=    ))*", re.MULTILINE)
"""A program as the pages have it, indented."""


def programs(kind: str) -> list[str]:
    """The programs on the page of a protocol."""
    page = (CHECKOUT / "docs" / "protocols" / f"{kind}.md").read_text(encoding="utf-8")
    return [dedent(found[0]) for found in PROGRAM.finditer(page)]


class PageTests(RealTestCase):
    def run_program(self, kind: str, text: str, *others: tuple[str, object]) -> Program:
        """Start a program of a page, in which words are replaced by *others*."""
        (self.folder / f"{kind}.py").write_text(make_client(kind), encoding="utf-8")
        for word, other in others:
            self.assertIn(word, text)
            text = text.replace(word, str(other))
        path = self.folder / f"program_{len(list(self.folder.iterdir()))}.py"
        path.write_text(text, encoding="utf-8")
        return self.program(path)

    def until(self, is_so: Callable[[], object]) -> None:
        """Return as soon as *is_so*."""
        end = time.monotonic() + PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_relay(self) -> None:
        """The controller of the page reads what its device answers."""
        device, controller = programs("relay")
        daemon = self.start(self.write_ini(f"[relay]\nlisten = {LOOPBACK}\n"))
        port = ("5050", daemon.port("relay"))
        self.run_program("relay", device, port)
        self.until(lambda: daemon.call("relay.devices")["rows"])
        self.run_program("relay", controller, port).wait_for(r"^greenhouse acknowledged b'done: light on'$")

    def test_session(self) -> None:
        """The agent of the page streams."""
        (text,) = programs("session")
        session, agent = free_ports(2)
        listen = f"listen = tcp:{session}:interface=127.0.0.1"
        daemon = self.start(self.write_ini(f"[session]\n{listen}\nagent_port = {agent}\nreconnect_delay = 0.1s\n"))
        daemon.port("session")
        here = 'host="127.0.0.1"'
        self.run_program("session", text, (here, f"{here}, port={agent}, server_port={session}"))
        with contextlib.suppress(OperationFailed):  # it does not listen yet; netd dials again
            daemon.call("session.start", host="127.0.0.1")
        self.until(lambda: daemon.call("session.list")["rows"][0]["state"] == "streaming")

    def test_command(self) -> None:
        """The caller of the page lists the commands, and reads a result."""
        (text,) = programs("command")
        daemon = self.start(self.write_ini(f"[command]\nlisten = {LOOPBACK}\n"))
        caller = self.run_program("command", text, ("65432", daemon.port("command")))
        self.assertEqual(caller.wait(), 0)
        self.assertRegex(caller.output, r"(?s)^add - .*\n3\.5\n$")

    def test_room(self) -> None:
        """Two bots of the page talk until their room is over."""
        (text,) = programs("room")
        daemon = self.start(self.write_ini(f"[room]\nlisten = {LOOPBACK}\nsize = 2\nrounds = 2\nstart_delay = 0s\n"))
        port = ("4242", daemon.port("room"))
        bots = [self.run_program("room", text, port, ("Maria", name)) for name in ("Anna", "Bob")]
        self.assertEqual([bot.wait() for bot in bots], [0, 0])
        self.assertIn("-> Anna: ", bots[0].output)
