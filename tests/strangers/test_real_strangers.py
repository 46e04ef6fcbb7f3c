"""Programs of strangers, unchanged: learned beside what they were written for, and then served by one daemon without it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.debian import program
from tests.process import PATIENCE, Daemon, Program, RealTestCase
from tests.strangers.strangers import MOST_EDITS, PROGRAMS, STRANGERS, Stranger

PATIENT = "200"
"""To devices: how long they wait to be asked or told something."""


TOGETHER = 4
"""Programs that are recorded at the same time. Each has three processes or four."""


def batched(strangers: Iterable[Stranger], size: int) -> Iterator[list[Stranger]]:
    """Some of *strangers* at a time."""
    rest = list(strangers)
    while rest:
        yield rest[:size]
        rest = rest[size:]


def free_ports(many: int) -> list[str]:
    """Ports that nobody has."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(many)]
    ports = [str(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


class StrangersTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        ports = free_ports(2 * len(STRANGERS))
        self.listening = dict(zip(STRANGERS, ports, strict=False))
        self.behind = dict(zip(STRANGERS, ports[len(STRANGERS) :], strict=True))
        self.behind["dht"] = str(self.folder / "ttyUSB0")
        self.compiled = dict(self.compilations())

    def compilations(self) -> Iterator[tuple[Path, Path]]:
        """Compile what is written in C and C++, all at the same time."""
        compiler = program("g++")
        sources = [path for path in PROGRAMS.rglob("*.c*") if path.suffix in {".c", ".cpp"}]
        made = {source: self.folder / f"{source.parent.name}-{source.stem}" for source in sources}
        language = {".c": "c", ".cpp": "c++"}
        running = [
            subprocess.Popen([compiler, "-w", "-x", language[source.suffix], source, "-o", made[source]]) for source in sources
        ]
        for source, compilation in zip(sources, running, strict=True):
            self.assertEqual(0, compilation.wait(PATIENCE))
            yield source, made[source]

    def run_file(self, stranger: Stranger, name: str, *arguments: str) -> Program:
        """Start a stranger's program."""
        path = PROGRAMS / stranger.name / name
        runners: Mapping[str, list[str | Path]] = {".py": [sys.executable, "-u", path], ".sh": ["bash", path]}
        started = Program([*(runners.get(path.suffix) or [self.compiled[path]]), *arguments], self.folder)
        self.addCleanup(started.end)
        return started

    def run_learn(self, stranger: Stranger) -> Program:
        """Start ``netd learn``."""
        place = self.behind[stranger.name]
        order = {"name": stranger.name, "into": str(self.folder), "udp": stranger.is_udp, "interface": "127.0.0.1"}
        order |= dict.fromkeys(("port", "device", "pcap", "transcript", "seconds", "say", "through"))
        if stranger.other is None:
            order["device"] = f"serial:{place}:9600"
        else:
            order |= {"port": int(self.listening[stranger.name]), "through": ["127.0.0.1", int(place)]}
        command = [sys.executable, "-m", "netd.wire.tools", "learn", json.dumps({**order, "force": False})]
        started = Program(command, self.folder)
        self.addCleanup(started.end)
        return started

    def learn(self, strangers: Sequence[Stranger]) -> dict[str, str]:
        """Record programs once, at the same time, each beside what it was written for; return the drafts."""
        others, learning, talking = [], {}, {}
        for one in strangers:
            place = self.behind[one.name]
            if one.is_device:
                others.append(self.run_file(one, one.program, place, PATIENT))
            else:
                others.append(self.run_file(one, str(one.other), place))
            learning[one.name] = self.run_learn(one)
        for one in strangers:
            learning[one.name].wait_for("recording")
            caller = one.other if one.is_device else one.program
            if caller is not None:
                talking[one.name] = self.run_file(one, caller, "127.0.0.1", self.listening[one.name])
        self.assertEqual({}, {name: one.output for name, one in talking.items() if one.wait()})
        for recorder in learning.values():
            recorder.signal(signal.SIGTERM)
        self.assertEqual({}, {name: one.output for name, one in learning.items() if one.wait()})
        for other in others:
            other.end()
        return {name: (self.folder / f"{name}.ini").read_text(encoding="utf-8") for name in learning}

    def edited(self, stranger: Stranger, draft: str) -> str:
        """Return *draft* as a person has edited it."""
        for edit in stranger.edits:
            lines = draft.split("\n")
            self.assertIn(edit.drafted, [line.strip() for line in lines], draft)
            draft = "\n".join(line.replace(edit.drafted, edit.written) for line in lines)
        return draft

    def wrong_values(self, daemon: Daemon, stranger: Stranger) -> Iterator[str]:
        """What the bus should know of the names of a program, and does not."""
        rows = {row["name"]: row["values"] for row in daemon.call("wire.peers", instance=stranger.name)["rows"]}
        for name, ranges in stranger.values.items():
            newest = [value["value"] for value in rows.get(name, {}).values()]
            for least, most in ranges:
                if not any(least <= value <= most for value in newest):
                    yield f"{stranger.name}: {name} has no value from {least:g} to {most:g}, but {newest}"
            if name not in rows:
                yield f"{stranger.name}: nobody is called {name}, but {list(rows)}"

    def test_programs_are_served(self) -> None:
        """Each program is learned once, and its draft edited in three lines at most: it is served, and its values are right."""
        drafts: dict[str, str] = {}
        for some in batched(STRANGERS.values(), TOGETHER):
            drafts |= self.learn(some)
        sections = [self.edited(STRANGERS[name], draft) for name, draft in drafts.items()]
        devices = [one for one in STRANGERS.values() if one.is_device]
        # Devices are there before netd dials: it would wait a second or more before it dials again.
        running = {one.name: self.run_file(one, one.program, self.behind[one.name], PATIENT) for one in devices}
        daemon = self.start(self.write_ini("\n".join(sections)))
        daemon.wait_for(r"^Stop it with ")
        for one in STRANGERS.values():
            if not one.is_device:
                running[one.name] = self.run_file(one, one.program, "127.0.0.1", self.listening[one.name])
        for one in devices:
            for text in one.sends:
                daemon.wait_for(f"wire:{one.name}: connected")
                daemon.call("wire.send", instance=one.name, name=one.name, text=text)
        failed = {name: one.output for name, one in running.items() if one.wait()}
        # They have a second's patience, and on a busy machine eleven at once may need more: then alone.
        for one in (STRANGERS[name] for name in list(failed) if not STRANGERS[name].is_device):
            if not self.run_file(one, one.program, "127.0.0.1", self.listening[one.name]).wait():
                del failed[one.name]
        self.assertEqual({}, failed, "\n".join([*sections, daemon.output]))
        wrong = [fault for one in STRANGERS.values() for fault in self.wrong_values(daemon, one)]
        self.assertEqual([], wrong, "\n".join(sections))
        self.assertEqual(0, daemon.stop())

    def test_edits(self) -> None:
        """No program needs more edited lines than people are told."""
        self.assertEqual([], [name for name, one in STRANGERS.items() if len(one.edits) > MOST_EDITS])
