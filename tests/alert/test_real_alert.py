"""Alerts of a real daemon: webhooks over real connections, a real program, a real mail."""

from __future__ import annotations

import http.server
import json
import queue
import socketserver
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from netd.alert.program import run, spawn_leader
from netd.alert.webhook import signature
from tests.process import PATIENCE, RealTestCase
from tests.tls import make_certificate

SCRIPT = """#!/bin/sh
printf '%s %s ' "$NETD_ALERT_OCCASION" "${SECRET:-no-secret}" > told
cat >> told
sleep 3 &
"""


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted. Its first answer is a failure that may pass."""

    posted: ClassVar[queue.Queue[tuple[str | None, bytes]]] = queue.Queue()
    codes: ClassVar[list[int]] = [503]

    def do_POST(self) -> None:
        """Take a webhook."""
        self.posted.put((self.headers["X-Netd-Signature"], self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.codes.pop(0) if self.codes else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class MailBox(socketserver.StreamRequestHandler):
    """Takes mails, as a server does that knows little."""

    mails: ClassVar[list[str]] = []

    def handle(self) -> None:
        """Speak SMTP."""
        self.wfile.write(b"220 box\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                self.mails.append(b"".join(lines).decode())
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 yes\r\n")


class KilledTests(TestCase):
    def test_children(self) -> Deferred[None]:
        """A script that takes too long is killed with the program that it waits for."""
        folder = Path(self.mktemp())
        folder.mkdir()
        script = folder / "slow"
        script.write_text("#!/bin/sh\nsleep 600 &\necho $! > child.new\nmv child.new child\nwait\n")
        script.chmod(0o700)
        made: list[Any] = []

        def spawn(*arguments: Any, **named: Any) -> Any:
            made.append(spawn_leader(reactor.spawnProcess, *arguments, **named))
            return made[-1]

        ended = run(spawn, script.absolute(), (), folder, {"PATH": "/usr/bin:/bin"}, b"")
        ended.addErrback(lambda _: None)

        def until(is_so: Callable[[], bool]) -> Deferred[None]:
            return succeed(None) if is_so() else deferLater(reactor, 0.01, lambda: None).addCallback(lambda _: until(is_so))

        def is_gone() -> bool:
            process = Path("/proc") / (folder / "child").read_text().strip() / "stat"
            return not process.exists() or process.read_text().rsplit(")", 1)[1].split()[0] == "Z"

        started = until((folder / "child").exists)
        gone = started.addCallback(lambda _: ended.cancel()).addCallback(lambda _: until(is_gone))
        reaped = gone.addCallback(lambda _: until(lambda: made[0].pid is None and not made[0].pipes))
        return reaped.addTimeout(PATIENCE, reactor)


class RealAlertTests(RealTestCase):
    def serve(self, server: socketserver.BaseServer) -> None:
        """Serve until the test ends."""
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join, PATIENCE)
        self.addCleanup(server.shutdown)

    def test_all_actions(self) -> None:
        """An alert posts, runs and mails; a webhook that fails is posted again, and one to a server with no name is refused."""
        hook, box = http.server.HTTPServer(("127.0.0.1", 0), Hook), socketserver.TCPServer(("127.0.0.1", 0), MailBox)
        secure = http.server.HTTPServer(("127.0.0.1", 0), Hook)
        make_certificate(self.folder / "server.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem")
        secure.socket = context.wrap_socket(secure.socket, server_side=True)
        for server in (hook, box, secure):
            self.serve(server)
        (self.folder / "secret").write_text("s3cret")
        (self.folder / "secret").chmod(0o600)
        (self.folder / "tell").write_text(SCRIPT)
        (self.folder / "tell").chmod(0o755)
        daemon = self.start(
            self.write_ini(
                f"[alert:hot]\nwhen = custom.temp > 30\nsecret = secret\n"
                f"then = webhook http://127.0.0.1:{hook.server_port}/x\n"
                f"[alert:all]\nwhen = custom.temp > 99\nmail_server = 127.0.0.1:{box.server_address[1]}\nmail_tls = off\n"
                f"then = exec ./tell | mail lab@example.org | webhook https://localhost:{secure.server_port}/\n"
            ),
            env={"SECRET": "x"},
        )
        ran, mailed, refused = daemon.call("alert.test", instance="all")
        self.assertEqual((ran["outcome"], mailed["outcome"], refused["outcome"]), ("done", "done", "failed"), (ran, mailed))
        self.assertIn("certificate verify failed", refused["error"])
        occasion, rest = (self.folder / "told").read_text().split(" no-secret ")
        self.assertEqual((occasion, json.loads(rest)["alert"]), ("test", "all"))
        self.assertIn("Subject: all: a test firing", MailBox.mails[0])
        daemon.call("bus.publish", subject="custom.temp", data=31.5)
        (signed, first), (_, again) = (Hook.posted.get(timeout=PATIENCE) for _ in range(2))
        self.assertEqual((first, signed), (again, signature("s3cret", again)))
        self.assertEqual(json.loads(again)["value"], 31.5)
