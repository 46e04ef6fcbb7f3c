"""Browsers, scanners and clients of TLS on ports that are none of theirs: all services, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.stranger import ALERT
from netd.kinds import ServiceKind
from netd.testing import Connection, connect, wired

REQUEST = (
    b"POST /x?token=secret HTTP/1.1\r\nHost: 127.0.0.1:65432\r\nOrigin: http://evil.example\r\nContent-Length: 24\r\n\r\n"
    b'{"command_id": "ping"}\n\n'
)
HELLO = bytes.fromhex("16030100f8010000f40303") + b"x" * 200

FUNCTIONS = """
from netd.command import command
called = []
@command("ping")
def ping():
    called.append(1)
"""


def bytewise(text: bytes) -> list[bytes]:
    """Each byte for itself."""
    return [text[at : at + 1] for at in range(len(text))]


class StrangersTests(SynchronousTestCase):
    def start(self, kind: str) -> Any:
        """The factory of a service of that kind."""
        options: dict[str, Any] = {}
        if kind == "command":
            self.functions = Path(self.mktemp()).absolute().with_suffix(".py")
            self.functions.parent.mkdir(parents=True, exist_ok=True)
            self.functions.write_text(FUNCTIONS)
            options = {"functions": (str(self.functions),), "persistent": True}
        found = ServiceKind(kind, f"netd.{kind}")
        self.service, factory, self.reactor, self.bus = wired(found, found.config(**options))
        return factory

    def meet(self, factory: Any, *pieces: bytes) -> tuple[Connection, bytes, list[LogEvent]]:
        """A peer that says *pieces*, as long as it is let: the connection, the answer, and the log lines."""
        stranger, answer = connect(factory, self.reactor), b""
        with capturedLogs() as events:
            for piece in pieces:
                if stranger.is_closing:
                    break
                answer += stranger.say(piece)
        return stranger, answer, [event for event in events if "excerpt" in event]

    def test_requests(self) -> None:
        """A request is answered 400 in words, logged with the page it came from and without its secrets, and closed."""
        for kind in ("relay", "session", "command", "room"):
            factory = self.start(kind)
            for pieces in ([REQUEST], bytewise(REQUEST), [REQUEST[:3], REQUEST[3:]]):
                stranger, answer, events = self.meet(factory, *pieces)
                self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), (kind, answer))
                self.assertIn(f"This port is [{kind}] of netd, which speaks no HTTP.".encode(), answer)
                self.assertTrue(stranger.is_closing)
                if len(pieces) == 1:
                    (event,) = events
                    self.assertEqual(("an HTTP request", b"POST /x"), (event["kind"], event["excerpt"]))
                stranger.lose()
            self.assertEqual(3, factory.tally.refused["an HTTP request"])

    def test_log_names_the_page(self) -> None:
        """Whoever looks into the log sees which web page does that."""
        _stranger, _answer, events = self.meet(self.start("relay"), REQUEST)
        self.assertEqual("this service does not speak HTTP; a web page of http://evil.example sent the request", events[0]["why"])

    def test_body_is_not_run(self) -> None:
        """No page can run a command by a line in the body of its request, not on a port that keeps connections either."""
        factory = self.start("command")
        called = self.service._commands.find("ping").function.__globals__["called"]
        for pieces in ([REQUEST], bytewise(REQUEST), [REQUEST[:40], REQUEST[40:]]):
            self.meet(factory, *pieces)
        self.assertEqual([], called)
        _program, answer, _events = self.meet(factory, b'{"command_id": "ping"}\n')
        self.assertIn(b"success", answer)
        self.assertEqual([1], called)

    def test_no_bot(self) -> None:
        """A browser does not become a bot; a bot whose name could be a method does, as soon as it is said."""
        factory = self.start("room")
        self.meet(factory, REQUEST)
        self.assertEqual([], self.service.list_rooms().rows)
        for name in (b"GET", b"G", b"PUT", b"Gertrud"):
            bot, _, _ = self.meet(factory, name)
            self.reactor.advance(0.3)
            self.assertIn(b"Bot: %b has been sucessfully connected" % name, bot.heard())

    def test_capitals(self) -> None:
        """What a bot in capitals says after its name is not put together with it to a request."""
        factory = self.start("room")
        for name, said in ((b"LARS", b"GET OUT OF HERE"), (b"HAL 9000", b" HTTP/1.1 is what I speak")):
            bot, _, _ = self.meet(factory, name)
            self.reactor.advance(0.3)
            self.assertIn(b"sucessfully connected", bot.heard())
            bot.say(said)
            self.assertFalse(bot.is_closing)

    def test_handshakes(self) -> None:
        """A TLS handshake gets an alert, which its client understands, on every plain port, web or not; the log says why."""
        for kind in ("relay", "session", "command", "room", "feed"):
            factory = self.start(kind)
            for pieces in ([HELLO], bytewise(HELLO)):
                stranger, answer, events = self.meet(factory, *pieces)
                self.assertEqual((ALERT, True), (answer, stranger.is_closing), kind)
                self.assertLessEqual({event["why"] for event in events}, {"this port does not speak TLS"})
            self.assertEqual(2, factory.tally.refused["a TLS handshake"])

    def test_limited(self) -> None:
        """A page that goes on and on does not fill the log."""
        factory = self.start("relay")
        lines = sum(len(self.meet(factory, REQUEST)[2]) for _ in range(100))
        self.assertLess(lines, 10)
