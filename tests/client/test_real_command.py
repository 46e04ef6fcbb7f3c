"""The command clients over real sockets: against the old server, as a process."""

from __future__ import annotations

import asyncio
from typing import Any

from netd.client import command, command_asyncio
from netd.onefile import make_client
from tests.process import CHECKOUT, RealTestCase


class OldServerTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        server = self.program(CHECKOUT / "tests" / "legacy" / "old_command_server.py", 0)
        self.port = int(server.wait_for(r"^listening (\d+)$")[1])
        self.called: list[Any] = []

    def send(self, members: dict[str, Any], port: int | None = None) -> None:
        """``send_data`` with callbacks that note what they are called with."""
        command.send_data(
            members,
            port=port or self.port,
            server_success=self.called.append,
            server_fail=lambda answer: self.called.append(answer["error"]),
            fail_connect=lambda: self.called.append("connect"),
        )

    def test_send_data(self) -> None:
        """The old server's answers, one of them with its word ``failed``, reach the callbacks; so does its silence."""
        self.send({"command_id": "test_command", "param1": 100})
        self.send({"command_id": "test_command"})
        self.send({"command_id": "silent"})
        self.assertEqual(self.called, [{"status": "success"}, "'param1'", "connect"])

    def test_call(self) -> None:
        """New clients work with an old server, too, command after command."""
        with command.Caller(port=self.port) as caller:
            for _ in range(2):
                self.assertIsNone(caller.call("test_command", param1=1))
            self.assertRaisesRegex(command.CommandFailed, "param1", caller.call, "test_command")
            self.assertEqual(caller.commands(), [])
        self.assertIsNone(command.call("test_command", param1=1, port=self.port))

        async def call() -> None:
            async with command_asyncio.AsyncCaller(port=self.port) as caller:
                for _ in range(2):
                    self.assertIsNone(await caller.call("test_command", param1=1))
            await command_asyncio.async_call("test_command", {"param1": 1}, port=self.port)

        asyncio.run(call())

    def test_alone(self) -> None:
        """The one file works wherever it is put, with nothing but Python."""
        (self.folder / "command.py").write_text(make_client("command"), "utf-8")
        said = f"send_data({{'command_id': 'test_command', 'param1': 1}}, '127.0.0.1', {self.port})"
        program = f"import sys; sys.path.insert(0, '.'); from command import send_data; {said}"
        ended = self.run_python("-I", "-S", "-c", program)
        self.assertEqual(ended.stdout, "Server reported success.\n", ended.stderr)
