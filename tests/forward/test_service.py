"""A section that sends on what a recorder on real files holds, to a server that the test plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectError
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.posting import MOST_SHOWN
from netd.errors import ConfigErrors
from netd.forward.sending import MOST_SKIPPED, LineSending
from netd.forward.service import ForwardService
from netd.log import LogLimiter
from netd.testing import MemoryDisk, MemoryState, ServiceKindTests, configured, prepared, reload, result_of
from tests.forward.server import KIND, FakeServer, forward_config
from tests.recorder.kind import RecorderTestCase
from tests.tls import make_certificate

URL = "url = http://127.0.0.1:8086/write?db=lab"


class ForwardKindTests(ServiceKindTests, SynchronousTestCase):
    """A forward keeps what every kind of service must keep."""

    kind = KIND

    def _config(self) -> Any:
        return forward_config(URL)


class ForwardTestCase(RecorderTestCase):
    """The fixture: a recorder, and what sends on from it."""

    options = ("record = custom.>, session.>",)

    def setUp(self) -> None:
        super().setUp()
        self.server = FakeServer()
        self.disk = MemoryDisk()
        self.state: Any = None
        self.forward: Any = None
        self.keepers: list[Any] = [self.service]
        self.addCleanup(self.end)
        self.begin()

    def begin(self, *options: str) -> None:
        """Start sending."""
        config = forward_config(URL, "subjects = custom.>", *options)
        self.forwarding = LineSending(
            "forward", config, None, "", self.reactor, self.bus.wall, lambda: 0.999999, LogLimiter(self.reactor.seconds)
        )
        self.forward = ForwardService(self.forwarding, self.reactor, self.bus, lambda _reactor, _authorities: self.server)
        self.forward.use_keepers(lambda: self.keepers)
        self.state = MemoryState(self.reactor, self.bus.wall, self.disk)
        self.state.join("forward.main", self.forward)
        self.forward.startService()
        self.reactor.advance(0)

    def end(self) -> None:
        """Stop sending; the recorder goes on."""
        if self.forward is not None:
            self.forward.stopService()
            result_of(self.state.close())
            self.forward = None

    def say(self, *values: float, subject: str = "custom.x") -> None:
        """Publish values."""
        for value in values:
            self.publish(value, subject)

    def states(self) -> list[str]:
        """The states that were told."""
        return [event.state for event in self.bus.events("forward.main.state")]  # type: ignore[attr-defined]


class SendingTests(ForwardTestCase):
    def test_sent(self) -> None:
        """What is published is sent within a second, in order, once; nothing is asked while nothing comes."""
        self.say(1, 2, 3)
        self.publish({"open": True}, "custom.door")
        self.publish(5.0, "session.main.a.b")
        self.reactor.advance(1)
        self.assertEqual([point.fields for point in self.server.points[:3]], [{"value": 1.0}, {"value": 2.0}, {"value": 3.0}])
        self.assertEqual(self.server.points[3].fields, {"open": 1.0})
        self.reactor.pump([1] * 10)
        url, headers = self.server.asked[0]
        self.assertEqual((len(self.server.asked), url), (1, "http://127.0.0.1:8086/write?db=lab&precision=u"))
        self.assertNotIn("Authorization", headers)
        self.say(4)
        self.reactor.advance(1)
        self.assertEqual(self.server.points[-1].fields, {"value": 4.0})
        status = self.forward.status()
        self.assertEqual((status.state, status.counters["lines"]), ("sending", {"sent": 5, "skipped": 0}))
        self.assertEqual(status.work[0].what, "sends to http://127.0.0.1:8086")
        self.assertLess(status.lag, 2)

    def test_outage(self) -> None:
        """While the server is away nothing is lost: tries become rarer, and then everything comes in order, in batches."""
        self.server.answers = [ConnectError(), (503, "busy"), None, (429, "slow down")]
        reload(self.forward, forward_config(URL, "subjects = custom.>", "batch = 4", "timeout = 5s"))
        self.say(0)
        self.reactor.advance(1)
        for number in range(1, 10):
            self.say(number)
            self.reactor.advance(1)
        self.assertEqual((self.states(), self.forward.status().state), (["waiting"], "waiting"))
        self.reactor.pump([1] * 60)
        self.assertEqual(self.server.values, [])
        self.assertIn("429 Word: slow down", self.forward.status().reason)
        self.assertGreater(self.forward.status().lag, 60)
        self.reactor.pump([1] * 90)
        self.assertEqual(self.server.values, [float(number) for number in range(10)])
        self.assertEqual((self.states(), self.server.open), (["waiting", "behind", "sending"], 0))
        self.assertLess(self.forward.status().lag, 2)
        self.assertLess(len(self.server.asked), 10)

    def test_restart(self) -> None:
        """After a restart, sending goes on where it was; what was recorded meanwhile is sent, too."""
        self.say(1)
        self.reactor.advance(1)
        self.server.answers = [ConnectError()]
        self.say(2)
        self.reactor.advance(1)
        self.end()
        self.say(3)
        self.reactor.advance(600)
        self.begin()
        self.reactor.advance(1)
        self.assertEqual(self.server.values, [1.0, 2.0, 3.0])

    def test_crash(self) -> None:
        """After a crash some lines are sent again, which are the same ones."""
        self.reactor.advance(60)
        self.say(1, 2)
        self.reactor.advance(1)
        self.forward.stopService()
        self.disk.refuses = OSError(5, "no power")
        result_of(self.state.close())
        self.disk.refuses = None
        self.begin()
        self.reactor.advance(1)
        self.assertEqual(len(self.server.points), 4)
        self.assertEqual(self.server.points[:2], self.server.points[2:])

    def test_first_start(self) -> None:
        """What was recorded before the section was there is not sent."""
        self.end()
        self.disk = MemoryDisk()
        self.say(1)
        self.reactor.advance(60)
        self.begin()
        self.say(2)
        self.reactor.advance(1)
        self.assertEqual(self.server.values, [2.0])

    def test_clock_set_back(self) -> None:
        """After the wall clock was set back, what comes is sent; what has the same times is sent again."""
        self.say(1)
        self.reactor.advance(1)
        self.bus.wall.step(-3600)
        self.say(2)
        self.reactor.advance(1)
        self.assertIn(2.0, self.server.values)
        self.end()
        self.bus.wall.step(-3600)
        self.begin()
        self.say(3)
        self.reactor.advance(1)
        self.assertIn(3.0, self.server.values)

    def test_behind(self) -> None:
        """A server that is too slow is told."""
        self.server.answers = [None]
        reload(self.forward, forward_config(URL, "subjects = custom.>", "timeout = 5m"))
        self.say(1)
        self.reactor.pump([1] * 70)
        self.assertEqual(self.states(), ["behind"])

    def test_recorder_away(self) -> None:
        """Without a recorder, or with one that cannot write, sending waits, and nothing is passed over."""
        self.keepers.clear()
        self.say(1)
        self.reactor.advance(1)
        self.assertIn("there is none", self.forward.status().reason)
        self.keepers.append(self.service)
        self.kind.threads.is_held = True
        self.say(2)
        self.reactor.pump([1] * 5)
        reason = self.forward.status().reason
        self.kind.threads.is_held = False
        self.kind.threads.work()
        self.assertIn("cannot write", reason)
        self.reactor.pump([1] * 60)
        self.assertEqual((self.server.values, self.forward.status().state), ([1.0, 2.0], "sending"))

    def test_internal_error(self) -> None:
        """A mistake of netd's own is logged, and sending goes on."""
        self.keepers[:] = [type("Broken", (), {})()]
        self.reactor.advance(1)
        self.assertIn("internal error (AttributeError)", self.forward.status().reason)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.keepers[:] = [self.service]
        self.say(1)
        self.reactor.pump([1] * 5)
        self.assertEqual(self.server.values, [1.0])


class RefusalTests(ForwardTestCase):
    def test_bad_line(self) -> None:
        """A line that the server does not take is left out, and told; all others come."""
        self.server.bad = "unit\\ bad"
        self.say(*range(5))
        self.publish({"unit bad": 1}, "custom.y")
        self.say(*range(5, 10))
        self.reactor.advance(1)
        self.assertEqual(self.server.values, [float(number) for number in range(10)])
        status = self.forward.status()
        self.assertEqual(status.counters["lines"], {"sent": 10, "skipped": 1})
        self.assertIn("custom,subject=y unit\\ bad=1.0", status.last_skipped)

    def test_partial_write(self) -> None:
        """What the server has left out of a batch is counted, and not sent again."""
        self.server.answers = [(400, '{"error":"partial write: field type conflict dropped=1"}')]
        self.say(1, 2)
        self.reactor.pump([1] * 3)
        self.assertEqual((len(self.server.asked), self.forward.status().counters["lines"]), (1, {"sent": 1, "skipped": 1}))

    def test_many_bad_lines(self) -> None:
        """The rest of a batch is given up after many bad lines, if the server has taken any before."""
        self.say(-1)
        self.reactor.advance(1)
        self.server.bad = "subject=bad"
        self.say(*range(MOST_SKIPPED * 3), subject="custom.bad")
        self.reactor.advance(1)
        self.assertEqual(self.forward.status().counters["lines"], {"sent": 1, "skipped": MOST_SKIPPED * 3})
        self.say(7)
        self.reactor.advance(1)
        self.assertEqual(self.server.values, [-1.0, 7.0])

    def test_nothing_is_taken(self) -> None:
        """While a server has never taken anything, its refusals are no reason to give up what waits."""
        self.server.answers = [(400, "no such bucket")] * 1000
        self.say(*range(MOST_SKIPPED * 3))
        self.reactor.advance(1)
        self.assertEqual(self.forward.status().state, "refused")
        self.server.answers.clear()
        self.reactor.pump([1] * 60)
        self.assertEqual(len(self.server.values), MOST_SKIPPED * 2)

    def test_wrong_token(self) -> None:
        """A server that refuses the token is asked again; another token and another address come with a reload."""
        self.server.answers = [(401, "x" * (MOST_SHOWN + 1))]
        self.say(1)
        self.reactor.advance(1)
        self.assertEqual((self.states(), self.server.values), (["refused"], []))
        self.assertIn("see token_file", self.forward.status().reason)
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        secret = folder / "token"
        secret.write_text("s3cret\n")
        secret.chmod(0o600)
        other = ("url = https://127.0.0.1/api/v2/write?org=lab&bucket=x", f"token_file = {secret}", "gzip = no")
        reload(self.forward, forward_config(*other, "subjects = custom.>"))
        url, headers = self.server.asked[-1]
        self.assertEqual((url, self.server.values), ("https://127.0.0.1/api/v2/write?org=lab&bucket=x&precision=us", [1.0]))
        self.assertEqual((headers["Authorization"], "Content-Encoding" in headers), ("Token s3cret", False))
        secret.write_text("other\n")
        reload(self.forward, forward_config(*other, "subjects = custom.>"))
        self.say(2)
        self.reactor.advance(1)
        self.assertEqual(self.server.asked[-1][1]["Authorization"], "Token other")
        secret.chmod(0o644)
        self.assertTrue(prepared(self.forward, forward_config(*other)).mistakes)


class OptionTests(SynchronousTestCase):
    def objections(self, *lines: str) -> str:
        """What is wrong with a section."""
        try:
            found = forward_config(*lines)
        except ConfigErrors as error:
            return str(error)
        return "\n".join(f"{name}: {why}" for name, why in found.objections())

    def test_addresses(self) -> None:
        """A mistake in the address is told with its remedy."""
        cases = {
            "influx:8086": "write http://HOST:8086/write",
            "http://lab:x/write": "is no URL",
            "http://lab/wr ite": "%20",
            "http://u:p@lab/write": "token_file",
            "http://lab/write?db=x&p=secret": "token_file",
            "http://lab/write?precision=ms": "leave it out",
            "http://lab/write#x": "leave it out",
            "http://lab:8086": "/api/v2/write",
        }
        for url, remedy in cases.items():
            self.assertIn(remedy, self.objections(f"url = {url}"))
            self.assertNotIn("p=secret", self.objections(f"url = {url}"))
        self.assertEqual(self.objections("url = http://[::1]:8428/write"), "")
        self.assertIn("subjects", self.objections(URL, "subjects = a..b"))

    def test_files(self) -> None:
        """A token that others could read, on the disk or on the network, and an authority that is none are told."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        secret, authority = folder / "token", folder / "ca.pem"
        self.assertIn("no such file", self.objections(URL, f"token_file = {secret}"))
        secret.write_text("a\nb")
        secret.chmod(0o600)
        self.assertIn("holds no token", self.objections(URL, f"token_file = {secret}"))
        secret.write_text("s3cret")
        self.assertEqual(self.objections("url = http://localhost/write", f"token_file = {secret}"), "")
        self.assertIn("write https://", self.objections("url = http://lab/write", f"token_file = {secret}"))
        secure = "url = https://lab/write"
        self.assertIn("cafile", self.objections(secure, f"cafile = {authority}"))
        make_certificate(authority)
        self.assertEqual(self.objections(secure, f"cafile = {authority}"), "")
        self.assertIn("does nothing without TLS", self.objections(URL, f"cafile = {authority}"))

    def test_needs_a_recorder(self) -> None:
        """Without a recorder there is nothing to send on."""
        error = self.assertRaises(ConfigErrors, configured, KIND, URL)
        self.assertIn("[recorder]", str(error))
