"""Tests of :mod:`netd.wire.tools.drafts`, and of the programs that read recordings: the files, and what a person is told."""

from __future__ import annotations

import json
import os
import struct
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.wire.config import read_section
from netd.wire.recording import Recording, read_recording
from netd.wire.tools.__main__ import learn, main, tell, try_out
from netd.wire.tools.drafts import Attempted, LearnedFiles, LearnFailed, conclude
from netd.wire.tools.order import LearnOrder, read_order
from tests.wire.corpus import played

PLAIN: dict[str, Any] = {
    "name": "shed",
    "interface": "127.0.0.1",
    "udp": False,
    "force": False,
    "port": 9000,
    "through": None,
    "say": None,
    "device": None,
    "pcap": None,
    "transcript": None,
    "seconds": None,
}
TALK = "0 1 opened 127.0.0.1:5\n" + "".join(f"{n} 1 said T={n}.5;H=4{n}\\n\n{n} 1 heard ok\\n\n" for n in range(1, 6))


class DraftedCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.told: list[str] = []

    def order(self, **options: Any) -> LearnOrder:
        return LearnOrder(**{**PLAIN, "into": str(self.folder), **options})

    def conclude(self, text: str | Recording, *attempted: Attempted, **options: Any) -> str:
        """Learn from a transcript; return the section."""
        order = self.order(**options)
        recording = read_recording(text) if isinstance(text, str) else text
        conclude(recording, order, LearnedFiles(order), self.told.append, attempted)
        section = (self.folder / f"{order.name}.ini").read_text(encoding="utf-8")
        read_section(section)
        return section

    def failure(self, text: str, **options: Any) -> str:
        return str(self.assertRaises(LearnFailed, self.conclude, text, **options))

    def written(self, name: str, text: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)


class ConcludeTests(DraftedCase):
    def test_files(self) -> None:
        """Both files are written: the section for all, the transcript for its owner. What each kind became is told."""
        section = self.conclude(TALK)
        self.assertIn("listen = tcp:9000:interface=127.0.0.1\n", section)
        for name in ("shed.transcript", "shed.ini"):
            self.assertEqual(0o600, (self.folder / name).stat().st_mode & 0o777)
        self.assertEqual(["shed.ini", "shed.transcript"], sorted(path.name for path in self.folder.iterdir()))
        self.assertIn("    T=1.5;H=41 → t 1.5, h 41, reply ok\\n", self.told)
        self.assertIn(f"Test: `netd wire test shed {self.folder}/shed.transcript -c {self.folder}/shed.ini`", self.told)

    def test_secrets(self) -> None:
        """A password is in neither file, nor told."""
        said = "0 1 opened a:5\n1 1 said login anna password=swordfish\\n\n1 1 heard ok\\n\n"
        section = self.conclude(said + "".join(f"{n} 1 said T={n}\\n\n" for n in range(2, 6)))
        transcript = (self.folder / "shed.transcript").read_text(encoding="utf-8")
        self.assertNotIn("swordfish", "\n".join((section, transcript, *self.told)))

    def test_endpoints(self) -> None:
        """The section listens where was learned: on one address, on all, by UDP; a serial port is dialled."""
        self.assertIn("\nlisten = tcp:9000:interface=127.0.0.1\n", self.conclude(TALK, interface="0.0.0.0"))
        self.assertIn("\nlisten = tcp:9000:interface=\\:\\:1\n", self.conclude(TALK, interface="::1"))
        udp = self.conclude("transport = udp\n\n" + TALK.replace("\\n\n", "\n"), udp=True)
        self.assertIn("\nlisten = udp:9000:interface=127.0.0.1\n", udp)
        serial = (
            "transport = serial\ncaller = netd\n\n0 1 opened /dev/ttyACM0\n1 1 said T=1\\n\n2 1 said T=2\\n\n3 1 said T=3\\n\n"
        )
        self.assertIn(
            "\nconnect = serial:/dev/ttyACM0:9600\n", self.conclude(serial, port=None, device="serial:/dev/ttyACM0:9600")
        )

    def test_other_machines(self) -> None:
        """The machines from which programs came are admitted, and no others."""
        talk = TALK.replace("127.0.0.1:5", "192.0.2.7:5") + "9 2 opened [2001:db8::1]:7\n9 3 opened 127.0.0.1:8\n"
        section = self.conclude(talk, interface="0.0.0.0")
        self.assertIn("\nlisten = tcp:9000\naccess = peers\npeers = 192.0.2.7 2001:db8::1\n", section)
        own = self.conclude(talk.replace("127.0.0.1:8", "somewhere:8"), interface="192.0.2.1")
        self.assertIn("\nlisten = tcp:9000:interface=192.0.2.1\naccess = peers\n", own)
        self.assertIn("\nlisten = tcp:9000\naccess = peers\n", self.conclude(talk, pcap="x"))

    def test_attempts(self) -> None:
        """What a program went on after is a comment that is unsure: nobody knows what its own server says."""
        section = self.conclude(TALK, Attempted(b"", b"OK\n"), Attempted(b"HELLO\n", b"OK\n"))
        self.assertIn(r"; ? the program waits first, and went on when it heard OK\n", section)
        self.assertIn(r"; ? the program waits after HELLO\n, and went on when it heard OK\n", section)
        self.assertTrue(any("what is unsure in it" in line for line in self.told))

    def test_draft_with_mistakes(self) -> None:
        """A draft that the check refuses is written all the same, and its mistakes are told."""
        order = self.order(name="the shed")
        conclude(read_recording(TALK), order, LearnedFiles(order), self.told.append)
        self.assertEqual(f"{self.folder}/the shed.ini is written, and has mistakes to mend by hand:", self.told[1])
        self.assertIn("[wire:the shed]", self.told[2])

    def test_asking(self) -> None:
        """A program that asks is told apart: netd then asks itself."""
        talk = "0 1 opened 127.0.0.1:5\n"
        for n in range(1, 9):
            talk += f"{n} 1 said MEAS:VOLT?\\n\n{n}.02 1 heard 1{n}.5\\n\n"
        section = self.conclude(talk, through=("192.0.2.1", 5025))
        self.assertIn("\nconnect = tcp:192.0.2.1:5025\n", section)
        self.assertIn("netd then asks the server itself", self.told[-1])

    def test_through(self) -> None:
        """Behind an old server, it is told that netd takes the port."""
        self.conclude(TALK, through=("127.0.0.1", 9001))
        self.assertIn("port 9000", self.told[-1])

    def test_nothing(self) -> None:
        """A recording of nothing says what may be wrong; no file is left."""
        self.assertIn("no program connected", self.failure(""))
        self.assertIn("said nothing; if its server speaks first", self.failure("0 1 opened a:1\n"))
        self.assertEqual("the transcript is empty", self.failure("", transcript="x"))
        self.assertEqual([], list(self.folder.iterdir()))

    def test_refused(self) -> None:
        """A program that no section can serve leaves its transcript, and a remedy."""
        self.assertIn("this program speaks HTTP", self.failure("0 1 opened a:1\n1 1 said GET / HTTP/1.1\\r\\n\\r\\n\n"))
        self.assertEqual(["shed.transcript"], [path.name for path in self.folder.iterdir()])

    def test_files_in_the_way(self) -> None:
        """A file that is there is not written over, unless that is asked for; it is told before anything is recorded."""
        files = LearnedFiles(self.order())
        files.check()
        self.conclude(TALK)
        self.assertIn("shed.ini is there already", str(self.assertRaises(LearnFailed, files.check)))
        LearnedFiles(self.order(force=True)).check()
        (self.folder / "shed.ini").unlink()
        self.assertIn("shed.transcript is there already", str(self.assertRaises(LearnFailed, files.check)))
        LearnedFiles(self.order(transcript="x")).check()

    def test_folders(self) -> None:
        """A folder that is not there, or cannot be written to, is told with what to do."""
        gone = LearnedFiles(self.order(into=str(self.folder / "gone")))
        self.assertIn("make it, or name another by --into", str(self.assertRaises(LearnFailed, gone.check)))
        self.assertIn("cannot be written: No such file", str(self.assertRaises(LearnFailed, gone.write_section, "")))
        if os.geteuid() != 0:
            self.folder.chmod(0o500)
            self.addCleanup(self.folder.chmod, 0o700)
            self.assertIn("is not writable", str(self.assertRaises(LearnFailed, LearnedFiles(self.order()).check)))


class ProgramTests(DraftedCase):
    def learn(self, **options: Any) -> tuple[int, str]:
        """The exit status of the program, and the section that it leaves."""
        order = {**PLAIN, "port": None, "into": str(self.folder), **options}
        status = main(["learn", json.dumps(order)])
        path = self.folder / f"{order['name']}.ini"
        return status, path.read_text(encoding="utf-8") if path.exists() else ""

    def test_order(self) -> None:
        """The order that the command line writes is read back."""
        order = read_order(json.dumps({**PLAIN, "into": ".", "through": ["a", 1]}))
        self.assertEqual(("a", 1), order.through)
        self.assertIsNone(read_order(json.dumps({**PLAIN, "into": "."})).through)

    def test_transcript(self) -> None:
        """A section is drafted from a transcript, which stays as it is."""
        status, section = self.learn(transcript=self.written("talk.transcript", TALK))
        self.assertEqual(0, status)
        self.assertIn("\nlisten = tcp:9000:interface=127.0.0.1\n", section)
        self.assertEqual(["shed.ini", "talk.transcript"], sorted(path.name for path in self.folder.iterdir()))

    def test_capture(self) -> None:
        """A section is drafted from a capture."""
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
        packets = b""
        for index in range(5):
            data = b"T=2%d.5" % index
            packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
            packet += struct.pack(">HHHH", 5000, 9000, 8 + len(data), 0) + data
            packets += struct.pack("<IIII", index, 0, len(packet), len(packet)) + packet
        status, section = self.learn(port=9000, udp=True, pcap=self.written("shed.pcap", head + packets))
        self.assertEqual((0, True), (status, "sample T={t}" in section))

    def test_files_that_cannot_be_read(self) -> None:
        """What is wrong with a file is told with its line, and nothing is written."""
        for options in (
            {"transcript": str(self.folder / "gone")},
            {"transcript": self.written("a", "hello\n")},
            {"transcript": self.written("b", b"\xff\xfe")},
            {"pcap": str(self.folder / "gone"), "port": 1},
            {"pcap": self.written("c", "hello"), "port": 1},
        ):
            self.assertEqual((1, ""), self.learn(**options))
        mistake = self.assertRaises(LearnFailed, learn, self.order(transcript=str(self.folder / "a")))
        self.assertIn("/a:line 1: this is no event", str(mistake))

    def test_tell(self) -> None:
        """A line is written at once, and what a program has said in it does nothing to the terminal."""
        with redirect_stdout(StringIO()) as written:
            tell("K\u00fcche \x1b[2J\n\u202eevil: 21.5 \u00b0C")
        self.assertEqual("K\u00fcche \\x1b[2J\\n\\xe2\\x80\\xaeevil: 21.5 \u00b0C\n", written.getvalue())

    def test_interrupted(self) -> None:
        """Ctrl-C while a section is drafted ends without a traceback."""

        def interrupted(*_arguments: str) -> int:
            raise KeyboardInterrupt

        self.assertEqual(130, main(["learn"], {"learn": interrupted}))

    def test_try_out(self) -> None:
        """A transcript that fits has status 0; one of which a message has no rule, or another reply is given, has 1."""
        one = played("nick_chat")
        ini = self.written("lab.ini", f"[netd]\nstate_directory = {self.folder}\n{one.section}")
        good = self.written("good", TALK)
        there = Path(__file__).parents[1] / "transcripts" / "nick_chat.transcript"
        self.assertEqual(0, main(["test", "nick_chat", str(there), ini]))
        narrow = self.written("narrow.ini", "[wire:shed]\nlisten = tcp:9000:interface=127.0.0.1\nrules = sample T={t} => ok\n")
        self.assertEqual(1, try_out("shed", good, narrow))
        self.assertEqual(1, main(["test", "shed", good, ini]))
        why = str(self.assertRaises(LearnFailed, try_out, "shed", good, ini))
        self.assertIn("has no section [wire:shed]; it has nick_chat", why)
        bare = self.written("bare.ini", "[recorder]\n")
        self.assertIn("name another file by -c", str(self.assertRaises(LearnFailed, try_out, "shed", good, bare)))

    def test_try_out_a_section_that_asks(self) -> None:
        """A section that connects is tested with the recording of the program whose part it takes."""
        talk = "".join(f"{n} 1 said VOLT?\\n\n{n}.1 1 heard {n}.5\\n\n" for n in range(1, 5))
        transcript = self.written("meter.txt", f"0 1 opened a:5\n{talk}6 1 closed program\n")
        ini = self.written("meter.ini", "[wire:meter]\nconnect = tcp:192.0.2.1:5025\nask = 1s VOLT? => sample {volt V}\n")
        self.assertEqual(0, try_out("meter", transcript, ini))
