"""A real recording: a program, its own old server, and ``netd learn`` between them."""

from __future__ import annotations

import signal
import socket
import socketserver
import sys
import threading

from netd.wire.recording import read_recording
from tests.process import Program, RealTestCase

COMMAND = ("-c", "from netd.cli.main import main; main()")


class OldServerHandler(socketserver.StreamRequestHandler):
    """What a home-made server does: it greets, knows names, and counts when the program has said all."""

    def handle(self) -> None:
        self.wfile.write(b"welcome\n")
        count = 0
        for line in self.rfile:
            count += 1
            self.wfile.write(b"hi " + line.split()[1] + b"\n" if line.startswith(b"hello ") else b"ok\n")
        self.wfile.write(b"total %d\n" % count)


class RealLearnTests(RealTestCase):
    def serve(self) -> int:
        """Start the old server; return its port."""
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldServerHandler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return int(server.server_address[1])

    @staticmethod
    def free_port() -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return int(free.getsockname()[1])

    def test_through_an_old_server(self) -> None:
        """The program hears its own server, even after it has said all; its section is drafted, and serves it as that did."""
        port = self.free_port()
        learn = ("learn", str(port), "--through", f"127.0.0.1:{self.serve()}", "--name", "shed")
        recorder = Program([sys.executable, *COMMAND, *learn], self.folder)
        self.addCleanup(recorder.end)
        recorder.wait_for("^recording")
        for name in (b"attic", b"cellar"):
            program = self.connect(port)
            said = [b"hello %b\n" % name, *(b"T=2%d.5;H=4%d\n" % (value, value) for value in range(6))]
            with program.makefile("rb") as heard:
                answers = [heard.readline()]
                for line in said:
                    program.sendall(line)
                    answers.append(heard.readline())
                program.shutdown(socket.SHUT_WR)
                self.assertEqual([b"welcome\n", b"hi %b\n" % name, *[b"ok\n"] * 6, b"total 7\n"], [*answers, *heard])
        recorder.signal(signal.SIGTERM)
        self.assertEqual(0, recorder.wait(), recorder.output)
        self.assertIn("hello attic → name attic", recorder.output)
        section = (self.folder / "shed.ini").read_text(encoding="utf-8")
        self.assertIn(f"listen = tcp:{port}:interface=127.0.0.1\n", section)
        self.assertIn("    name hello {name} => hi {name}\n", section)
        transcript = self.folder / "shed.transcript"
        self.assertEqual(0o600, transcript.stat().st_mode & 0o777)
        closed = [event for event in read_recording(transcript.read_text(encoding="utf-8")).events if event.data == b"program"]
        self.assertEqual(2, len(closed))
        tested = self.run_python(*COMMAND, "wire", "test", "shed", transcript, "-c", "shed.ini")
        self.assertIn("hello attic → name attic", tested.stdout)
        self.assertEqual([], list(self.folder.glob(".shed*")))
