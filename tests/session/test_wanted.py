"""Sessions that should be running are dialled again: after a restart, a kill, and a drain."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from netd.errors import OperationFailed
from netd.session.config import Config
from netd.session.states import SessionState
from netd.session.wanted import SOON
from netd.state.state import LAZILY
from netd.testing import MemoryDisk, MemoryState, result_of, wired
from tests.session.bench import HOST, Bench
from tests.session.test_service import KIND, Resolver

OWNER = "session.main"
AGENTS = (ip_network("10.0.0.0/8"),)


class WantedTests(SynchronousTestCase):
    """Restarts a service, and looks whom it dials."""

    def setUp(self) -> None:
        self.disk = MemoryDisk()
        self.resolver = Resolver()
        self.start()

    def start(self, **options: Any) -> None:
        """A service; the one before, if there is one, was killed."""
        self.service, self.factory, self.reactor, bus = wired(KIND, Config(**{"agents": AGENTS, **options}))
        result_of(self.service.stopService())
        self.service = KIND.make_service(Config(**{"agents": AGENTS, **options}), self.reactor, bus)
        self.reactor.nameResolver = self.resolver
        self.state = MemoryState(self.reactor, bus.wall, self.disk)
        self.state.join(OWNER, self.service)
        self.service.startService()
        self.reactor.advance(0)
        self.reactor.advance(0)

    def stop(self) -> None:
        """Stop it as it should be."""
        stopped = self.service.stopService()
        self.reactor.advance(10)
        result_of(stopped)
        result_of(self.state.close())

    def sessions(self) -> list[tuple[str, str, str]]:
        """Agent, address and state of all live sessions."""
        live = self.service._roster.live()
        return [(session.agent, str(session.address), session.state.value) for session in live]

    def begin(self, host: str = HOST, name: str | None = None) -> Any:
        """Have an operator begin a session; the answer has come."""
        begun = self.service.start(host, wait=False, name=name)
        self.reactor.advance(0)
        return result_of(begun)

    def test_after_a_kill(self) -> None:
        """A session whose start was answered is dialled again, with the name that it had."""
        begun = self.service.start(HOST, wait=False, name="greenhouse")
        self.assertNoResult(begun)
        self.reactor.advance(0)
        result_of(begun)
        self.start()
        self.assertEqual([("greenhouse", HOST, "dialling")], self.sessions())

    def test_after_a_stop(self) -> None:
        """Netd tells agents to stop when it stops, and dials them again when it starts; each once."""
        self.begin(name="greenhouse")
        self.begin("10.0.0.9")
        for _ in range(2):
            self.stop()
            self.start()
        self.assertEqual([("greenhouse", HOST, "dialling"), ("10-0-0-9", "10.0.0.9", "dialling")], self.sessions())

    def test_stopped_by_an_operator(self) -> None:
        """A session that an operator has stopped stays stopped, even if netd is killed while the agent takes its leave."""
        self.begin(name="greenhouse")
        stopped = self.service.stop("greenhouse")
        self.reactor.advance(0)
        self.assertEqual("ended", result_of(stopped).state)
        self.start()
        self.assertEqual([], self.sessions())

    def test_stopped_on_a_full_disk(self) -> None:
        """An operator is told that the disk refuses to forget the session. It does not come back once the disk is mended."""
        self.begin(name="greenhouse")
        self.disk.refuses = OSError("database or disk is full")
        stopped = self.service.stop("greenhouse")
        self.reactor.advance(0)
        error = self.failureResultOf(stopped, OperationFailed).value
        self.assertIn("ends, but a restart may dial it again: memory cannot be used: ", str(error))
        self.assertEqual([], self.sessions())
        self.begin(name="other")
        self.assertEqual([("other", HOST, "dialling")], self.sessions())
        self.disk.refuses = None
        self.reactor.advance(LAZILY)
        self.start()
        self.assertNotIn("greenhouse", [name for name, _, _ in self.sessions()])

    def test_ended_by_itself(self) -> None:
        """A session that is not dialled again after a failure does not come back either."""
        self.start(reconnect=False)
        begun = self.service.start("10.0.0.9", wait=False)
        self.reactor.advance(0)
        result_of(begun)
        self.service._roster.live()[0].undiallable("no route to host")
        self.reactor.advance(0)
        self.start(reconnect=False)
        self.assertEqual([], self.sessions())

    def test_that_rests(self) -> None:
        """A session between two attempts is dialled at once after a restart. One that is begun by hand meanwhile is the same."""
        self.begin()
        self.service._roster.live()[0].undiallable("no route to host")
        self.begin(name="greenhouse")
        self.start()
        self.assertEqual([("greenhouse", HOST, "dialling")], self.sessions())

    def test_forbidden_meanwhile(self) -> None:
        """An agent that may not be dialled any more is not, and the log says so once."""
        self.begin()
        with capturedLogs() as logs:
            self.start(agents=(ip_network("192.168.0.0/16"),))
        self.assertEqual([], self.sessions())
        self.assertIn("is not begun again: 10.0.0.5 is not in the list of `agents`", formatEvent(logs[0]))
        self.reactor.advance(0)
        self.start()
        self.assertEqual([], self.sessions())

    def test_names_of_hosts(self) -> None:
        """The name of a host is looked up again; if that does not answer, the last address is dialled."""
        self.resolver.answers["greenhouse.lan"] = [IPv4Address("TCP", "10.0.0.8", 0)]
        self.begin("greenhouse.lan")
        self.resolver.answers["greenhouse.lan"] = [IPv4Address("TCP", "10.0.0.9", 0)]
        self.start()
        self.assertEqual([("greenhouse-lan", "10.0.0.9", "dialling")], self.sessions())
        self.resolver.answers["greenhouse.lan"] = []
        self.start()
        self.assertEqual([("greenhouse-lan", "10.0.0.8", "dialling")], self.sessions())

    def test_stopped_while_a_name_is_looked_up(self) -> None:
        """A service that stops while it looks up a name begins no session."""
        self.resolver.answers["greenhouse.lan"] = [IPv4Address("TCP", "10.0.0.8", 0)]
        self.begin("greenhouse.lan")
        self.resolver.answers["greenhouse.lan"] = None
        self.start()
        self.stop()
        self.assertEqual([], self.sessions())

    def test_stopped_at_once(self) -> None:
        """A service that stops in the turn in which it starts dials nobody."""
        self.begin()
        reactor, bus = self.reactor, self.service._roster.world.bus
        self.service = KIND.make_service(Config(agents=AGENTS), reactor, bus)
        self.state.join(OWNER, self.service)
        self.service.startService()
        result_of(self.service.stopService())
        reactor.advance(0)
        self.assertEqual([], self.sessions())

    def test_drained(self) -> None:
        """Sessions that a drain has ended begin again when netd serves again, and after a restart."""
        self.begin(name="greenhouse")
        self.service.pause()
        finished = self.service.finish()
        self.reactor.advance(10)
        result_of(finished)
        self.assertEqual([], self.sessions())
        self.service.resume()
        self.reactor.advance(0)
        self.assertEqual([("greenhouse", HOST, "dialling")], self.sessions())


class NamesTests(SynchronousTestCase):
    """What agents are called after a restart."""

    def setUp(self) -> None:
        self.disk = MemoryDisk()
        self.restart()

    def restart(self) -> None:
        """A roster after the one before was killed."""
        self.bench = Bench()
        self.roster = self.bench.roster
        state = MemoryState(self.bench.clock, self.bench.bus.wall, self.disk)
        self.roster.wanted.load(state.part(OWNER))

    def begin(self, host: str = HOST, name: str | None = None) -> Any:
        """A session that an operator has begun."""
        session = self.bench.start(host, name)
        self.roster.wanted.add(session, name is not None, self.bench.bus.wall())
        self.bench.clock.advance(0)
        return session

    def test_own_name(self) -> None:
        """An agent that has said its name has it before it says it again; it may say another."""
        session = self.begin()
        self.roster.introduce(session, "heart")
        self.bench.clock.advance(SOON)
        self.restart()
        [(key, wanted)] = self.roster.wanted.missing()
        self.assertEqual((HOST, ip_address(HOST), "heart", False), (wanted.host, wanted.address, wanted.agent, wanted.is_named))
        again = self.roster.start(wanted.host, wanted.address, None, wanted.agent)
        self.roster.wanted.adopt(again, key, wanted)
        self.assertEqual(([], "session.main.heart"), (self.roster.wanted.missing(), again.subject))
        self.roster.introduce(again, "pulse")
        self.bench.clock.advance(SOON)
        self.restart()
        self.assertEqual(["pulse"], [wanted.agent for _, wanted in self.roster.wanted.missing()])

    def test_name_that_is_taken(self) -> None:
        """If another session has the name by then, the record has the new name."""
        self.begin(name="heart")
        self.restart()
        self.bench.start("10.0.0.9", "heart")
        [(key, wanted)] = self.roster.wanted.missing()
        self.roster.wanted.adopt(self.roster.start(HOST, wanted.address, wanted.agent), key, wanted)
        self.bench.clock.advance(SOON)
        self.restart()
        self.assertEqual(["heart-2"], [wanted.agent for _, wanted in self.roster.wanted.missing()])

    def test_agent_that_came_by_itself(self) -> None:
        """A session that nobody has begun is not wanted: neither its name nor its end is written."""
        session = self.bench.start()
        self.roster.introduce(session, "heart")
        session.stop("over")
        self.assertIsNone(self.roster.wanted.remove(session))
        self.bench.clock.advance(100)
        self.assertIs(SessionState.ENDED, session.state)
        self.assertEqual([], self.disk.commits)

    def test_entries_of_another_version(self) -> None:
        """An entry that this netd does not understand is dropped."""
        for key, text in (("1", "{}"), ("2", '{"host":"x","address":"10.0.0.1","agent":"a b","named":true}')):
            self.disk.commit([(OWNER, "wanted", key, 1e10, text)])
        self.restart()
        self.bench.clock.advance(0)
        self.assertEqual(([], []), (self.roster.wanted.missing(), self.disk.load(OWNER)))

    def test_without_a_state(self) -> None:
        """Without a state database, sessions run and are not written."""
        bench = Bench()
        session = bench.start()
        self.assertIsNone(bench.roster.wanted.add(session, False, 0.0))
        bench.roster.wanted.renamed(session)
        self.assertEqual([], bench.roster.wanted.missing())
        self.assertRaises(OperationFailed, bench.roster.start, HOST, ip_address(HOST))
