"""Programs of strangers, unchanged, served by one daemon: in Python, C and shell, by TCP, UDP and a serial port."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.debian import program
from tests.process import PATIENCE, Daemon, Program, RealTestCase
from tests.strangers.strangers import PROGRAMS, STRANGERS, Stranger

Values = Mapping[str, Mapping[str, str]]


class StrangersTests(RealTestCase):
    def compiled(self) -> dict[str, Path]:
        """The strangers' programs in C and C++, by name, compiled at the same time."""
        compiler = program("g++")
        made, running = {}, []
        for stranger in STRANGERS.values():
            source = PROGRAMS / stranger.name / stranger.client
            if source.suffix in {".c", ".cpp"}:
                made[stranger.name] = self.folder / stranger.name
                language = "c" if source.suffix == ".c" else "c++"
                running.append(subprocess.Popen([compiler, "-w", "-x", language, source, "-o", made[stranger.name]]))
        for compilation in running:
            self.assertEqual(0, compilation.wait(PATIENCE))
        return made

    def places(self) -> dict[str, str]:
        """A port that is free for each stranger, or the path of a serial port."""
        held = []
        for _ in STRANGERS:
            free = socket.socket()
            free.bind(("127.0.0.1", 0))
            held.append(free)
        ports = {name: str(free.getsockname()[1]) for name, free in zip(STRANGERS, held, strict=True)}
        for free in held:
            free.close()
        return {**ports, "dht": str(self.folder / "ttyUSB0")}

    def run_stranger(self, stranger: Stranger, place: str, compiled: Mapping[str, Path]) -> Program:
        """Start a stranger's program."""
        path = PROGRAMS / stranger.name / stranger.client
        runner = {".py": [sys.executable, "-u", path], ".sh": ["bash", path]}.get(path.suffix) or [compiled[stranger.name]]
        arguments = [place, "200"] if stranger.is_device else ["127.0.0.1", place]
        started = Program([*runner, *arguments], self.folder)
        self.addCleanup(started.end)
        return started

    def values(self, daemon: Daemon, stranger: Stranger) -> Values:
        """What the bus knows of the names that it should know: units by channel."""
        rows = {row["name"]: row["values"] for row in daemon.call("wire.peers", instance=stranger.name)["rows"]}
        return {
            name: {channel: value.get("unit", "") for channel, value in rows.get(name, {}).items()} for name in stranger.values
        }

    def test_programs_are_served(self) -> None:
        """Each program ends with 0, and the bus knows what it has measured."""
        compiled, places = self.compiled(), self.places()
        devices = [one for one in STRANGERS.values() if one.is_device]
        programs = [one for one in STRANGERS.values() if not one.is_device]
        # Devices are there before netd dials: it would wait a second or more before it dials again.
        running = {one.name: self.run_stranger(one, places[one.name], compiled) for one in devices}
        sections = (f"[wire:{one.name}]{one.section.replace('PORT', places[one.name])}" for one in STRANGERS.values())
        daemon = self.start(self.write_ini("".join(sections)))
        daemon.wait_for(r"^Stop it with ")
        running |= {one.name: self.run_stranger(one, places[one.name], compiled) for one in programs}
        self.say(daemon, devices)
        failed = {name: one.output for name, one in running.items() if one.wait()}
        self.assertEqual({}, failed, daemon.output)
        known = {one.name: self.values(daemon, one) for one in STRANGERS.values()}
        self.assertEqual({one.name: one.values for one in STRANGERS.values()}, known)
        self.assertEqual(0, daemon.stop())

    def say(self, daemon: Daemon, devices: Sequence[Stranger]) -> None:
        """Say to the devices what they wait for."""
        for stranger in devices:
            for text in stranger.sends:
                daemon.wait_for(f"wire:{stranger.name}: connected")
                daemon.call("wire.send", instance=stranger.name, name=stranger.name, text=text)
