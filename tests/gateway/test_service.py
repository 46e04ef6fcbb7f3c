"""Tests of ``netd.gateway.service`` and its options: starting, stopping, and refusing to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netd.config import parse
from netd.config.descriptions import is_secured
from netd.errors import ConfigErrors
from netd.gateway.config import Config, base_path
from netd.gateway.service import GatewayService, OpenToAll, make_service
from netd.kinds import find_kinds
from netd.operations import Role
from netd.own_name import outward_address
from netd.secrets.private_files import PrivateFileError
from netd.secrets.token_file import add_token, remove_token
from netd.secrets.tokens import TOKENS
from netd.testing import RecordingBus, ServiceKindTests, prepared, reload, result_of
from tests.gateway.visits import GatewayTestCase, get, say


class KindTests(ServiceKindTests, SynchronousTestCase):
    kind = find_kinds()["gateway"]


class StartTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = Path(self.mktemp())
        self.state.mkdir()
        self.reactor = MemoryReactorClock()

    def make(self, *listen: str, **options: Any) -> GatewayService:
        """A gateway that is not started."""
        config = Config(listen=listen, state_directory=self.state, **options)
        return make_service(config, self.reactor, RecordingBus())

    def test_refuses_to_be_open_to_all(self) -> None:
        """Without tokens, a gateway that others could reach does not listen at all, and says what to do."""
        for exposed in ("tcp:8080", "tcp:0", "tcp:8080:interface=10.0.0.1", "tcp6:8080", "haproxy:tcp:8080:interface=127.0.0.1"):
            for start in ("privilegedStartService", "startService"):
                service = self.make("tcp:8081:interface=127.0.0.1", exposed)
                error = self.assertRaises(OpenToAll, getattr(service, start))
                self.assertEqual(
                    str(error),
                    f"[gateway] other machines reach {exposed}, and there are no tokens: everybody could do everything. "
                    f"Run `netd token add NAME --role admin --state {self.state.absolute()}`, or `listen` on loopback:PORT "
                    "or a unix socket.",
                )
                *_, (_, why) = service._config.objections()
                self.assertEqual(f"[gateway] {why}", str(error))
        self.assertEqual(self.reactor.tcpServers, [])

    def test_with_tokens(self) -> None:
        """With a token, it may listen wherever it is told to."""
        add_token(self.state / TOKENS, "panel", Role.VIEWER, (), bytes)
        self.make("tcp:8080").privilegedStartService()
        self.assertEqual(len(self.reactor.tcpServers), 1)
        service = self.make("tcp:8080")
        self.assertEqual([], list(service._config.objections()))
        (self.state / TOKENS).chmod(0o644)
        ((_, why),) = service._config.objections()
        self.assertIn("is open to other users", why)

    def test_admitted(self) -> None:
        """Where other machines reach it, the places tell that a token is needed; on loopback, the address tells it all."""
        add_token(self.state / TOKENS, "panel", Role.VIEWER, (), bytes)
        service = self.make("tcp:8080")
        service.privilegedStartService()
        self.assertEqual([place.reach for place in service.listening()], ["people and programs with a token"])
        self.assertEqual(self.make("loopback:8080")._config.admitted, "")

    def test_local(self) -> None:
        """Loopback and unix sockets need none."""
        for listen in (
            "loopback:8080",
            "tcp:8080:interface=localhost",
            r"tcp6:8080:interface=\:\:1",
            "unix:/run/g.sock",
        ):
            self.make(listen).privilegedStartService()
        self.assertEqual(len([*self.reactor.tcpServers, *self.reactor.unixServers]), 6)

    def test_handed_over(self) -> None:
        """What systemd hands over is looked at as soon as its address is known: before anybody is served."""
        for host, is_open in (("10.0.0.1", True), ("127.0.0.1", False), (None, False)):
            for start in ("privilegedStartService", "startService"):
                made = self.make("systemd:domain=INET:index=0")
                service = HandedOver(made._config, made._gateway, RecordingBus(), self.reactor)
                service.host = host
                if is_open:
                    error = self.assertRaises(OpenToAll, getattr(service, start))
                    self.assertIn(f"other machines reach {host}:8080, ", str(error))
                else:
                    getattr(service, start)()

    def test_unusable_tokens(self) -> None:
        """A file of tokens that cannot be trusted stops the start where it would matter, with the remedy."""
        (self.state / TOKENS).write_text("")
        (self.state / TOKENS).chmod(0o644)
        error = self.assertRaises(PrivateFileError, self.make("tcp:8080").privilegedStartService)
        self.assertIn("run `chmod 600 ", str(error))

    def test_address_for_browsers(self) -> None:
        """The status says what to open in a browser on this machine."""
        add_token(self.state / TOKENS, "panel", Role.VIEWER, (), bytes)
        for description, host, url in (
            ("tcp:8080", "0.0.0.0", "http://127.0.0.1:8080/"),
            ("tcp6:8080", "::", "http://[::1]:8080/"),
            ("ssl:8080", "10.0.0.1", "https://10.0.0.1:8080/"),
            ("haproxy:ssl:8080", "10.0.0.1", "https://10.0.0.1:8080/"),
            ("loopback:8080", "127.0.0.1", "http://127.0.0.1:8080/"),
        ):
            service = self.make("unix:/run/g.sock", description)
            self.assertIsNone(service.status().url)
            service._listeners = [FakeListener("unix:/run/g.sock", None), FakeListener(description, host)]  # type: ignore[list-item]
            self.assertEqual(service._url(), url)
        late = FakeListener("tcp:8080", None)
        late.ports = []
        service._listeners = [FakeListener("unix:/run/g.sock", None), late]  # type: ignore[list-item]
        self.assertIsNone(service._url())

    def test_address_for_others(self) -> None:
        """The status says what to open in a browser on another machine: none of this machine's loopback addresses."""
        add_token(self.state / TOKENS, "panel", Role.VIEWER, (), bytes)
        outward = outward_address()
        everywhere = None if outward is None else f"http://{f'[{outward}]' if ':' in outward else outward}:8080/"
        for hosts, url in (
            (["127.0.0.1"], None),
            (["127.0.0.1", "10.0.0.1"], "http://10.0.0.1:8080/"),
            (["2001:db8::5"], "http://[2001:db8::5]:8080/"),
            (["0.0.0.0"], everywhere),
            (["::1", "::"], everywhere),
        ):
            service = self.make("tcp:8080")
            service._listeners = [FakeListener("tcp:8080", host) for host in hosts]  # type: ignore[misc]
            self.assertEqual(service._url_for_others(), url)
        self.assertNotIn("127.0.0.1", str(everywhere))

    def test_one_loopback(self) -> None:
        """Of the addresses of one `loopback`, the browser is sent to the one that every machine has."""
        service = self.make("loopback:8080")
        service.privilegedStartService()
        self.assertEqual("http://127.0.0.1:8080/", service.status().url)


class OpenTests(GatewayTestCase):
    def told(self) -> list[str]:
        """What the log has said of it since the last time."""
        lines = [formatEvent(event) for event in self.events if "remedy" in event or "error" in event]
        self.events.clear()
        return lines

    def setUp(self) -> None:
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        super().setUp()

    def test_told(self) -> None:
        """That everyone on this machine is administrator stands in the log and in the status whenever it becomes so."""
        remedy = f"`netd token add NAME --role admin --state {self.state}`"
        line = f"gateway: there are no tokens: everyone on this machine is administrator; {remedy} makes one"
        self.assertEqual(([line], True), (self.told(), self.service.status().open))
        self.token()
        self.reactor.advance(2)
        self.assertEqual(([], False), (self.told(), self.service.status().open))
        remove_token(self.state / TOKENS, "panel")
        self.reactor.advance(2)
        self.reactor.advance(2)
        self.assertEqual(([line], True), (self.told(), self.service.status().open))

    def test_unusable_tokens(self) -> None:
        """Tokens that cannot be read are told once, with what is wrong, and open nothing."""
        self.told()
        (self.state / TOKENS).write_text("nonsense\n")
        (self.state / TOKENS).chmod(0o600)
        self.reactor.advance(2)
        self.reactor.advance(2)
        (line,) = self.told()
        self.assertIn(f"gateway: nobody is let in: {self.state / TOKENS}:1: is not of the form", line)
        self.assertFalse(self.service.status().open)


class ReloadTests(GatewayTestCase):
    """Options that change while WebSockets are open."""

    def config(self, **options: Any) -> Config:
        """The options, with the same state."""
        return Config(state_directory=self.state, **options)

    def test_pages(self) -> None:
        """Origins, names and base are the new ones for the next request; a WebSocket that is open stays."""
        socket = self.open()
        page = get("/", "Origin: https://lab.example", host="lab.local:8080")
        self.assertEqual(self.ask(page).status, 403)
        reload(self.service, self.config(origins=("https://lab.example",), hosts=("lab.local",), base="/lab/", echo=True))
        self.assertEqual(self.ask(page).status, 200)
        self.assertEqual(self.ask(get("/lab/")).status, 200)
        self.open(path="/lab/ws")
        self.assertEqual(self.call(socket, "test.add", left=1), 2)

    def test_longest_message(self) -> None:
        """The longest message is the new one for WebSockets that are open, too."""
        socket = self.open()
        reload(self.service, self.config(max_message=1024))
        socket.say(say("x" * 1500))
        self.assertTrue(socket.is_closing)

    def test_open_to_all(self) -> None:
        """An address that others reach is refused while there are no tokens, and so is one that shows only when it listens."""
        for exposed in ("tcp:8080", "systemd:domain=INET:index=0"):
            change = prepared(self.service, self.config(listen=(exposed,)))
            change.discard()
            whys = [why for _, why in change.mistakes]
            self.assertTrue(any(why.startswith(f"other machines reach {exposed}, and there are no tokens") for why in whys), whys)

    def test_unusable_tokens(self) -> None:
        """Tokens that cannot be trusted refuse the reload."""
        self.token()
        (self.state / TOKENS).chmod(0o644)
        [(option, why)] = prepared(self.service, self.config()).mistakes
        self.assertEqual((option, "is open to other users" in why), ("", True))


class BaseTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        """The slashes at the ends need not be written."""
        for written in ("/lab/netd/", "lab/netd", "/lab/netd"):
            self.assertEqual("/lab/netd/", base_path(written))
        self.assertEqual("/", base_path("/"))

    def test_mistakes(self) -> None:
        """What is not a plain path is refused: an address, one that leads elsewhere, what needs encoding."""
        for written in (
            "https://lab.example/netd/",
            "/../",
            "/a/./b",
            "/a/../b",
            "/a//b",
            "/a b/",
            "/%2e/",
            "/a?b",
            '/"/',
            "/é/",
        ):
            self.assertIn("is no path", str(self.assertRaises(ValueError, base_path, written)), written)


class FakePort:
    """A port at an address of its own, and its address too."""

    port = 8080

    def __init__(self, host: str | None) -> None:
        if host is not None:
            self.host = host

    def getHost(self) -> FakePort:
        """Where it listens."""
        return self


class FakeListener:
    """What listens because of one description, on one port."""

    def __init__(self, description: str, host: str | None) -> None:
        self.description = description
        self.ports = [FakePort(host)]
        self.is_secured = is_secured(description)


class HandedOver(GatewayService):
    """A gateway that is handed a socket at *host*."""

    host: str | None

    def _start_listening(self) -> None:
        self._listeners = [FakeListener(*self._listen, self.host)]  # type: ignore[list-item]


class ServiceTests(GatewayTestCase):
    def test_status(self) -> None:
        """The status counts connections, and those of them that are WebSockets."""
        self.visit()
        self.open()
        status = self.service.status()
        self.assertEqual((status.kind, status.connections, status.websockets), ("gateway", 2, 1))
        self.assertEqual(status.counters["accepted"], 2)

    def test_stop(self) -> None:
        """On a stop, everybody is told, and waited for."""
        page, socket = self.visit(), self.open()
        page.say(get("/"))
        stopped = self.service.stopService()
        self.assertNoResult(stopped)
        self.assertTrue(page.is_closing and socket.is_closing)
        page.lose()
        socket.lose()
        result_of(stopped)


class ConfigTests(SynchronousTestCase):
    def read(self, *lines: str) -> Any:
        """The options of a section with these lines."""
        text = "\n".join(["[gateway]", *lines, ""])
        return parse(text, "netd.ini", {"gateway": Config}, {}, 1000, "lab").sections[0].config

    def test_defaults(self) -> None:
        """Out of the box, this machine alone is served, and nothing is echoed."""
        config = self.read()
        self.assertEqual((config.listen, config.echo), (("loopback:8080",), False))
        self.assertEqual((config.hosts, config.origins, config.max_message), (None, None, 1 << 20))

    def test_written(self) -> None:
        """Names and pages are lists."""
        config = self.read("hosts = lab.local, lab", "origins = https://desk.example", "echo = yes", "max_message = 64KiB")
        self.assertEqual((config.hosts, config.origins), (("lab.local", "lab"), ("https://desk.example",)))
        self.assertRaises(ConfigErrors, self.read, "max_message = 1GiB")
