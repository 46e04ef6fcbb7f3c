"""A real daemon that sends on to a real server, which fails, hangs, and is away for a while."""

from __future__ import annotations

import gzip
import http.server
import ssl
import threading
import time
from typing import Any, ClassVar

from tests.forward.protocol import Point, read_lines
from tests.process import PATIENCE, RealTestCase
from tests.tls import make_certificate


class LineServer(http.server.BaseHTTPRequestHandler):
    """Takes lines."""

    points: ClassVar[list[Point]] = []
    answers: ClassVar[list[int | None]] = []
    hung: ClassVar[threading.Event] = threading.Event()
    released: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        """Take a body."""
        found = read_lines(gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))))
        code = self.answers.pop(0) if self.answers else 204
        if code is None:
            self.hung.set()
            self.released.wait(PATIENCE)
            return
        if code == 204:
            self.points.extend(found)
        self.send_response(code)
        self.end_headers()
        if code != 204:
            self.wfile.write(b"not now")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class RealForwardTests(RealTestCase):
    def serve(self, port: int = 0) -> http.server.ThreadingHTTPServer:
        """Serve until the test ends, or the server is shut."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), LineServer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def until(self, count: int) -> None:
        """Wait until so many points have come."""
        end = time.monotonic() + PATIENCE
        while len(LineServer.points) < count and time.monotonic() < end:
            time.sleep(0.02)

    def test_outage(self) -> None:
        """Nothing is lost while the server fails, hangs and is away, and netd is started anew meanwhile."""
        self.addCleanup(LineServer.released.set)
        make_certificate(self.folder / "server.pem")
        server = self.serve()
        LineServer.answers[:] = [503, None]
        ini = self.write_ini(
            f"[recorder]\nflush = 100ms\n[forward]\nurl = https://localhost:{server.server_port}/write\n"
            "cafile = server.pem\nsubjects = custom.>\n"
            "every = 100ms\ntimeout = 1s\n"
        )
        daemon = self.start(ini)
        daemon.call("bus.publish", subject="custom.x", data=1)
        self.assertTrue(LineServer.hung.wait(PATIENCE))
        self.assertEqual(daemon.call("forward.status")["state"], "waiting")
        server.shutdown()
        server.server_close()
        LineServer.released.set()
        daemon.call("bus.publish", subject="custom.x", data=2)
        daemon.stop()
        daemon = self.start(ini)
        daemon.call("bus.publish", subject="custom.x", data=3)
        self.serve(server.server_port)
        self.until(3)
        self.assertEqual([point.fields["value"] for point in LineServer.points], [1.0, 2.0, 3.0])
