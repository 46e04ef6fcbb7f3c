"""Netd.h, compiled: for this machine, where it meets hostile bytes under sanitizers, and for an Uno, where its size counts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.recording import Direction, Recorded, Recording, Transport
from netd.wire.replay import replay
from tests.debian import program
from tests.process import CHECKOUT
from tests.sdk.clients import DRIVERS, arduino, write

AVR = Path("/usr/share/arduino/hardware/arduino/avr")

FLAGS = ["-mmcu=atmega328p", "-DF_CPU=16000000L", "-DARDUINO=10819", "-Os", "-ffunction-sections", "-fdata-sections", "-w"]
CPP = ["-std=gnu++11", "-fno-exceptions", "-fno-threadsafe-statics"]

CORE = ["Print.cpp", "main.cpp", "abi.cpp", "new.cpp", "IPAddress.cpp", "Stream.cpp", "wiring.c"]
"""What the sketch uses of Arduino's core. WString.cpp and hooks.c do not compile with Debian's GCC, and are not needed."""


def run(*command: str | Path) -> str:
    """Run a program. Return what it says."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


class HostileTests(SynchronousTestCase):
    def test_hostile(self) -> None:
        """No bytes and no end of a connection do harm; what is whole is answered, wherever it is cut."""
        self.assertEqual(run(arduino(), "hostile"), "0 faults\n")


class UnoTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.tools = Path(program("avr-g++")).parent
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        write("arduino", self.folder)
        self.places = [f"-I{place}" for place in (AVR / "cores/arduino", AVR / "variants/standard", self.folder)]
        self.core = [self.compile(AVR / "cores/arduino" / name, name) for name in CORE]

    def compile(self, source: Path, name: str, *flags: str) -> Path:
        """Compile a file for an Uno. Return the path of the object."""
        made = self.folder / f"{name}.o"
        compiler, language = ("avr-gcc", []) if source.suffix == ".c" else ("avr-g++", CPP)
        run(self.tools / compiler, *FLAGS, *language, *self.places, *flags, "-c", source, "-o", made)
        return made

    def sizes(self, what: int) -> tuple[int, int]:
        """Return the bytes of flash and of memory of the sketch with that of netd."""
        sketch = self.compile(DRIVERS / "arduino" / "uno.cpp", f"uno{what}", f"-DWITH={what}", "-Wall", "-Wextra", "-Werror")
        made = self.folder / f"{what}.elf"
        run(self.tools / "avr-gcc", "-mmcu=atmega328p", "-Os", "-Wl,--gc-sections", sketch, *self.core, "-lm", "-o", made)
        found = re.search(r"(\d+)\s+(\d+)\s+(\d+)\s+\d+\s+\w+\s+\S+$", run(self.tools / "avr-size", made))
        assert found
        text, initialised, zeroed = map(int, found.groups())
        return text + initialised, initialised + zeroed

    def test_size(self) -> None:
        """A device, an agent, and both together add to a sketch what the page of small devices says."""
        plain = self.sizes(0)
        device, agent, both = (
            tuple(size - before for size, before in zip(self.sizes(what), plain, strict=True)) for what in (1, 2, 3)
        )
        self.assertLess(device[0], 3 * 1024)
        self.assertLess(agent[0], 3 * 1024)
        self.assertLess(both[0], 5 * 1024)
        self.assertLess(device[1], 512)
        self.assertLess(agent[1], 300)


class SketchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        write("arduino", self.folder)

    def compile(self, name: str, *flags: str) -> None:
        """Compile a sketch of the examples for this machine."""
        path = CHECKOUT / "examples" / "arduino" / name / f"{name}.ino"
        source = DRIVERS / "arduino"
        places = [f"-I{source / 'shim'}", f"-I{self.folder}", f'-DSKETCH="{path}"']
        run(program("g++"), "-std=c++14", "-Wall", "-Wextra", "-Werror", *places, source / "sketch.cpp", *flags)

    def test_wifi(self) -> None:
        """The examples of a device and of an agent fit to the library."""
        for name in ("NetdDevice", "NetdAgent"):
            self.compile(name, "-fsyntax-only")

    def test_serial(self) -> None:
        """The example without a library prints what the section in its comment reads."""
        self.compile("SerialWire", "-o", str(self.folder / "sketch"))
        ran = subprocess.run([self.folder / "sketch"], input=b"1x0", stdout=subprocess.PIPE, check=True)
        sketch = (CHECKOUT / "examples" / "arduino" / "SerialWire" / "SerialWire.ino").read_text("utf-8")
        section = "".join(line[7:] + "\n" for line in sketch.splitlines() if line.startswith("//     "))
        events = (Recorded(0.0, 1, Direction.OPENED, b"/dev/ttyACM0"), Recorded(0.1, 1, Direction.SAID, ran.stdout))
        recording = Recording(Transport.SERIAL, True, events)
        found = [str(one) for one in replay(read_section(section).plan(True, False), recording).consequences()]
        sample = ["1 sample bench-1 temp 249.9 °C", "1 sample bench-1 light 50 %"]
        expected = ["1 name bench-1", *sample, '1 event bench-1 {"state":"on"}', '1 event bench-1 {"state":"off"}']
        self.assertEqual(list(dict.fromkeys(found)), expected)
