"""The manhole as the daemon runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from netd.bus.local import LocalBus
from netd.interfaces import IConsole, INetdService
from netd.manhole.config import Config
from netd.manhole.host_key import HOST_KEY
from netd.manhole.results import ManholeSession
from netd.manhole.service import make_service
from netd.secrets.private_files import PrivateFileError
from netd.testing import prepared, reload
from tests.manhole.ssh_visits import key_of
from tests.manhole.visits import NAME, ManholeTestCase


class ManholeServiceTests(ManholeTestCase):
    def test_interfaces(self) -> None:
        """The daemon can treat it as any service, and as a console."""
        verifyObject(INetdService, self.service)
        verifyObject(IConsole, self.service)
        self.assertEqual("main", self.service.instance)

    def test_no_password_file(self) -> None:
        """Without a password file the daemon does not start, and says which command makes one; nothing listens."""
        reactor = MemoryReactorClock()
        path = Path(self.mktemp())
        service = make_service(Config(password_file=path), reactor, LocalBus(float))
        for start in (service.privilegedStartService, service.startService):
            error = self.assertRaises(PrivateFileError, start)
            why = f"{path}: there is no password file: run `netd passwd NAME --file {path.absolute()}`"
            self.assertEqual(f"[manhole] password_file: {why}", str(error))
        self.assertEqual([], reactor.tcpServers)

    def test_listens_where_it_is_told(self) -> None:
        """It listens on every endpoint, TCP and unix alike, once, with privileges or without."""
        self.use(listen=("tcp:6023:interface=127.0.0.1", "unix:manhole.sock"))
        self.service.privilegedStartService()
        self.assertEqual([(6023, "127.0.0.1")], [(server[0], server[3]) for server in self.reactor.tcpServers])
        self.assertEqual(["manhole.sock"], [server[0] for server in self.reactor.unixServers])

    def test_host_key(self) -> None:
        """The host key is made after privileges were given up, and kept; a file with something else is told with a remedy."""
        state = Path(self.mktemp()).absolute()
        config = Config(state_directory=state, password_file=self.passwords, listen=None, ssh=("tcp:6022:interface=127.0.0.1",))
        service = make_service(config, MemoryReactorClock(), self.bus)
        service.privilegedStartService()
        self.assertFalse(state.exists())
        service.startService()
        path = state / HOST_KEY
        first = path.read_bytes()
        make_service(config, MemoryReactorClock(), self.bus).startService()
        self.assertEqual(path.read_bytes(), first)
        for spoilt, why in (
            (b"nonsense", "is no host key"),
            (key_of("rsa").toString("openssh", subtype="v1"), "is no key of the type ssh-ed25519"),
        ):
            path.write_bytes(spoilt)
            error = self.assertRaises(PrivateFileError, make_service(config, MemoryReactorClock(), self.bus).startService)
            self.assertIn(f"[manhole] ssh: {path}: {why}", str(error))
            self.assertIn(f"run `mv {path} {path}.old`", str(error))
        path.unlink()
        state.rmdir()
        state.write_text("no directory")
        error = self.assertRaises(PrivateFileError, make_service(config, MemoryReactorClock(), self.bus).startService)
        self.assertIn("[manhole] ssh:", str(error))

    def test_status(self) -> None:
        """The status tells how many are connected and what was refused."""
        self.use(max_sessions=1)
        self.logged_in()
        self.logged_in()
        status = self.service.status()
        self.assertEqual(("manhole", "main", 2), (status.kind, status.instance, status.connections))
        self.assertEqual({"not admitted": 1}, status.counters["refused"])

    def test_sessions(self) -> None:
        """An operator can see who else is there, and who is still at the login."""
        self.table.add(self.service.operations())
        visit = self.logged_in()
        self.visit()
        shown = visit.type("sessions")
        self.assertRegex(shown, rb"null +127\.0\.0\.1:50412\r\n")
        self.assertRegex(shown, rb"operator +127\.0\.0\.1:50412, user operator\r\n")

    def test_described(self) -> None:
        """Consoles are told which members a session has."""
        [operation] = self.service.operations()
        self.assertEqual(list[ManholeSession], operation.result)

    def test_stopping(self) -> None:
        """When netd stops, those who are connected are told and the manhole waits for their end."""
        visit = self.logged_in()
        stopped = self.service.stopService()
        self.assertTrue(visit.is_closing)
        self.assertNoResult(stopped)
        visit.hang_up()
        self.successResultOf(stopped)

    def test_time_to_stop(self) -> None:
        """A terminal that stays connected is given the time that `stop_timeout` of [netd] says."""
        self.use(stop_timeout=2.0)
        self.logged_in()
        self.service.stopService()
        self.assertIn(self.reactor.seconds() + 2.0, [call.getTime() for call in self.reactor.getDelayedCalls()])
        self.reactor.advance(2.0)

    def test_reload(self) -> None:
        """How many may be logged in changes for the next one; who is logged in stays."""
        self.use(max_sessions=1)
        first = self.logged_in()
        self.assertTrue(self.logged_in().is_closing)
        reload(self.service, Config(password_file=self.passwords, max_sessions=2, idle_timeout=60.0))
        self.assertFalse(self.logged_in().is_closing)
        self.assertFalse(first.is_closing)

    def test_reload_without_passwords(self) -> None:
        """A password file that is missing refuses the reload: nobody could log in."""
        [(option, why)] = prepared(self.service, Config(password_file=Path("/nowhere/passwords"))).mistakes
        self.assertEqual((option, "there is no password file" in why), ("password_file", True))

    def test_failed_login_is_audited(self) -> None:
        """Whoever tries passwords is seen, with the address, and without the password."""
        told: list[Any] = []
        self.bus.subscribe("audit.>", lambda message: told.append(message.event))
        visit = self.visit()
        visit.type(NAME)
        visit.type("wrong")
        [event] = told
        self.assertEqual(
            (event["operation"], event["outcome"], event["from"]), ("system.login", "refused", "manhole 127.0.0.1:50412")
        )
        self.assertNotIn("wrong", str(event["arguments"]))
