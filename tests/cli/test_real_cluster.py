"""``netd cluster`` with a real nats-server: what init has written works, and check tells what is wrong with a server."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase
from websockets.sync.client import connect

from netd.cli.authority import YEARS, Authority
from netd.cli.invocation import Invocation
from netd.cli.main import netd
from netd.cli.nats_files import Hub, leaf_configuration
from netd.cli.nats_probe import NatsProbe
from netd.secrets.nats_login import read_login
from netd.secrets.nkeys import UserKey
from tests.cluster.nats_server import NATS_SERVER
from tests.debian import program
from tests.process import CHECKOUT, PATIENCE, TWISTD, Daemon, Program

YEAR = 365 * 86400.0
HUB = "127.0.0.1"
EXAMPLES = CHECKOUT / "examples" / "nats"
PASSWORD = "bread and butter"


def run(*arguments: str) -> Result:
    """``netd ARGUMENTS``."""
    return CliRunner().invoke(netd, arguments, obj=Invocation(), prog_name="netd", catch_exceptions=False)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HUB, 0))
        return [one.getsockname()[1] for one in sockets]


class Servers:
    """A hub with TLS, and the leaf node of a site, both as ``netd cluster init`` has written them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.port, self.leaf_port, self.site_port, self.mqtt_port, self.web_port = free_ports(5)
        ports = ("--port", str(self.port), "--leaf-port", str(self.leaf_port))
        done = run("cluster", "init", str(self.folder), "--host", HUB, "--node", "a", "--leaf", "c", *ports)
        assert done.exit_code == 0, done.output
        self._open_to_the_world()
        self._programs = [self._start("hub"), self._start("leaf-c")]
        self._programs[1].wait_for("Leafnode connection created for account: NETD")

    def _open_to_the_world(self) -> None:
        """Follow docs/securing-nats.md: a user of WORLD, another account, and listeners for MQTT and WebSocket."""
        path = self.folder / "hub/nats-server.conf"
        user = f'{{ user: panel, password: "{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, b"2a")).decode()}" }}'
        text = path.read_text().replace('# { user: panel, password: "$2a$11$..." }', user)
        other = f"OTHER {{ jetstream: enabled, users: [ {user.replace('panel', 'stranger')} ] }}"
        path.write_text(text.replace("accounts {", f"accounts {{\n  {other}\n") + 'include "world.conf"\n')
        world = (EXAMPLES / "world.conf").read_text().replace("/etc/netd/nats", str(path.parent))
        world = world.replace("0.0.0.0:8883", f"{HUB}:{self.mqtt_port}").replace("0.0.0.0:8443", f"{HUB}:{self.web_port}")
        (path.parent / "world.conf").write_text(world)

    def _start(self, name: str) -> Program:
        path = self.folder / name / "nats-server.conf"
        text = path.read_text().replace("/etc/netd/nats", str(path.parent)).replace("/var/lib/nats", str(self.folder / "stored"))
        path.write_text(text.replace(f'"127.0.0.1:{self.port}"', f'"127.0.0.1:{self.site_port}"'))
        tested = Program([NATS_SERVER, "-t", "-c", path], self.folder)
        assert tested.wait() == 0, tested.output
        server = Program([NATS_SERVER, "-c", path], self.folder)
        server.wait_for("Server is ready$")
        return server

    def end(self) -> None:
        """Leave nothing behind."""
        for server in self._programs:
            server.end()
        shutil.rmtree(self.folder)


@functools.cache
def servers() -> Servers:
    """The servers, started for the first test that asks."""
    made = Servers()
    atexit.register(made.end)
    return made


@contextlib.contextmanager
def node(name: str) -> Iterator[NatsProbe]:
    """A connection of a node to the hub."""
    with NatsProbe(HUB, servers().port, PATIENCE) as probe:
        probe.greet()
        probe.secure(ssl.create_default_context(cafile=str(servers().folder / "ca.pem")), HUB)
        probe.log_in(read_login(servers().folder / f"node-{name}/node.nk"))
        yield probe


@contextlib.contextmanager
def repeated(act: Callable[[], object]) -> Iterator[None]:
    """Do something ten times a second, in a thread."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(0.1):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class RealServersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder, self.port, self.site_port = servers().folder, servers().port, servers().site_port

    def check(self, url: str, name: str, *options: str) -> tuple[int, dict[str, str]]:
        """The exit status of ``netd cluster check``, and the status and remedy of each finding by its text."""
        secured = ("--tls-ca", str(self.folder / "ca.pem")) if url.startswith("tls:") else ()
        credentials = ("--credentials", str(self.folder / f"node-{name}/node.nk"))
        done = run("cluster", "check", url, "--json", *credentials, *secured, *options)
        return done.exit_code, {one["text"]: f"{one['status']} {one['remedy']}".strip() for one in json.loads(done.output)}

    def test_all_is_well(self) -> None:
        """A node finds nothing wrong with the hub: it may log in over TLS, publish, ask, and store history."""
        status, found = self.check(f"tls://{HUB}:{self.port}", "a", "--history", "--timeout", "0.5")
        self.assertEqual((0, {"ok"}), (status, set(found.values())), found)
        self.assertEqual(
            [
                "TLS, with a certificate for 127.0.0.1",
                "lets this node in",
                "the server has the same time",
                "may publish and subscribe to netd.lab.>",
                "tells at once when nobody is there",
                "has JetStream, for `history = yes`",
            ],
            list(found)[1:],
        )

    def test_leaf_node(self) -> None:
        """The server of a site lets its node in; history is kept at the hub, and the remedy says so."""
        status, found = self.check(f"nats://127.0.0.1:{self.site_port}", "c", "--history", "--timeout", "0.3")
        self.assertEqual(1, status)
        (bad,) = [(text, remedy) for text, remedy in found.items() if not remedy.startswith("ok")]
        self.assertIn("no JetStream", bad[0])
        self.assertIn("take the hub", bad[1])

    def test_nodes_meet(self) -> None:
        """A hello at the hub reaches the site behind the leaf node; a clock that is wrong is told."""
        hello = json.dumps({"v": 1, "node": "a", "sent": time.time() + 100}).encode()
        with node("a") as probe, repeated(lambda: probe.publish("netd.lab.hello", hello)):
            status, found = self.check(f"nats://127.0.0.1:{self.site_port}", "c", "--timeout", "0.5")
        self.assertEqual(0, status)
        (skew,) = [text for text in found if text.startswith("node a is there")]
        self.assertRegex(skew, r"it is 9\d\.\d s ahead of this machine")
        self.assertEqual("warning set both clocks by NTP", found[skew])

    def test_rights(self) -> None:
        """A node of another cluster may not speak here; the remedy names the rights that it needs."""
        status, found = self.check(f"tls://{HUB}:{self.port}", "a", "--name", "barn", "--timeout", "0.3")
        self.assertEqual(1, status)
        (told,) = [text for text in found if "has not the rights" in text]
        self.assertIn('"netd.barn.>"', found[told])
        self.assertEqual(["bad"], [remedy.split()[0] for remedy in found.values() if not remedy.startswith("ok")], found)

    def test_port_of_leaf_nodes(self) -> None:
        """The port of a server that is for other servers is told as such."""
        _, found = self.check(f"tls://{HUB}:{servers().leaf_port}", "a")
        (remedy,) = [remedy for text, remedy in found.items() if "leaf node port" in text]
        self.assertIn("bad that port is for other servers", remedy)

    def test_unknown_key(self) -> None:
        """A key that the server does not know is refused; the remedy is the line to add."""
        key = UserKey(bytes(range(32)))
        (self.folder / "node-x").mkdir()
        path = self.folder / "node-x/node.nk"
        path.touch(mode=0o600)
        path.write_text(key.seed)
        status, found = self.check(f"tls://{HUB}:{self.port}", "x")
        self.assertEqual(1, status)
        self.assertIn(f"nkey {key.public}", found["it refuses the credentials: Authorization Violation"])

    def test_without_what_it_demands(self) -> None:
        """A server that demands TLS or credentials says so; no certificate is taken that nobody vouches for."""
        done = run(
            "cluster",
            "check",
            f"nats://localhost:{self.port}",
            f"tls://localhost:{self.port}",
            f"nats://127.0.0.1:{self.site_port}",
        )
        self.assertEqual(1, done.exit_code)
        for told in ("it demands TLS", "is not signed by an authority of this machine", "it demands credentials"):
            self.assertIn(told, done.output)


class WorldTests(SynchronousTestCase):
    """Programs of others at the hub, with the account WORLD and the listeners of ``examples/nats/world.conf``."""

    def mosquitto(self, what: str, user: str, *options: str) -> Program:
        """Debian's client of MQTT."""
        secured = ["--cafile", str(servers().folder / "ca.pem"), "-h", HUB, "-p", str(servers().mqtt_port)]
        client = Program(
            [
                "stdbuf",
                "-oL",
                program("mosquitto_sub").replace("_sub", f"_{what}"),
                *secured,
                "-u",
                user,
                "-P",
                PASSWORD,
                *options,
            ],
            servers().folder,
        )
        self.addCleanup(client.end)
        return client

    def test_mqtt(self) -> None:
        """MQTT sees what nodes publish for others, cannot call an operation, and a program of another account sees nothing."""
        panel = self.mosquitto("sub", "panel", "-d", "-v", "-t", "lab/#")
        stranger = self.mosquitto("sub", "stranger", "-d", "-v", "-t", "#")
        with node("a") as probe:
            probe.subscribe("netd.lab.>")
            for client in (panel, stranger):
                client.wait_for(r"^Subscribed \(mid: 1\): 0$")
            for topic in ("netd/lab/node/a/call", "lab/b/session"):
                self.assertEqual(0, self.mosquitto("pub", "panel", "-q", "1", "-t", topic, "-m", "hello").wait())
            probe.publish("netd.lab.ev.b.session.main.1.y", b'{"value": 20.5}')
            panel.wait_for(r'^lab/b/session/main/1/y \{"value": 20\.5\}$')
            self.assertEqual(0, self.mosquitto("pub", "stranger", "-q", "1", "-t", "over", "-m", "now").wait())
            stranger.wait_for("^over now$")
            self.assertEqual(["netd.lab.ev.b.session.main.1.y"], [message.subject for message in probe.messages(0.1)])
        self.assertNotIn("session", stranger.output)
        self.assertNotIn("hello", panel.output)

    def test_what_a_node_publishes(self) -> None:
        """A netd that follows docs/two-machines.md joins, and MQTT sees the events that match its `publish`, and no others."""
        folder = servers().folder
        state = folder / "state"
        (folder / "a.ini").write_text(
            f"[netd]\nname = a\nstate_directory = {state}\n"
            f"[cluster]\nservers = tls://{HUB}:{servers().port}\nname = lab\npublish = custom.barn.>\n"
            f"credentials = {folder / 'node-a/node.nk'}\ntls_ca = {folder / 'ca.pem'}\n"
        )
        daemon = Daemon([TWISTD, "-n", "--pidfile=", "netd", "-c", folder / "a.ini"], folder, state)
        self.addCleanup(daemon.end)
        panel = self.mosquitto("sub", "panel", "-d", "-v", "-t", "lab/#")
        daemon.wait_for("connected to NATS at tls://")
        panel.wait_for(r"^Subscribed \(mid: 1\): 0$")
        daemon.call("bus.publish", subject="custom.shed.door", data={"value": 1})
        daemon.call("bus.publish", subject="custom.barn.door", data={"value": 2})
        panel.wait_for(r'^lab/a/custom/barn/door \{"value":2\}$')
        self.assertNotIn("shed", panel.output)
        self.assertEqual(0, daemon.stop())

    def test_wrong_password(self) -> None:
        """Nobody gets in at the port of MQTT without the password."""
        secured = ["--cafile", str(servers().folder / "ca.pem"), "-h", HUB, "-p", str(servers().mqtt_port)]
        client = Program([program("mosquitto_sub"), *secured, "-u", "panel", "-P", "wrong", "-t", "#"], servers().folder)
        self.addCleanup(client.end)
        self.assertNotEqual(0, client.wait())
        self.assertIn("not authori", client.output.lower())

    def test_websocket(self) -> None:
        """A web page sees the same by NATS's own protocol over a WebSocket."""
        context = ssl.create_default_context(cafile=str(servers().folder / "ca.pem"))
        login = json.dumps({"user": "panel", "pass": PASSWORD, "verbose": False, "pedantic": False, "lang": "js", "version": "1"})
        url = f"wss://{HUB}:{servers().web_port}"
        with connect(url, ssl=context, open_timeout=PATIENCE) as page, node("a") as probe:
            page.send(f"CONNECT {login}\r\nSUB lab.> 1\r\nPING\r\n".encode())
            said = b""
            while b"PONG\r\n" not in said:
                said += page.recv(PATIENCE)
            probe.publish("netd.lab.ev.b.room.main.said", b"{}")
            while b"MSG lab.b.room.main.said 1 2\r\n{}\r\n" not in said:
                said += page.recv(PATIENCE)

    def test_examples(self) -> None:
        """The examples of configurations are what ``netd cluster init`` writes."""
        hub = Hub("lab", "hub.example.org")
        keys = {name: "U" + name.upper() * 55 for name in "abc"}
        self.assertEqual((EXAMPLES / "hub.conf").read_text(), hub.configuration(keys))
        self.assertEqual((EXAMPLES / "leaf.conf").read_text(), leaf_configuration(hub, "c", keys["c"], "SU" + "C" * 56))


class FakeServer:
    """Something that answers one connection, in a thread: a greeting, TLS with *pair*, and what *answer* says to each line."""

    def __init__(self, greeting: bytes, pair: Path | None = None, answer: Callable[[bytes], bytes] = lambda line: b"") -> None:
        self._listener = socket.create_server((HUB, 0))
        self.address = f"{HUB}:{self._listener.getsockname()[1]}"
        self._greeting, self._pair, self._answer = greeting, pair, answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with connection:
                connection.sendall(self._greeting)
                if self._pair is not None:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(self._pair)
                    connection = context.wrap_socket(connection, server_side=True)
                with connection, connection.makefile("rb") as lines:
                    for line in lines:
                        connection.sendall(self._answer(line))

    def wait(self) -> None:
        """Until it has ended."""
        self._thread.join()


def greeting(**facts: Any) -> bytes:
    """The first line of a NATS server."""
    known = {"version": "2.10.0", "server_name": "old", "headers": True, "max_payload": 2**20}
    return b"INFO " + json.dumps({**known, **facts}).encode() + b"\r\n"


class OddServersTests(SynchronousTestCase):
    """Servers that are something else, too old, or have the wrong certificate."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def check(self, server: FakeServer, *options: str, scheme: str = "nats") -> str:
        """What ``netd cluster check`` says, each finding a line."""
        done = run("cluster", "check", f"{scheme}://{server.address}", "--json", "--timeout", "0.1", *options)
        server.wait()
        return "\n".join(f"{one['status']}: {one['text']}: {one['remedy']}" for one in json.loads(done.output))

    def test_no_nats(self) -> None:
        """What is no NATS server, says nothing, or is not there at all, is told apart."""
        self.assertIn("bad: it is no NATS server: SSH-2.0-", self.check(FakeServer(b"SSH-2.0-OpenSSH_9.2\r\n")))
        self.assertIn("bad: it is no NATS server: hello", self.check(FakeServer(b"INFO hello\r\n")))
        self.assertIn("bad: it says nothing", self.check(FakeServer(b"")))
        (port,) = free_ports(1)
        done = run("cluster", "check", f"nats://127.0.0.1:{port}", "nats://nowhere.invalid")
        self.assertIn("nothing listens there", done.output)
        self.assertIn("there is no machine nowhere.invalid", done.output)
        self.assertEqual(2, run("cluster", "check", "http://127.0.0.1").exit_code)

    def test_old_server(self) -> None:
        """A server without headers, with small messages, without answers for nobody: each is told, with the remedy."""

        def answer(line: bytes) -> bytes:
            return b"PING\r\nPONG\r\n" if line.startswith(b"PING") else b""

        said = self.check(FakeServer(greeting(headers=False, max_payload=1000), answer=answer))
        self.assertIn("bad: it takes messages of 1000 bytes at most: max_payload: 1MB", said)
        self.assertIn("bad: it does not know headers", said)
        self.assertIn("bad: a message of this node does not come back", said)
        self.assertIn("bad: a request to a node that is not there has no answer", said)

    def test_connection_that_breaks(self) -> None:
        """A server that breaks off, or speaks nonsense, is told, too."""
        self.assertIn("no answer to PING", self.check(FakeServer(greeting())))
        self.assertIn("the connection broke off", self.check(FakeServer(greeting(), answer=lambda line: b"MSG what\r\n")))
        self.assertIn("the connection broke off", self.check(FakeServer(greeting(), answer=lambda line: b"x" * 3_000_000)))

    def test_certificates(self) -> None:
        """A certificate that has expired, is about to, is not valid yet, or is for another name: each with its remedy."""
        for age, hosts, told in (
            (0.0, [HUB], "ok: TLS, with a certificate for 127.0.0.1"),
            (0.0, ["other.example.org"], "bad: the certificate is not for 127.0.0.1: use a name that is in it"),
            (YEARS * YEAR, [HUB], "bad: the certificate has expired: make a new one"),
            (YEARS * YEAR - 10 * 86400, [HUB], "warning: its certificate expires in 9 days"),
            (-3 * 86400, [HUB], "bad: the certificate is not valid yet: set the clock"),
        ):
            authority = Authority.make("lab", time.time() - age if age >= YEARS * YEAR - 1e7 else time.time())
            signing = Authority.read(authority.key, authority.certificate, time.time() - age)
            if "has expired" in told:
                authority = signing
            (self.folder / "ca.pem").write_text(authority.certificate)
            issued = signing.issue(hosts)
            (self.folder / "pair.pem").write_text(issued.key_pem + issued.pem)
            server = FakeServer(greeting(tls_required=True), self.folder / "pair.pem")
            self.assertIn(told, self.check(server, "--tls-ca", str(self.folder / "ca.pem"), scheme="tls"))

    def test_no_tls(self) -> None:
        """A server without TLS, and a file without a certificate, are told."""
        (self.folder / "ca.pem").write_text("hello")
        self.assertIn("bad: it has no TLS", self.check(FakeServer(greeting()), scheme="tls"))
        no_certificate = self.check(FakeServer(greeting(tls_available=True)), "--tls-ca", str(self.folder / "ca.pem"))
        self.assertIn("ca.pem: holds no certificate", no_certificate)
        no_file = self.check(FakeServer(greeting(tls_available=True)), "--tls-ca", str(self.folder / "none.pem"))
        self.assertIn("none.pem: No such file", no_file)
        plain = FakeServer(greeting(tls_required=True))
        (self.folder / "ca.pem").write_text(Authority.make("lab", time.time()).certificate)
        plain_tls = self.check(plain, "--tls-ca", str(self.folder / "ca.pem"))
        self.assertIn("bad", plain_tls)

    def test_open_server(self) -> None:
        """A server without accounts is told to a node that has credentials."""
        path = self.folder / "login"
        path.touch(mode=0o600)
        path.write_text("ada:bread and butter\n")
        said: list[bytes] = []

        def answer(line: bytes) -> bytes:
            said.append(line)
            return b"PONG\r\n" if line.startswith(b"PING") else b""

        told = self.check(FakeServer(greeting(), answer=answer), "--credentials", str(path))
        self.assertIn("warning: it lets everyone in", told)
        self.assertIn(b'"pass": "bread and butter"', said[0])
        self.assertNotIn("butter", told)
        missing = run("cluster", "check", "nats://127.0.0.1", "--credentials", str(self.folder / "none"))
        self.assertIn("there is no such file", missing.output)
