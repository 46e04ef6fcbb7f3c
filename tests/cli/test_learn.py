"""Tests of :mod:`netd.cli.learn` and :mod:`netd.cli.wire`: what the programs behind them are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import click

from netd.cli.wire import wire
from netd.client.control import NotRunning
from tests.cli.fakes import CommandTests

PLAIN = {
    "port": None,
    "udp": False,
    "interface": "127.0.0.1",
    "through": None,
    "say": None,
    "device": None,
    "pcap": None,
    "transcript": None,
    "seconds": None,
    "into": ".",
    "force": False,
}


class LearnTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.python = folder / "python"
        self.file = folder / "old shed.pcap"
        self.file.touch()

    def told(self, *arguments: str) -> list[str]:
        """The arguments of the program that ``netd ARGUMENTS`` becomes."""
        result = self.netd(*arguments)
        self.assertEqual(result.exit_code, 0, result.output)
        program, *rest = self.executed[-1][0]
        self.assertEqual([program, *rest[:3]], [str(self.python), "-P", "-m", "netd.wire.tools"])
        return rest[3:]

    def order(self, *arguments: str) -> dict[str, Any]:
        """What is ordered, without what is as usual."""
        word, text = self.told("learn", *arguments)
        self.assertEqual("learn", word)
        order = json.loads(text)
        self.assertEqual({*PLAIN, "name"}, set(order))
        return {key: value for key, value in order.items() if key not in PLAIN or value != PLAIN[key]}

    def refused(self, *arguments: str) -> str:
        """What is said about wrong usage."""
        result = self.netd(*arguments)
        self.assertEqual((2, []), (result.exit_code, self.executed))
        return result.stderr

    def test_sources(self) -> None:
        """A port, datagrams, an old server, a serial port, a capture or a transcript; the name fits each."""
        self.assertEqual({"port": 9000, "name": "port9000"}, self.order("9000"))
        self.assertEqual({"port": 9000, "udp": True, "name": "port9000"}, self.order("9000", "--udp"))
        self.assertEqual(
            {"port": 9000, "through": ["::1", 9001], "name": "shed"},
            self.order("9000", "--through", "[::1]:9001", "--name", "shed"),
        )
        self.assertEqual(
            {"device": "serial:/dev/ttyACM0:9600", "name": "ttyACM0"}, self.order("--from", "serial:/dev/ttyACM0:9600")
        )
        self.assertEqual({"port": 9000, "pcap": str(self.file), "name": "old-shed"}, self.order("9000", "--pcap", str(self.file)))
        self.assertEqual({"transcript": str(self.file), "name": "old-shed"}, self.order("--transcript", str(self.file)))

    def test_how(self) -> None:
        """The interface, what is said, how long, and where the files go."""
        self.assertEqual(
            {"port": 1, "interface": "0.0.0.0", "say": r"hi\n", "seconds": 90.0, "into": "here", "force": True, "name": "port1"},
            self.order("1", "--interface", "0.0.0.0", "--say", r"hi\n", "--for", "1.5m", "--into", "here", "--force"),
        )

    def test_wrong_usage(self) -> None:
        """What contradicts itself is refused before anything begins, with what to write."""
        self.assertIn("Name the PORT", self.refused("learn"))
        self.assertIn("--from needs no PORT", self.refused("learn", "9000", "--from", "serial:/dev/ttyACM0:9600"))
        self.assertIn("--pcap and --through are", self.refused("learn", "9000", "--through", "a:1", "--pcap", str(self.file)))
        self.assertIn("as in 192.168.1.7:9000", self.refused("learn", "9000", "--through", "there"))
        self.assertIn("is not a name", self.refused("learn", "9000", "--name", "the shed"))

    def test_test(self) -> None:
        """``netd wire test`` is told the section, the transcript and the INI."""
        self.assertEqual(["test", "shed", str(self.file)], self.told("wire", "test", "shed", str(self.file)))
        self.assertEqual(
            ["test", "shed", str(self.file), str(self.file)],
            self.told("wire", "test", "shed", str(self.file), "-c", str(self.file)),
        )

    def test_configuration_of_the_daemon(self) -> None:
        """Without -c, the section is that of the running daemon: its log names the command without a file."""
        self.control.answers["system.status"] = {"configuration": str(self.file)}
        self.assertEqual(["test", "shed", str(self.file), str(self.file)], self.told("wire", "test", "shed", str(self.file)))
        self.control.answers["system.status"] = {"configuration": "/nowhere/netd.ini"}
        self.assertEqual(["test", "shed", str(self.file)], self.told("wire", "test", "shed", str(self.file)))
        self.control.broken = NotRunning("nobody")
        self.assertEqual(["test", "shed", str(self.file)], self.told("wire", "test", "shed", str(self.file)))

    def test_recipes(self) -> None:
        """``netd wire recipe`` lists the recipes, and prints one or its example."""
        listed = self.netd("wire", "recipe")
        self.assertEqual(0, listed.exit_code)
        self.assertRegex(listed.output, r"(?m)^header-64  +text behind 64 bytes")
        self.assertIn("[wire:header-64]\n", self.netd("wire", "recipe", "header-64").output)
        self.assertIn("transport = tcp\n", self.netd("wire", "recipe", "header-64", "--transcript").output)
        missing = self.netd("wire", "recipe", "header")
        self.assertEqual((3, "Error: no recipe 'header'; `netd wire recipe` lists them\n"), (missing.exit_code, missing.stderr))

    def test_completion_of_recipes(self) -> None:
        """The shell completes their names, with what each is for."""
        command = cast("click.Group", wire).commands["recipe"]
        (found,) = command.params[0].shell_complete(click.Context(command), "head")
        self.assertEqual("header-64", found.value)

    def test_operations(self) -> None:
        """Other verbs are operations of the daemon, as with each service."""
        self.assertEqual(3, self.netd("wire", "peers").exit_code)
