"""Who has a port, read off a made-up ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.holders import Holder, holders_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
PORT = 5050


def line(address: str, state: str, inode: int, port: int = PORT) -> str:
    """A line of ``/proc/net/tcp``."""
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  0  0 {inode} 1 0 100\n"


LOCAL, OTHER, ANY = "0100007F", "0200000A", "00000000"  # 127.0.0.1, 10.0.0.2 and 0.0.0.0, as a little-endian machine has them
LOCAL6, ANY6, MAPPED = "00000000000000000000000001000000", "0" * 32, "0000000000000000FFFF00000100007F"


class HoldersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.proc = Path(self.mktemp())
        (self.proc / "self/net").mkdir(parents=True)
        self.tables()

    def tables(self, *lines: str, ipv6: tuple[str, ...] = ()) -> None:
        """Let the machine have these sockets."""
        (self.proc / "self/net/tcp").write_text(HEAD + "".join(lines))
        (self.proc / "self/net/tcp6").write_text(HEAD + "".join(ipv6))

    def process(self, pid: int, inode: int, comm: str, *words: str) -> None:
        """Let a process have a socket open."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "fd/0").symlink_to("/dev/null")
        (folder / "fd/3").symlink_to(f"socket:[{inode}]")
        (folder / "comm").write_text(f"{comm}\n")
        (folder / "cmdline").write_text("\0".join((comm, *words, "")))

    def holders(self, host: str = "127.0.0.1") -> list[Holder] | None:
        return holders_of(host, PORT, self.proc)

    def test_listener(self) -> None:
        """A program that listens comes first, with its name and pid."""
        self.tables(line(LOCAL, "06", 0), line(LOCAL, "0A", 77))
        self.process(11, 5, "sleep", "60")
        self.process(12, 77, "old-relay", "-p", "5050")
        self.assertEqual([Holder(True, "old-relay (pid 12)"), Holder(False, None)], self.holders())

    def test_own(self) -> None:
        """A port of this very process is known as one."""
        self.tables(line(LOCAL, "0A", 77))
        self.process(os.getpid(), 77, "netd")
        (self.proc / str(os.getpid()) / "fd/1").write_text("no link, as a file that was closed meanwhile is none")
        self.assertEqual([Holder(True, f"netd (pid {os.getpid()})", is_own=True)], self.holders())

    def test_script(self) -> None:
        """Of a script, people know the name of the file, not the interpreter's; nothing else of its arguments is shown."""
        self.tables(line(LOCAL, "0A", 77))
        self.process(12, 77, "python3", "-u", "/home/pi/server.py", "--password", "x")
        self.assertEqual([Holder(True, "python3 server.py (pid 12)")], self.holders())

    def test_addresses(self) -> None:
        """The port on another address is another one; a wildcard, of either family, is all of them."""
        for host, lines, ipv6, count in (
            ("127.0.0.1", (line(OTHER, "0A", 7),), (), 0),
            ("127.0.0.1", (line(LOCAL, "0A", 7, PORT + 1),), (), 0),
            ("127.0.0.1", (line(ANY, "0A", 7),), (), 1),
            ("127.0.0.1", (), (line(ANY6, "0A", 7),), 1),
            ("127.0.0.1", (), (line(MAPPED, "06", 0),), 1),
            ("127.0.0.1", (), (line(LOCAL6, "0A", 7),), 0),
            ("::1", (), (line(LOCAL6, "0A", 7),), 1),
            ("::1", (line(LOCAL, "0A", 7),), (), 0),
            ("0.0.0.0", (line(OTHER, "0A", 7),), (), 1),
            ("localhost", (line(LOCAL, "0A", 7),), (), 1),
            ("fe80::1%eth0", (), (line(LOCAL6, "0A", 7),), 0),
        ):
            self.tables(*lines, ipv6=ipv6)
            self.assertEqual(count, len(self.holders(host) or ()), (host, lines, ipv6))

    def test_hidden(self) -> None:
        """Processes that have ended meanwhile, or that this user may not look into, are passed over."""
        self.tables(line(LOCAL, "0A", 77))
        (self.proc / "9").mkdir()
        (self.proc / "9/fd").write_text("no directory")
        self.assertEqual([Holder(True, None)], self.holders())

    def test_without_ipv6(self) -> None:
        """A machine without IPv6 has one table."""
        self.tables(line(LOCAL, "06", 0))
        (self.proc / "self/net/tcp6").unlink()
        self.assertEqual([Holder(False, None)], self.holders())

    def test_nothing_to_read(self) -> None:
        """Other operating systems show nothing there."""
        (self.proc / "self/net/tcp").unlink()
        self.assertIsNone(self.holders())
