"""Tests of :mod:`netd.cli.device`."""

from __future__ import annotations

import json
import subprocess

from click.testing import Result

from netd.cli.relay import Completed, RelayPlace
from netd.client.relay import Welcome
from tests.cli.fakes import CommandTests, FakeMessage


class DeviceCommandTests(CommandTests):
    def receives(self, payload: bytes, *arguments: str, sender: str | None = "('127.0.0.1', 5)") -> tuple[Result, FakeMessage]:
        """Be a device to which *payload* is sent; how that ended, and the message with its replies."""
        message = FakeMessage(payload, sender)
        self.device.messages = [message]
        return self.netd("device", "--name", "greenhouse", *arguments), message


class DeviceTests(DeviceCommandTests):
    def test_life(self) -> None:
        """The device says under which name it is known, prints each message, and leaves cleanly on Ctrl-C."""
        result, message = self.receives(b"hello")
        self.assertEqual((result.exit_code, result.stdout), (0, "hello\n"))
        self.assertEqual(
            result.stderr.splitlines(),
            [
                "netd: connected as greenhouse",
                "netd: the relay closed the connection; trying again in 0.5 s",
                "netd: the device has ended",
            ],
        )
        self.assertEqual(message.replies, [("acknowledged", b"")])
        self.assertTrue(self.device.closed)

    def test_options(self) -> None:
        """Where to connect, what to be called and how to speak are the person's choice."""
        self.receives(b"", "--host", "lab", "--port", "7", "--alias", "gh", "--alias", "g", "--dialect", "netd")
        self.assertEqual(self.device.opened_with, [RelayPlace("lab", 7), "greenhouse", ("gh", "g"), "netd"])
        self.receives(b"")
        self.assertEqual(self.device.opened_with, [RelayPlace("127.0.0.1", 5050), "greenhouse", (), "auto"])

    def test_bad_name(self) -> None:
        """A name that no relay takes is wrong usage, said at once."""
        self.device.refuses = ValueError("'a b' cannot name a device")
        result, _ = self.receives(b"")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("'a b' cannot name a device", result.stderr)

    def test_old_server(self) -> None:
        """At an old server the person learns that neither name nor answers count."""
        self.device.welcome = Welcome("old")
        result, _ = self.receives(b"")
        self.assertIn("knows this device by its address, and takes no answers", result.stderr)

    def test_nameless_welcome(self) -> None:
        """A relay that keeps no name tells the address instead."""
        self.device.welcome = Welcome("netd", None, "('127.0.0.1', 9)")
        result, _ = self.receives(b"")
        self.assertIn("connected as ('127.0.0.1', 9)", result.stderr)

    def test_hostile_message(self) -> None:
        """A message is one line, and cannot drive the terminal."""
        result, _ = self.receives(b"a\n\x1b[2J\xff")
        self.assertEqual(result.stdout, "a\\n\\x1b[2J\\xff\n")

    def test_long_message(self) -> None:
        """Of a long message the beginning is shown, and how long it is; it is whole for a script."""
        result, _ = self.receives(b"x" * 1000)
        self.assertEqual(result.stdout, "x" * 1000 + "\n")
        result, _ = self.receives(b"x" * 1001)
        self.assertEqual(result.stdout, "x" * 1000 + "… (1001 bytes)\n")
        self.assertEqual(len(json.loads(self.receives(b"x" * 1001, "--json")[0].stdout)["text"]), 1001)

    def test_json(self) -> None:
        """With --json each message is one line of JSON, bytes that are no text included."""
        result, _ = self.receives(b"hi", "--json")
        self.assertEqual(json.loads(result.stdout), {"from": "('127.0.0.1', 5)", "text": "hi"})
        result, _ = self.receives(b"\xff", "--json", sender=None)
        self.assertEqual(json.loads(result.stdout), {"from": None, "base64": "/w=="})

    def test_answers(self) -> None:
        """--answer and --echo answer."""
        self.assertEqual(self.receives(b"x", "--answer", "21 °C")[1].replies, [("acknowledged", "21 °C".encode())])
        self.assertEqual(self.receives(b"\xff", "--echo")[1].replies, [("acknowledged", b"\xff")])

    def test_one_answer(self) -> None:
        """A device has one way to answer."""
        for arguments in (["--answer", "", "--echo"], ["--exec", "cat", "--echo"]):
            result, message = self.receives(b"", *arguments)
            self.assertEqual((result.exit_code, message.replies), (2, []))
            self.assertIn("Choose one of", result.stderr)


class ExecTests(DeviceCommandTests):
    def answers(self, completed: Completed | Exception, command: str = "'/opt/my program' --fast") -> tuple[Result, FakeMessage]:
        """A device whose program ends as *completed* says."""
        self.completed = completed
        return self.receives(b"question", "--exec", command)

    def test_output(self) -> None:
        """The program reads the message, has as long as the sender waits, and what it writes is the answer."""
        _, message = self.answers(Completed(0, b"answer\n"))
        self.assertEqual(self.programs, [(["/opt/my program", "--fast"], b"question", 2.5)])
        self.assertEqual(message.replies, [("acknowledged", b"answer\n")])

    def test_failed(self) -> None:
        """A program that fails refuses the message: the sender reads how it ended and what it wrote, the person here too."""
        result, message = self.answers(Completed(3, b"no"))
        self.assertEqual(message.replies, [("/opt/my program ended with exit code 3", b"no")])
        self.assertIn("netd: /opt/my program ended with exit code 3\n", result.stderr)
        _, message = self.answers(Completed(-9, b""))
        self.assertEqual(message.replies, [("/opt/my program was ended by signal 9", b"")])

    def test_not_run(self) -> None:
        """A program that is not there, or takes too long, refuses the message; the device lives on."""
        _, message = self.answers(FileNotFoundError(2, "No such file or directory"))
        self.assertEqual(message.replies, [("cannot run /opt/my program: No such file or directory", b"")])
        result, message = self.answers(subprocess.TimeoutExpired("x", 2.5))
        self.assertEqual(message.replies, [("/opt/my program took longer than the 2.5 s that the sender waits", b"")])
        self.assertEqual(result.exit_code, 0)

    def test_too_long(self) -> None:
        """An answer that does not fit into a frame refuses the message instead of ending the device."""
        _, message = self.answers(Completed(0, bytes(101)))
        self.assertEqual(message.replies, [("the answer of /opt/my program cannot travel: too long", b"")])
        _, message = self.answers(Completed(1, bytes(101)))
        self.assertEqual(message.replies, [("/opt/my program ended with exit code 1", b"")])

    def test_no_program(self) -> None:
        """A command that names no program is wrong usage, said at once."""
        for command in ("", "'unclosed"):
            result, message = self.answers(Completed(0, b""), command)
            self.assertEqual((result.exit_code, message.replies), (2, []))
            self.assertIn("--exec", result.stderr)
