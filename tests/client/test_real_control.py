"""Tests of :mod:`netd.client.control` over a real unix socket, with a small server in a thread."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client.control import Control, ControlError, ControlTimeout, Lost, NoSuchTarget, NotRunning, SocketForbidden

Answer = Callable[[dict[str, Any], socket.socket], None]


def say(connection: socket.socket, **members: Any) -> None:
    """Answer."""
    connection.sendall(json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n")


class Server:
    """Answers one connection after the other, in a thread, until it is closed.

    :param answer: called with each request and the connection that it came by.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    self._answer(json.loads(line), connection)

    def close(self) -> None:
        """Stop listening, and wait for the thread; connections must have ended."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


class RealControlTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))  # a socket's path must be short
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "control.sock"

    def control(self, answer: Answer, timeout: float = 10.0) -> Control:
        """A control connected to a server that answers so."""
        self.addCleanup(Server(self.path, answer).close)
        control = Control(self.path, timeout)
        self.addCleanup(control.close)
        return control

    def test_calls(self) -> None:
        """Requests and answers travel whole, long ones and errors included."""

        def echo(request: dict[str, Any], connection: socket.socket) -> None:
            if request["method"] == "fail":
                say(connection, id=request["id"], error={"code": -32001, "message": "no device"})
            else:
                say(connection, id=request["id"], result=[request["method"], request["params"]])

        control = self.control(echo)
        text = "grün " * 50_000
        self.assertEqual(control.call("echo", text=text), ["echo", {"text": text}])
        self.assertRaises(NoSuchTarget, control.call, "fail")
        self.assertEqual(control.call("again"), ["again", {}])

    def test_dribble(self) -> None:
        """An answer that comes byte by byte is one answer."""

        def dribble(request: dict[str, Any], connection: socket.socket) -> None:
            for byte in json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "ok"}).encode() + b"\n":
                connection.sendall(bytes([byte]))

        self.assertEqual(self.control(dribble).call("x"), "ok")

    def test_silent(self) -> None:
        """A daemon that never answers is waited for as long as was said, and no longer."""
        control = self.control(lambda request, connection: None, timeout=0.05)
        self.assertRaises(ControlTimeout, control.call, "x")

    def test_stop(self) -> None:
        """The end of a daemon is noticed."""

        def stop(request: dict[str, Any], connection: socket.socket) -> None:
            say(connection, id=request["id"], result={"status": "stopping"})
            connection.shutdown(socket.SHUT_RDWR)

        control = self.control(stop)
        control.call("system.stop")
        control.wait_closed()

    def test_lost(self) -> None:
        """A daemon that ends instead of answering is told as that."""
        control = self.control(lambda request, connection: connection.shutdown(socket.SHUT_RDWR))
        self.assertRaises(Lost, control.call, "x")

    def test_not_running(self) -> None:
        """No socket, or one that a dead daemon left behind: netd is not running here."""
        with self.assertRaisesRegex(NotRunning, "no socket at"):
            Control(self.path).call("x")
        left = socket.socket(socket.AF_UNIX)
        left.bind(str(self.path))
        left.close()
        with self.assertRaisesRegex(NotRunning, "nobody listens at"):
            Control(self.path).call("x")

    def test_path_too_long(self) -> None:
        """A path that no socket can have is a clear error."""
        with self.assertRaisesRegex(ControlError, "cannot open the control socket"):
            Control(self.folder / ("x" * 200)).call("x")

    def test_forbidden(self) -> None:
        """Another user's daemon is out of reach, and the error says whose help is needed."""
        Server(self.path, lambda request, connection: None).close()
        self.path.chmod(0o600)
        self.folder.chmod(0o711)
        child = os.fork()
        if child == 0:
            os._exit(self._as_nobody())
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)

    def _as_nobody(self) -> int:
        """Whether the socket is forbidden to a user who is neither its owner nor root; 0 means yes."""
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            else:
                self.path.chmod(0)
            Control(self.path).call("x")
        except SocketForbidden:
            return 0
        except BaseException:
            return 1
        return 2
