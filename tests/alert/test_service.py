"""An alert from its section: the bus, the clock, and what is done."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionAborted, ProcessDone, ProcessTerminated
from twisted.internet.testing import AccumulatingProtocol, MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from netd.alert.acting import Acting
from netd.alert.config import Config
from netd.alert.mail import MailServer
from netd.alert.service import AlertService
from netd.alert.webhook import signature
from netd.bus.subject import covers
from netd.codec.jsontext import to_plain
from netd.codec.samples import Samples, SampleTaken
from netd.connection.posting import MOST_ANSWER, QuietPool
from netd.errors import ConfigErrors, InvalidArguments
from netd.kinds import ServiceKind
from netd.log import LogLimiter
from netd.message import Message
from netd.reaction.delivery import Deliveries, DeliveryFailed
from netd.redaction import LONGEST
from netd.testing import (
    MemoryDisk,
    MemoryState,
    RecordingBus,
    ServiceKindTests,
    WallClock,
    configured,
    make_caller,
    prepared,
    reload,
    result_of,
)
from netd.threads import Threads

KIND = ServiceKind("alert", "netd.alert")
TEMP = "session.main.greenhouse.temp"
HOT = f"when = {TEMP} > 30"


class AlertKindTests(ServiceKindTests, SynchronousTestCase):
    """An alert keeps what every kind of service must keep."""

    kind = KIND
    options = (HOT, "then = publish custom.alarm")


class FakeAgent:
    """Posts nothing, and says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, dict[bytes, list[bytes]], bytes]] = []
        self.codes: list[int | Exception] = []

    def request(self, method: bytes, url: bytes, headers: Any, body: Any) -> Deferred[Any]:
        """Answer with the next code, or 200."""
        assert method == b"POST"
        told: list[bytes] = []
        body.startProducing(type("Consumer", (), {"write": staticmethod(told.append)}))
        self.asked.append((url, dict(headers.getAllRawHeaders()), b"".join(told)))
        code = self.codes.pop(0) if self.codes else 200
        if isinstance(code, Exception):
            failed: Deferred[Any] = Deferred()
            failed.errback(code)
            return failed
        answer = type("Response", (), {"code": code, "phrase": b"Word", "deliverBody": lambda _self, _protocol: None})
        return succeed(answer())


class Processes:
    """Runs nothing, and keeps what was to be run."""

    def __init__(self) -> None:
        self.spawned: list[tuple[Any, ...]] = []
        self.written = b""
        self.signals: list[str] = []
        self.error: OSError | None = None

    def spawn(self, protocol: Any, path: str, words: list[str], environment: dict[str, str], directory: str) -> None:
        """In place of ``reactor.spawnProcess``."""
        if self.error is not None:
            raise self.error
        self.spawned.append((protocol, path, words, environment, directory))
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        """The standard input."""
        self.written += data

    def closeStdin(self) -> None:  # noqa: N802 - Twisted's name
        """Do nothing."""

    def loseConnection(self) -> None:
        """Do nothing."""

    def signalProcess(self, name: str) -> None:  # noqa: N802 - Twisted's name
        """Keep the signal."""
        self.signals.append(name)


class MailThreads:
    """A thread that is done at once."""

    is_busy = False

    def run(self, function: Any, report: Any) -> object | None:
        """Call *function*, unless all threads are busy."""
        if self.is_busy:
            return None
        try:
            report(function())
        except DeliveryFailed:
            report(Failure())
        return self

    def stop(self) -> None:
        """Do nothing."""


class AlertTestCase(SynchronousTestCase):
    """An alert whose network, programs and threads are the test."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.reactor = MemoryReactorClock()
        self.bus = RecordingBus(WallClock(self.reactor))
        self.disk = MemoryDisk()
        self.state = MemoryState(self.reactor, self.bus.wall, self.disk)
        self.agent, self.processes, self.threads = FakeAgent(), Processes(), MailThreads()
        self.mails: list[tuple[MailServer, Any]] = []
        self.addCleanup(lambda: self.assertFalse(self.bus.wants(TEMP)))  # the last one: all alerts have ended then

    def config(self, *lines: str) -> Config:
        """The section, in the test's directory."""
        import attrs

        config: Config = configured(KIND, *lines)
        return attrs.evolve(config, instance="hot", directory=self.directory)

    def start(self, *lines: str) -> AlertService:
        """The alert of a section."""
        config = self.config(*lines)
        threads: Any = self.threads
        acting = Acting(config, self.bus, self.agent, self.processes.spawn, threads, lambda *sent: self.mails.append(sent))
        limiter = LogLimiter(self.reactor.seconds)
        deliveries = Deliveries("alert:hot", self.reactor, acting.attempt, lambda: 1.0, limiter)
        service = AlertService(config, acting, deliveries, self.reactor, self.bus)
        self.state.join("alert.hot", service)
        service.startService()
        self.addCleanup(self._leaves_nothing, service)
        return service

    def kill(self, service: AlertService, after: float = 0.0) -> None:
        """End the daemon without a word to its disk, and have so many seconds pass. The monotonic clock begins anew."""
        result_of(service.stopService())
        for call in self.reactor.getDelayedCalls():
            call.cancel()
        wall, self.reactor = self.bus.wall(), MemoryReactorClock()
        self.bus = RecordingBus(WallClock(self.reactor))
        self.bus.wall.step(wall + after - self.bus.wall())  # type: ignore[attr-defined]
        self.state = MemoryState(self.reactor, self.bus.wall, self.disk)

    def _leaves_nothing(self, service: AlertService) -> None:
        result_of(service.stopService())
        result_of(self.state.close())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def publish(self, *values: Any, subject: str = TEMP) -> None:
        """Publish samples, several in one message."""
        batch = values if len(values) > 1 else None
        self.bus.publish(Message(subject, values[-1], batch=batch))

    def states(self, subject: str = f"alert.hot.{TEMP}") -> list[Any]:
        """The states on the bus."""
        return [(event.occasion, event.state) for event in self.bus.events(subject)]  # type: ignore[attr-defined]

    def script(self, mode: int = 0o755) -> Path:
        """A program."""
        path = self.directory / "tell"
        path.write_text("#!/bin/sh\n")
        path.chmod(mode)
        return path


class RestartTests(AlertTestCase):
    def test_goes_on(self) -> None:
        """After a crash, an alert neither fires anew nor posts: state, times and acknowledgement are those of before."""
        lines = (HOT, "then = publish custom.alarm")
        service = self.start(*lines)
        self.publish(31.0)
        fired = self.bus.wall()
        self.reactor.advance(5)
        service.acknowledge(make_caller())
        by = service.list().subjects[0].by
        self.reactor.advance(0)
        self.kill(service, after=100)
        service = self.start(*lines)
        self.assertEqual(self.states(), [("restored", "acknowledged")])
        self.publish(32.0)
        [subject] = service.list().subjects
        self.assertEqual(("acknowledged", 32.0, fired, by), (subject.state, subject.value, subject.since, subject.by))
        self.assertAlmostEqual(105.0, subject.held_for)
        self.publish(1.0)
        self.assertEqual(self.states(), [("restored", "acknowledged"), ("over", "quiet")])
        self.assertEqual(self.bus.events(f"alert.hot.{TEMP}")[-1].since, fired)  # type: ignore[attr-defined]
        self.reactor.advance(1)
        self.kill(service)
        service = self.start(*lines)
        self.assertEqual((self.states(), self.disk.load("alert.hot", "alarm")), ([], []))

    def test_repeats_go_on(self) -> None:
        """What was told is told again when it is due, which may have been while netd was away."""
        service = self.start(HOT, "repeat = 1h")
        self.publish(31.0)
        self.reactor.advance(600)
        self.kill(service, after=600)
        service = self.start(HOT, "repeat = 1h")
        self.reactor.advance(2399)
        self.assertEqual(self.states(), [("restored", "firing")])
        self.reactor.advance(1)
        self.assertEqual(self.states()[1:], [("repeated", "firing")])
        self.reactor.advance(1)
        self.kill(service, after=7200)
        self.start(HOT, "repeat = 1h")
        self.reactor.advance(0)
        self.assertEqual(self.states()[1:], [("repeated", "firing")])

    def test_waits_to_be_acknowledged(self) -> None:
        """An alert that somebody has to acknowledge outlives netd, unless nobody has to any more."""
        lines = (f"when = {TEMP} silent for 5m", "until = acknowledged")
        service = self.start(*lines)
        self.reactor.advance(300)
        self.publish(1.0)
        self.reactor.advance(1)
        self.kill(service)
        service = self.start(*lines)
        self.reactor.advance(299)
        self.assertEqual(self.states(), [("restored", "unacknowledged")])
        self.kill(service)
        self.start(lines[0])
        self.assertEqual(self.states(), [])

    def test_silence_and_rate(self) -> None:
        """A silence lasts over a restart, whatever was said last before it. A rate holds until its time is over."""
        for condition, events in (("silent for 5m", 0), ("more than 2 in 1m", 3)):
            service = self.start(f"when = {TEMP} {condition}")
            for _ in range(events):
                self.publish(1.0)
            self.reactor.advance(300 if not events else 1)
            self.reactor.advance(1)
            self.kill(service)
            self.publish(1.0)  # as what is kept of custom.> is there at once
            service = self.start(f"when = {TEMP} {condition}")
            self.reactor.advance(59)
            self.assertEqual(self.states(), [("restored", "firing")], condition)
            if events:
                self.reactor.advance(1)
            else:
                self.publish(2.0)
            self.assertEqual(self.states()[1:], [("over", "quiet")], condition)
            self.reactor.advance(1)
            self.kill(service)

    def test_begins_anew(self) -> None:
        """Another condition begins anew, and so does a condition that did not hold for long enough."""
        service = self.start(f"{HOT} for 1m")
        self.publish(31.0)
        self.reactor.advance(30)
        self.kill(service)
        service = self.start(f"{HOT} for 1m")
        self.assertEqual(service.list().subjects, [])
        self.publish(31.0)
        self.reactor.advance(60)
        self.reactor.advance(1)
        self.kill(service)
        service = self.start(f"{HOT} for 2m")
        self.assertEqual(self.states(), [("restored", "firing")])
        self.reactor.advance(2)
        self.kill(service)
        self.disk.commit([("alert.hot", "alarm", "custom.x", self.bus.wall(), '{"state":"loud"}')])
        service = self.start(f"when = {TEMP} > 29")
        self.assertEqual((self.states(), service.list().subjects), ([], []))

    def test_clock_that_begins_in_1970(self) -> None:
        """On a board without a battery, what was before is not still to come."""
        service = self.start(HOT, "repeat = 1h")
        self.publish(31.0)
        self.reactor.advance(10)
        self.kill(service, after=-1e9)
        service = self.start(HOT, "repeat = 1h")
        self.assertEqual(service.list().subjects[0].held_for, 0.0)
        self.reactor.advance(3600)
        self.assertEqual(self.states()[1:], [("repeated", "firing")])


class ServiceTests(AlertTestCase):
    def test_states_on_the_bus(self) -> None:
        """A state is an event of the subject, under the alert's name, with value and time; a spike in a batch is seen."""
        self.start(HOT)
        self.reactor.advance(5)
        self.publish(20.0, 31.5, 20.0)
        fired, over = self.bus.events(f"alert.hot.{TEMP}")
        now = self.bus.wall()
        self.assertEqual(
            to_plain(fired),
            {
                "alert": "hot",
                "subject": TEMP,
                "state": "firing",
                "occasion": "fired",
                "value": 31.5,
                "when": f"{TEMP} > 30",
                "since": now,
                "by": "",
                "time": now,
            },
        )
        self.assertEqual((over.state, over.since), ("quiet", now))  # type: ignore[attr-defined]
        self.assertTrue(covers("alert.hot.>", f"alert.hot.{TEMP}"))

    def test_reads_of_an_agent(self) -> None:
        """A read of an agent holds numbers, and the agent's times where it gives some; conditions see both."""
        self.start(HOT)
        samples = Samples(5.0, [20.0, 31.0], [100.0, 200.0])
        self.bus.publish(Message(TEMP, SampleTaken(31.0, 5.0, 200.0), batch=samples))
        self.assertEqual(self.states(), [("fired", "firing")])
        late = self.start("when = custom.x agent_time > 150")
        self.bus.publish(Message("custom.x", SampleTaken(31.0, 5.0, 200.0), batch=samples))
        self.assertEqual(late.list().subjects[0].value, 200.0)

    def test_state_before_the_start(self) -> None:
        """What is true when the alert starts fires: the newest events are looked at."""
        self.publish(35.0)
        self.start(HOT)
        self.assertEqual(self.states(), [("fired", "firing")])

    def test_for_and_clock(self) -> None:
        """The time is the monotonic clock's: setting the wall clock neither fires the alert nor delays it."""
        self.start(f"{HOT} for 2m")
        self.publish(31.0)
        self.bus.wall.step(7200)  # type: ignore[attr-defined]
        self.reactor.advance(119)
        self.bus.wall.step(-90000)  # type: ignore[attr-defined]
        self.assertEqual(self.states(), [])
        self.reactor.advance(1)
        self.assertEqual(self.states(), [("fired", "firing")])

    def test_silence(self) -> None:
        """A named subject that never speaks is silent; its first word ends the alert. The timer is not set with each event."""
        self.start(f"when = {TEMP} silent for 5m")
        for _ in range(10):
            self.reactor.advance(60)
            self.publish(1.0)
            self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.reactor.advance(299)
        self.assertEqual(self.states(), [])
        self.reactor.advance(1)
        self.publish(2.0)
        self.assertEqual(self.states(), [("fired", "firing"), ("over", "quiet")])

    def test_own_events(self) -> None:
        """No alert watches alerts, also where its pattern matches them all."""
        self.start("when = > state = firing")
        self.publish({"state": "firing"}, subject="custom.x")
        self.assertEqual(self.states("alert.hot.custom.x"), [("fired", "firing")])
        self.assertFalse([one for one in self.bus.messages if one.subject.startswith("alert.hot.alert")])

    def test_other_nodes(self) -> None:
        """An alert watches its own node, and of others what it names, or what they publish under ``custom``, which all share."""
        far, shared = "session.main@north.lamp.temp", "custom.temp"
        for subject in (far, shared):
            self.bus.publish(Message(subject, 31.0, origin="north"))
        self.start("when = session.*.lamp.temp > 30")
        self.bus.publish(Message(far, 32.0, origin="north"))
        self.assertEqual(self.bus.interests(), {})
        self.assertEqual(self.states(f"alert.hot.{far}"), [])
        for subject in (far, shared):
            self.start(f"when = {subject} > 30")
            self.assertEqual(self.states(f"alert.hot.{subject}"), [("fired", "firing")])

    def test_webhook(self) -> None:
        """The event is posted as JSON, signed with the secret; the end of the alert is posted, too."""
        secret = self.directory / "secret"
        secret.write_text("s3cret\n")
        secret.chmod(0o600)
        self.start(HOT, "then = webhook https://example.org/hook", "secret = secret")
        self.publish(31.0)
        self.publish(1.0)
        (url, headers, body), (_, _, end) = self.agent.asked
        self.assertEqual(url, b"https://example.org/hook")
        self.assertEqual(json.loads(body), to_plain(self.bus.events(f"alert.hot.{TEMP}")[0]))
        self.assertEqual(headers[b"X-Netd-Signature"], [signature("s3cret", body).encode()])
        self.assertEqual(json.loads(end)["state"], "quiet")

    def test_webhook_is_quiet(self) -> None:
        """A connection for a webhook leaves no line in the log."""
        made: list[Any] = []
        endpoint = type("Endpoint", (), {"connect": staticmethod(lambda factory: made.append(factory) or Deferred())})()
        QuietPool(self.reactor, persistent=False).getConnection(("https", b"example.org", 443), endpoint)
        self.assertFalse(made[0].noisy)

    def test_endless_answer(self) -> None:
        """A server that sends headers without an end is hung up on."""
        protocol, transport = AccumulatingProtocol(), StringTransport()
        protocol.makeConnection(transport)
        endpoint = type("Endpoint", (), {"connect": staticmethod(lambda factory: succeed(protocol))})()
        QuietPool(self.reactor, persistent=False).getConnection(("https", b"example.org", 443), endpoint)
        for _ in range(100):
            protocol.dataReceived(b"x" * 1000)
        self.assertEqual((len(protocol.data), transport.disconnected), (MOST_ANSWER // 1000 * 1000, True))
        service = self.start(HOT, "then = webhook https://example.org/hook")
        self.agent.codes = [ResponseNeverReceived([Failure(ConnectionAborted())])]
        self.publish(31.0)
        self.assertIn(f"the answer has more than {MOST_ANSWER} bytes", service.status().last_failure)

    def test_webhook_again(self) -> None:
        """A server that fails is asked again, one that refuses is not; the status tells why."""
        service = self.start(HOT, "then = webhook https://example.org/hook")
        self.agent.codes = [503, OSError("no route"), 200, 404]
        self.publish(31.0)
        self.reactor.advance(1)
        self.reactor.advance(2)
        self.assertEqual(len(self.agent.asked), 3)
        self.publish(1.0)
        self.reactor.advance(60)
        self.assertEqual(len(self.agent.asked), 4)
        status = service.status()
        self.assertEqual(status.counters["deliveries"], {"retried": 2, "sent": 1, "failed": 1})
        self.assertEqual(status.last_failure, "webhook https://example.org/…: the answer is 404 Word")

    def test_program(self) -> None:
        """A program gets the event in its environment and as JSON; nothing of the daemon's secrets, and no shell."""
        path = self.script()
        self.patch(__import__("os"), "environ", {"PATH": "/bin", "NETD_TOKEN": "x"})
        service = self.start(HOT, "then = exec ./tell '$(id)' two")
        self.publish(31.0)
        [(protocol, program, words, environment, directory)] = self.processes.spawned
        self.assertEqual((program, words, directory), (str(path), [str(path), "$(id)", "two"], str(self.directory)))
        self.assertEqual((environment["NETD_ALERT_VALUE"], environment["NETD_ALERT_STATE"]), ("31.0", "firing"))
        self.assertNotIn("NETD_TOKEN", environment)
        self.assertEqual(json.loads(self.processes.written)["subject"], TEMP)
        protocol.outReceived(b"x" * 100000)
        protocol.processExited(Failure(ProcessDone(0)))
        self.assertEqual(service.status().counters["deliveries"], {"sent": 1})

    def test_program_fails(self) -> None:
        """A program that fails is told with its last line; one that hangs is killed; one that cannot be run is told."""
        self.script()
        service = self.start(HOT, "then = exec ./tell")
        self.publish(31.0)
        protocol = self.processes.spawned[0][0]
        protocol.errReceived(b"first\nno lamp\n")
        protocol.processExited(Failure(ProcessTerminated(3)))
        self.assertEqual(service.status().last_failure, "exec ./tell: it ended with status 3: no lamp")
        self.publish(1.0)
        self.reactor.advance(30)
        self.assertEqual(self.processes.signals, ["KILL"])
        self.processes.spawned[1][0].processExited(Failure(ProcessTerminated(signal=9)))
        self.processes.error = OSError(8, "Exec format error")
        self.publish(31.0)
        self.assertEqual(service.status().last_failure, "exec ./tell: it cannot be run: Exec format error")
        (self.directory / "tell").unlink()
        self.publish(1.0)
        self.assertEqual(service.status().last_failure, "exec ./tell: there is no such program")

    def test_mail(self) -> None:
        """A mail says what, when and since when, and how it is acknowledged; it leaves in a thread."""
        service = self.start(HOT, "then = mail lab@example.org", "mail_server = mail.example.org:25", "mail_tls = off")
        self.publish(31.0)
        [(server, mail)] = self.mails
        self.assertEqual((server.host, server.port, server.tls), ("mail.example.org", 25, "off"))
        self.assertEqual((mail["To"], mail["Subject"]), ("lab@example.org", f"hot: {TEMP} firing"))
        self.assertIn("`netd alert acknowledge hot`", mail.get_content())
        self.threads.is_busy = True
        self.publish(1.0)
        self.assertEqual(service.status().counters["deliveries"], {"sent": 1, "retried": 1})

    def test_secret_gone(self) -> None:
        """A secret that has gone since the start is told, and looked for again: nothing is posted without a signature."""
        secret = self.directory / "secret"
        secret.write_text("s3cret")
        secret.chmod(0o600)
        service = self.start(HOT, "then = webhook https://example.org/hook", "secret = secret")
        secret.unlink()
        self.publish(31.0)
        self.assertEqual((self.agent.asked, service.status().counters["deliveries"]), ([], {"retried": 1}))

    def test_mail_refused(self) -> None:
        """A mail that the server refuses is told; without a server there is none."""

        def refuse(*_: object) -> None:
            raise DeliveryFailed("the mail server says 550 no", may_pass=False)

        service = self.start(HOT, "then = mail lab@example.org", "mail_server = mail.example.org")
        service._acting.mail = refuse
        self.publish(31.0)
        self.assertEqual(service.status().last_failure, "mail lab@example.org: the mail server says 550 no")
        result_of(service.stopService())
        other = self.start("when = custom.x > 1", "then = mail lab@example.org")
        self.publish(2, subject="custom.x")
        self.assertEqual(other.status().last_failure, "mail lab@example.org: there is no `mail_server`")

    def test_webhook_too_slow(self) -> None:
        """A server that never answers is given up after 30 s, and asked again."""
        self.agent.request = lambda *_: Deferred()  # type: ignore[method-assign]
        service = self.start(HOT, "then = webhook https://example.org/hook")
        self.publish(31.0)
        self.reactor.advance(30)
        self.assertEqual(service.status().counters["deliveries"], {"retried": 1})

    def test_webhook_without_an_answer(self) -> None:
        """Twisted wraps the end of a request that was sent; a test says in plain words that no answer came."""
        service = self.start(HOT, "then = webhook https://example.org/hook")

        def wrapped(*_: object) -> Deferred[Any]:
            return Deferred(lambda asked: asked.errback(ResponseNeverReceived([Failure(CancelledError())])))

        self.agent.request = wrapped  # type: ignore[method-assign]
        tested = service.test()
        self.reactor.advance(30)
        [outcome] = self.successResultOf(tested)
        self.assertEqual((outcome.outcome, outcome.error), ("failed", "not done within 30 s"))

    def test_mail_that_waits_too_long(self) -> None:
        """A mail that waits behind others for 30 s is tried again, and then leaves once."""
        service = self.start(HOT, "then = mail lab@example.org", "mail_server = mail.example.org:25", "mail_tls = off")
        waiting = Threads(self.reactor, 0, 16)
        service._acting.threads = waiting
        self.publish(31.0)
        self.reactor.advance(30)
        self.assertEqual((service.status().counters["deliveries"], waiting.waiting), ({"retried": 1}, 0))

    def test_long_text(self) -> None:
        """A text of any length is no obstacle to a program, whose variables are bounded."""
        self.script()
        service = self.start("when = custom.x != ok", "then = exec ./tell")
        self.publish("x" * 200_000, subject="custom.x")
        [(protocol, _, _, environment, _)] = self.processes.spawned
        self.assertEqual(len(environment["NETD_ALERT_VALUE"]), LONGEST)
        self.assertLess(len(self.processes.written), 1000)
        self.assertEqual(len(service.list().subjects[0].value), LONGEST)
        protocol.processExited(Failure(ProcessDone(0)))

    def test_publish(self) -> None:
        """An event under `custom.` reaches what watches that, such as a feed."""
        self.start(HOT, "then = publish custom.alarm")
        self.publish(31.0)
        [event] = self.bus.events("custom.alarm")
        self.assertEqual(event.state, "firing")  # type: ignore[attr-defined]

    def test_operations(self) -> None:
        """The list shows each subject that is not quiet, the worst first; an acknowledgement tells by whom."""
        service = self.start("when = session.main.*.temp > 30 for 1m", "until = acknowledged", "repeat = 10m")
        self.publish(31.0, subject="session.main.a.temp")
        self.reactor.advance(60)
        self.publish(33.0, subject="session.main.b.temp")
        shown = service.list()
        self.assertEqual((shown.alert, shown.state), ("hot", "firing"))
        self.assertEqual(
            [(one.subject, one.state, one.value) for one in shown.subjects][1], ("session.main.b.temp", "pending", 33.0)
        )
        self.assertEqual((shown.subjects[0].held_for, shown.subjects[1].since), (60.0, None))
        shown = service.acknowledge(make_caller())
        self.assertEqual([(one.state, one.by) for one in shown.subjects], [("acknowledged", "token test"), ("pending", "")])
        self.assertEqual(service.status().firing, 0)
        self.assertRaises(InvalidArguments, service.acknowledge, make_caller(), "a..b")

    def test_test(self) -> None:
        """A test carries out each action at once, and tells what came of it; no state changes."""
        service = self.start(HOT, "then = webhook https://example.org/ | publish custom.alarm")
        self.agent.codes = [500]
        tried = result_of(service.test())
        self.assertEqual(
            [(one.action, one.outcome) for one in tried],
            [("webhook https://example.org/…", "failed"), ("publish custom.alarm", "done")],
        )
        self.assertEqual(json.loads(self.agent.asked[0][2])["occasion"], "test")
        self.assertEqual(service.list().state, "quiet")

    def test_too_many_subjects(self) -> None:
        """Subjects over the bound are counted."""
        service = self.start("when = session.> silent for 1m")
        for number in range(1003):
            self.publish(1.0, subject=f"session.main.a{number}.x")
        self.assertEqual(service.status().counters["unwatched"], 3)

    def test_reload(self) -> None:
        """Another time limit counts from the time at which the condition began; another action is taken from then on."""
        service = self.start(f"{HOT} for 2m")
        self.publish(31.0)
        self.reactor.advance(60)
        reload(service, self.config(f"{HOT} for 90s", "then = publish custom.alarm"))
        self.reactor.advance(30)
        self.assertEqual(self.states(), [("fired", "firing")])
        self.assertEqual(len(self.bus.events("custom.alarm")), 1)

    def test_reload_with_another_condition(self) -> None:
        """Another condition is looked at at once, on another subject, too."""
        service = self.start(HOT)
        self.publish(31.0)
        self.publish(7.0, subject="custom.x")
        reload(service, self.config("when = custom.x > 5"))
        self.assertEqual(self.states(), [("fired", "firing"), ("over", "quiet")])
        self.assertEqual(self.states("alert.hot.custom.x"), [("fired", "firing")])

    def test_reload_refused(self) -> None:
        """A reload with a program that is not there is refused, and nothing has changed."""
        service = self.start(HOT)
        [(option, why)] = prepared(service, self.config(HOT, "then = exec ./tell")).mistakes
        self.assertEqual((option, "there is no " in why), ("then", True))


class ConfigTests(AlertTestCase):
    def objections(self, *lines: str) -> list[tuple[str, str]]:
        """What `netd check` says."""
        return list(self.config(HOT, *lines).objections())

    def test_programs(self) -> None:
        """A program that is not there, or not executable, is named with the remedy; one of the system's needs no path."""
        self.assertEqual(self.objections("then = exec true"), [])
        [(_, missing)] = self.objections("then = exec ./tell")
        self.assertEqual(missing, f"exec ./tell: there is no {self.directory}/tell")
        path = self.script(0o644)
        [(_, why)] = self.objections("then = exec ./tell")
        self.assertIn(f"is not executable; `chmod +x {path}`", why)
        [(_, unknown)] = self.objections("then = exec no-such-program")
        self.assertIn("write its path", unknown)

    def test_secrets(self) -> None:
        """A secret that is missing, empty or open to others is named, and so is one that nothing uses."""
        hook = "then = webhook https://example.org/"
        self.assertIn("no such file", self.objections(hook, "secret = s")[0][1])
        path = self.directory / "s"
        path.touch(0o600)
        self.assertIn("is empty", self.objections(hook, "secret = s")[0][1])
        path.write_text("x")
        path.chmod(0o600 | stat.S_IROTH)
        self.assertIn("s", self.objections(hook, "secret = s")[0][0])
        path.chmod(0o600)
        self.assertEqual(self.objections(hook, "secret = s"), [])
        self.assertEqual(self.objections("then = exec true", "secret = s")[0][0], "secret")

    def test_mail(self) -> None:
        """A mail without a server would never leave."""
        self.assertEqual(self.objections("then = mail a@example.org")[0][0], "mail_server")
        self.assertEqual(self.config(HOT, "mail_server = mail.example.org").mail_server, ("mail.example.org", 587))
        self.assertEqual(self.config(HOT, "mail_server = [::1]:25").mail_server, ("::1", 25))

    def test_places(self) -> None:
        """A mistake names file, line and remedy."""
        with self.assertRaises(ConfigErrors) as caught:
            configured(KIND, "when = session.main.x.y above 3", "mail_server = :x")
        self.assertIn("test.ini:2", str(caught.exception))
        self.assertIn("write as in", str(caught.exception))
