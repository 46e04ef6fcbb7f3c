"""The feed for real: a twistd, old clients as processes, and ``netd feed``."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys

from netd.client.feed import Feed
from netd.client.feed_asyncio import AsyncFeed
from netd.client.websocket import PING, FrameDecoder
from tests.feed.bench import fits, request
from tests.process import CHECKOUT, LOOPBACK, PATIENCE, Daemon, Program, RealTestCase

OLD_CLIENT = CHECKOUT / "tests" / "legacy" / "old_feed_client.py"
OLD_SERVER = CHECKOUT / "tests" / "legacy" / "old_feed_server.py"
KINDS = ["name", "country", "email", "url", "text", "latitude", "currency", "city"]


class RealFeedTests(RealTestCase):
    def start_feed(self, endpoint: str = LOOPBACK, **options: str) -> Daemon:
        """A daemon with one feed."""
        lines = "".join(f"{name} = {value}\n" for name, value in options.items())
        return self.start(self.write_ini(f"[feed]\nlisten = {endpoint}\nlocales = en_US\n{lines}"))

    def netd(self, *arguments: object) -> Program:
        """The command line, as a process."""
        program = Program([sys.executable, "-c", "from netd.cli.main import main; main()", *map(str, arguments)], self.folder)
        self.addCleanup(program.end)
        return program


class OldClientTests(RealFeedTests):
    def test_restart(self) -> None:
        """Eight old clients, each with its own type and block size, go on after a restart; the port is free again at once."""
        daemon = self.start_feed(interval="100ms")
        port = daemon.port("feed")
        clients = [
            self.program(
                OLD_CLIENT, f"ws://127.0.0.1:{port}/", f"client-{size}", kind, size, f"{kind}.txt", ["number", "plain"][size % 2]
            )
            for size, kind in enumerate(KINDS, 1)
        ]
        for client in clients:
            client.wait_for(r"^block 1 received$")
        reports = {report["client"]: report for report in daemon.call("feed.reports")}
        self.assertEqual(set(reports), {f"client-{size}" for size in range(1, 9)})
        self.assertTrue(all(report["blocks"] >= 1 and report["seconds"] > 0 for report in reports.values()), reports)
        self.assertEqual(daemon.stop(), 0)
        again = self.start_feed(f"tcp:{port}:interface=127.0.0.1", interval="100ms")
        self.assertEqual(again.port("feed"), port)
        for client in clients:
            client.wait_for(r"^connection lost$(?:\n.*)*\nblock \d+ received$")
        for size, kind in enumerate(KINDS, 1):
            values = [line.split(" ", 2)[2] for line in (self.folder / f"{kind}.txt").read_text().splitlines() if line]
            self.assertGreaterEqual(len(values), 2 * size)
            for value in values:
                self.assertTrue(fits(kind, value), (kind, value))

    def test_fields(self) -> None:
        """An old client of another family finds its value where its own server put it, and waits an interval for the first."""
        daemon = self.start_feed(interval="500ms", fields="city, latitude, name")
        url = f"ws://127.0.0.1:{daemon.port('feed')}/"
        client = self.program(OLD_CLIENT, url, "other", "latitude", 2, "found.txt", "plain", "city,latitude,name")
        client.wait_for(r"^block 2 received$")
        for line in (self.folder / "found.txt").read_text().splitlines():
            self.assertTrue(fits("latitude", line.split(" ", 2)[2]), line)

    def test_slow_client(self) -> None:
        """A client that does not read for a while loses whole rounds, and finds its place in those that it gets."""
        daemon = self.start_feed(interval="1ms", backlog="4KiB")
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(PATIENCE)
            slow.connect(("127.0.0.1", daemon.port("feed")))
            slow.sendall(request())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += slow.recv(1)
            while not daemon.call("system.status")["services"][0]["counters"]["dropped"].get("round"):
                pass
            decoder, values = FrameDecoder(), list[str]()
            while len(values) < 8 * 1000:
                decoder.feed(slow.recv(65536))
                while (message := decoder.next_message()) is not None:
                    if message[0] != PING:
                        values.append(message[1].decode())
        for position, value in enumerate(values):
            self.assertTrue(fits(KINDS[position % 8], value), (position, value))


class NewerClientTests(RealFeedTests):
    def test_netd_feed(self) -> None:
        """``netd feed`` collects blocks of what it asked for, writes them to a file, and reports them."""
        daemon = self.start_feed()
        port = daemon.port("feed")
        program = self.netd(
            "feed",
            "--port",
            port,
            "--name",
            "client-1",
            "--type",
            "city",
            "--block",
            3,
            "--count",
            2,
            "--interval",
            0.1,
            "--log",
            "data1.txt",
        )
        self.assertEqual(program.wait(), 0, program.output)
        self.assertRegex(program.output, r"block 1 received: 3 samples in 0\.\d\d s\nblock 2 received: 3 samples in 0\.\d\d s\n")
        lines = (self.folder / "data1.txt").read_text().splitlines()
        self.assertEqual((len(lines), lines[0][:9], " city " in lines[1]), (8, "# block 1", True))
        [report] = daemon.call("feed.reports")
        self.assertEqual((report["client"], report["blocks"], report["last_block"]), ("client-1", 2, 2))

    def test_old_server(self) -> None:
        """It does the same at a server of old, which reads the report in its own wording."""
        server = self.program(OLD_SERVER, 0, 0.1)
        port = server.wait_for(r"^listening (\d+)$")[1]
        program = self.netd("feed", "--port", port, "--name", "client-1", "--type", "email", "--block", 2, "--count", 2)
        self.assertEqual(program.wait(), 0, program.output)
        server.wait_for(
            r"^Connected with client-1\nclient client-1 received 1 block in 0\.\d+ time\nclient client-1 received 2 block in "
        )
        self.assertEqual(program.output.count("@"), 4)

    def test_clients(self) -> None:
        """Both clients that come with netd get blocks as netd made them, in a message each; one seed gives both the same."""
        daemon = self.start_feed(interval="100ms", seed="7")
        order = {"types": ("city", "email"), "interval": 0.1, "seed": 5, "block": 6}

        async def collect() -> list[str]:
            async with AsyncFeed(port=port, name="b", **order) as feed:
                block = await anext(feed.blocks())
                return [sample.value for sample in block.samples]

        port = daemon.port("feed")
        with Feed(port=port, name="a", **order) as feed:
            blocks = feed.blocks()
            first, second = next(blocks), next(blocks)
            described = {subscriber["client"]: subscriber["block"] for subscriber in daemon.call("feed.subscribers")}
        self.assertEqual(described, {"a": 6})
        self.assertEqual([sample.seq for sample in (*first.samples, *second.samples)], [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
        self.assertEqual(asyncio.run(collect()), [sample.value for sample in first.samples])
        reports = {report["client"]: report["blocks"] for report in daemon.call("feed.reports")}
        self.assertEqual(reports, {"a": 2, "b": 1})

    def test_asyncio_client_outlives_a_restart(self) -> None:
        """The asyncio client goes on when netd, or a server of old in its place, is there again."""
        self.patch(logging.getLogger("netd.client.feed"), "handlers", [logging.NullHandler()])
        daemon = self.start_feed(interval="50ms")
        port = daemon.port("feed")
        dialects: list[str] = []

        async def follow() -> None:
            async with AsyncFeed(port=port, types=["email"], on_connect=lambda welcome: dialects.append(welcome.dialect)) as feed:
                values = aiter(feed)
                self.assertIn("@", (await anext(values)).value)
                self.assertEqual(await asyncio.to_thread(daemon.stop), 0)
                old = await asyncio.to_thread(self.program, OLD_SERVER, port, 0.05)
                while dialects != ["netd", "old"]:
                    self.assertIn("@", (await anext(values)).value)
                self.assertIsNone(old.process.poll(), old.output)

        asyncio.run(follow())
