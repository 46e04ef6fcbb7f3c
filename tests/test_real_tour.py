"""The README's tour, run as it is written: every command and both programs, against the packaged configuration."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from urllib.request import Request, urlopen

from tests.process import CHECKOUT, PATIENCE, PackagedTestCase, Program, add_command

NOT_RUN = ("export PATH", "netd demo")
"""Lines of the tour that make no sense here: where the command is, and what runs until it is told to stop."""

READY = {
    "netd device": r"greenhouse",
    "netd agent": r"10001",
}
"""What a program in the background says when it is ready for the next line."""

STATUS = {"netd send nowhere": 3}
"""The exit statuses that the tour speaks of; all others are 0."""

SAYS = {
    "netd status": r"relay",
    "netd devices": r"greenhouse",
    'netd send greenhouse "open the window"': r"open the window",
    "netd send greenhouse --no-wait": r"sent",
    "netd send nowhere": r"nowhere",
    "netd session list": r"127\.0\.0\.1",
    "netd call test_command": r"success",
}
"""What a person would look for in the output of a line."""


def tour() -> list[str]:
    """The commands of the tour, without their comments."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## A tour")[2].partition("All operations of consoles")[0]
    lines = re.findall(r"^    (\S.*)$", section, re.MULTILINE)
    return [re.sub(r"\s+#.*$", "", line) for line in lines]


def programs() -> list[str]:
    """The Python programs of the README."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"((?:^(?:    .*)?\n)+)", text, re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks if "import " in block]


def said_of(line: str, table: dict[str, str]) -> str:
    """What *table* has for *line*."""
    return next((said for start, said in table.items() if line.startswith(start)), "")


class TourTests(PackagedTestCase):
    """A stranger's first minutes."""

    def setUp(self) -> None:
        """The packaged configuration, and the netd command on the path."""
        super().setUp()
        add_command(self.folder)
        self.env |= {"PATH": f"{self.folder}:/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT)}
        self.start_packaged()

    def test_every_line(self) -> None:
        """Each line of the tour does what its comment says."""
        lines = [line for line in tour() if not line.startswith(NOT_RUN)]
        self.assertGreater(len(lines), 10)
        for line in lines:
            if line.endswith("&"):
                background = Program(["bash", "-c", f"exec {line.removesuffix('&')}"], self.folder, self.env)
                self.addCleanup(background.end)
                background.wait_for(said_of(line, READY))
            elif line.startswith("netd feed"):
                self.assertEqual(self.run_line(f"{line} --count 1"), 0, line)
                self.assertTrue((self.folder / "data1.txt").read_text(encoding="utf-8"))
            elif line.startswith("for "):
                self.assertEqual(self.run_line(f"{line}; wait", said="Ann"), 0, line)
            else:
                expected = next((status for start, status in STATUS.items() if line.startswith(start)), 0)
                self.assertEqual(self.run_line(line, said_of(line, SAYS)), expected, line)

    def test_programs(self) -> None:
        """The README's device, with the client that the README's curl fetches, answers the README's controller."""
        _, device, controller = programs()
        fetched = re.search(r"^    (curl -O \S+)", (CHECKOUT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
        assert fetched is not None
        self.assertEqual(self.run_line(fetched[1]), 0)
        on_the_pi = Program([sys.executable, "-u", "-c", device], self.folder, self.env)
        self.addCleanup(on_the_pi.end)
        for _ in range(int(PATIENCE)):
            known = Program(["bash", "-c", "netd devices"], self.folder, self.env)
            self.addCleanup(known.end)
            known.wait()
            if "shed" in known.output:
                break
        on_the_desk = Program([sys.executable, "-c", controller], self.folder, self.env)
        self.addCleanup(on_the_desk.end)
        self.assertEqual((on_the_desk.wait(), on_the_desk.output.split()[:2]), (0, ["acknowledged", "b'done'"]))

    def test_watching(self) -> None:
        """The README's watcher sees what an agent says, its request has an answer, and the dashboard is where it says."""
        agent = Program(["bash", "-c", "exec netd agent --channel x=random"], self.folder, self.env)
        self.addCleanup(agent.end)
        agent.wait_for(r"10001")
        watcher = Program([sys.executable, "-u", "-c", programs()[0]], self.folder, self.env)
        self.addCleanup(watcher.end)
        self.assertEqual(self.run_line("netd session start 127.0.0.1"), 0)
        watcher.wait_for(r"session\.main\.127-0-0-1\.x \d")
        text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
        asked = re.search(r"curl -s (\S+/rpc) -H 'Content-Type: (\S+)' -d '(.+)'", text)
        assert asked is not None
        request = Request(asked[1], asked[3].encode(), {"Content-Type": asked[2]})
        with urlopen(request, timeout=PATIENCE) as answer:
            self.assertEqual(json.load(answer)["result"]["rows"], [])
        for address, said in (
            (re.search(r"<(http://\S+/)>", text), b"<title>"),
            (re.search(r"(http://\S+/metrics)", text), b"netd_"),
        ):
            assert address is not None
            with urlopen(address[1], timeout=PATIENCE) as answer:
                self.assertIn(said, answer.read())

    def run_line(self, line: str, said: str = "") -> int:
        """The exit status of *line*; *said* must be in its output."""
        program = Program(["bash", "-c", line], self.folder, self.env)
        self.addCleanup(program.end)
        status = program.wait()
        if said:
            self.assertRegex(program.output, said, line)
        return status
