"""Taking over from an old server, and being found by every name of this machine: real sockets."""

from __future__ import annotations

import re
import socket
import struct

from netd.client.control import OperationFailed
from tests.process import RealTestCase, frame, read_frame

OLD_SERVER = """
import socket, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
time.sleep(600)
"""


class LoopbackTests(RealTestCase):
    def test_names_of_this_machine(self) -> None:
        """A program finds the relay at `localhost`, whichever address that is, and at the machine's own name on Debian."""
        daemon = self.start(self.write_ini("[relay]\nlisten = loopback:0\n"))
        port = daemon.port()
        for host in filter(has_address, ("127.0.0.1", "::1", "127.0.1.1")):
            controller = self.connect(port, host)
            controller.sendall(frame(b"python") + b"|no target|".ljust(64))
            self.assertEqual(b"|no raspberrypies|", read_frame(controller), host)
        self.assertEqual(1, daemon.output.count("this machine only"))


class TakingOverTests(RealTestCase):
    def test_old_connections(self) -> None:
        """While connections of a server that has ended hold a port, the rest of netd starts; that port, when they are gone."""
        with socket.socket() as old:  # without SO_REUSEADDR, as people write it
            old.bind(("127.0.0.1", 0))
            old.listen()
            port = old.getsockname()[1]
            self.connect(port)
            accepted, _ = old.accept()
        daemon = self.start(self.write_ini(f"[relay]\nlisten = loopback:{port}\n[room]\nlisten = loopback:0\n"))
        self.connect(daemon.port("room"))
        self.assertRegex(daemon.output, rf"(?m)^ +127\.0\.0\.1:{port} +nobody yet: old connections|^relay +127.*nobody yet")
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no TIME_WAIT: that takes 60 s
        accepted.close()
        daemon.wait_for(rf"relay: listens on 127\.0\.0\.1:{port} now")
        self.connect(port)
        self.assertNotIn("nobody", str(daemon.call("system.status")["services"]))

    def test_server_that_runs(self) -> None:
        """An old server that still runs is named, with its pid and the way to another port."""
        server = self.folder / "old_server.py"
        server.write_text(OLD_SERVER)
        program = self.program(server)
        port = int(program.wait_for(r"^(\d+)$")[1])
        outcome = self.twistd("-n", "--pidfile=", "netd", "-c", self.write_ini(f"[relay]\nlisten = loopback:{port}\n"))
        self.assertEqual(1, outcome.returncode)
        who = rf"python\S* old_server\.py \(pid {program.process.pid}\) listens on 127\.0\.0\.1:{port} already"
        self.assertRegex(outcome.stderr, who)
        self.assertRegex(outcome.stderr, re.escape("NETD_RELAY_LISTEN=loopback:PORT"))


class SocketFileTests(RealTestCase):
    def test_moved_in_a_reload(self) -> None:
        """A socket file of another program's refuses a reload. One of netd's own that was removed keeps netd from nothing."""
        one, two = self.folder / "one", self.folder / "two"
        ini = self.write_ini(f"[relay]\nlisten = unix:{one}\n")
        daemon = self.start(ini)
        daemon.call("system.status")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(two))
            ini.write_text(ini.read_text().replace(str(one), str(two)))
            for _ in range(2):
                self.assertIn("Address already in use", str(self.assertRaises(OperationFailed, daemon.call, "system.reload")))
        two.unlink()
        one.unlink()
        self.assertEqual(daemon.call("system.reload")["failures"], [])
        ini.write_text(ini.read_text().replace(str(two), str(one)))
        self.assertEqual(daemon.call("system.reload")["failures"], [])
        with socket.socket(socket.AF_UNIX) as program:
            program.connect(str(one))
        self.assertEqual([path.name for path in self.folder.glob("*.lock")], ["one.lock"])


def has_address(host: str) -> bool:
    """Whether this machine has that address."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
