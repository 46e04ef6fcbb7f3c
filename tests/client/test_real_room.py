"""The room's client over real sockets: against the old server, as a process, and in a daemon's rooms, as ``netd bot``."""

from __future__ import annotations

import sys
import threading

from netd.client.room import CHARACTERS, Bot, Exchange
from tests.process import CHECKOUT, LOOPBACK, PATIENCE, Program, RealTestCase

OLD_SERVER = CHECKOUT / "tests" / "legacy" / "old_room_server.py"


class OldServerTests(RealTestCase):
    def test_four_characters(self) -> None:
        """The four characters talk in the old server's room to its end, each heard once by the others."""
        server = self.program(OLD_SERVER, 0, 0.2)
        port = int(server.wait_for(r"^listening (\d+)$")[1])
        heard: dict[str, list[Exchange]] = {name: [] for name in CHARACTERS}
        threads = []
        for name in CHARACTERS:
            bot = Bot("127.0.0.1", port, name, name)
            self.addCleanup(bot.close)
            threads.append(threading.Thread(target=bot.run, args=(heard[name].append,), daemon=True))
            threads[-1].start()
            server.wait_for(f"^connected '{name}'$")
        for thread in threads:
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive())
        self.assertEqual(server.wait(), 0, server.output)
        self.assertEqual([len(exchanges) for exchanges in heard.values()], [5] * 4)
        speakers = [exchange.heard.speaker for exchange in heard["curious"]]
        self.assertEqual(speakers, ["Batman", "happy", "grumpy", "", "lazy"])


class CommandTests(RealTestCase):
    def netd(self, *arguments: object) -> Program:
        """The command line, as a process."""
        main = "from netd.cli.main import main; main()"
        program = Program([sys.executable, "-c", main, *map(str, arguments)], self.folder)
        self.addCleanup(program.end)
        return program

    def test_netd_bot(self) -> None:
        """Four ``netd bot``, in both dialects, meet in one room and end with it."""
        daemon = self.start(self.write_ini(f"[room]\nlisten = {LOOPBACK}\nstart_delay = 200ms\nreply_gap = 50ms\n"))
        port = daemon.port("room")
        bots = [
            self.netd("bot", "--port", port, "--name", name, "--character", name, "--dialect", dialect)
            for name, dialect in zip(CHARACTERS, ("old", "netd", "old", "netd"), strict=True)
        ]
        for bot in bots:
            self.assertEqual(bot.wait(), 0, bot.output)
            lines = bot.output.splitlines()
            self.assertRegex(lines[0], r"^netd: the bot waits in the room: [1-4] of 4 are there$")
            self.assertTrue(lines[1].startswith("Batman: Do you want to "), bot.output)
            self.assertEqual((len(lines), lines[-1]), (12, "netd: the room is over"))
        self.assertEqual(daemon.call("room.list")["rows"], [])
