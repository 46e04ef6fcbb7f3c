"""TLS for real: clients that offer protocols when it begins, as browsers, curl and OpenSSL do; and certificates renewed."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path

from websockets.sync.client import connect as connect_websocket

from netd.cli.authority import key_digest
from netd.cli.cert_files import CertificateFiles
from netd.client import command, feed, relay, room, session
from netd.client.control import ControlError
from netd.client.gateway import Gateway
from netd.secrets.passwords import SALT_BYTES, make_entry, write_entry
from netd.secrets.token_file import add_key, remove_token
from netd.secrets.tokens import TOKENS
from tests.debian import program
from tests.process import LOOPBACK, PATIENCE, RealTestCase, frame, read_frame
from tests.test_elsewhere import make_clients, pythons
from tests.test_real_reload import free_port
from tests.tls import Authority, write_private

ALPN = ["h2", "http/1.1"]


class RealTlsTestCase(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority()
        self.trusted = self.folder / "authority.pem"
        self.trusted.write_bytes(self.authority.pem)
        self.pem = self.renew(self.folder / "netd.pem")
        self.listen = f"listen = ssl:0:interface=127.0.0.1:privateKey={self.pem}:certKey={self.pem}\n"
        self.trust = ssl.create_default_context(cafile=str(self.trusted))

    def renew(self, path: Path, *hosts: str) -> Path:
        """A new pair in *path*, in one step."""
        return write_private(path.with_suffix(".new"), *self.authority.issue("localhost", *hosts)).replace(path)

    def handshake(self, port: int, *alpn: str) -> ssl.SSLSocket:
        """A connection that offers the protocols *alpn*."""
        self.trust.set_alpn_protocols(list(alpn))
        secured = self.trust.wrap_socket(self.connect(port), server_hostname="localhost")
        self.addCleanup(secured.close)
        return secured


class AlpnTests(RealTlsTestCase):
    def test_gateway(self) -> None:
        """curl, `openssl s_client` and a WebSocket get through to the gateway, by `ssl:` and by `tls:`."""
        folder = self.folder / "pem"
        folder.mkdir()
        shutil.copy(self.pem, folder / "netd.pem")
        for listen in (self.listen, f"listen = tls:{folder}:0:interface=127.0.0.1\n"):
            daemon = self.start(self.write_ini(f"[gateway]\n{listen}"))
            port = daemon.port("gateway")
            curl = [program("curl"), "-sS", "--cacert", self.trusted, f"https://localhost:{port}/healthz"]
            self.assertEqual("ok\n", self.run_tool(*curl))
            said = self.run_tool(
                program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2,http/1.1", "-brief"
            )
            self.assertIn("CONNECTION ESTABLISHED", said)
            self.assertEqual("http/1.1", self.handshake(port, *ALPN).selected_alpn_protocol())
            with connect_websocket(f"wss://localhost:{port}/ws", ssl=self.trust, open_timeout=PATIENCE) as connection:
                connection.send('{"jsonrpc": "2.0", "id": 1, "method": "system.whoami"}')
                self.assertIn("admin", connection.recv(PATIENCE))
            self.assertEqual(0, daemon.stop())

    def test_other_services(self) -> None:
        """The feed takes browsers, too; a client of the relay that offers whatever it likes is served."""
        daemon = self.start(self.write_ini(f"[feed]\n{self.listen}[relay]\n{self.listen}"))
        self.trust.set_alpn_protocols(ALPN)
        with connect_websocket(f"wss://localhost:{daemon.port('feed')}/", ssl=self.trust, open_timeout=PATIENCE) as connection:
            self.assertTrue(connection.recv(PATIENCE))
        for offered in (ALPN, ["netd-relay"], []):
            controller = self.handshake(daemon.port("relay"), *offered)
            self.assertIsNone(controller.selected_alpn_protocol())
            controller.sendall(frame(b"python") + b"|no target|".ljust(64))
            self.assertEqual(b"|no raspberrypies|", read_frame(controller))

    def run_tool(self, *command: str | Path) -> str:
        """What a program says that ends well."""
        finished = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False
        )
        output = finished.stdout.decode(errors="replace")
        self.assertEqual(0, finished.returncode, output)
        return output


class ProxyTests(RealTlsTestCase):
    def test_header_before_tls(self) -> None:
        """A proxy that passes TLS on says first whose the connection is: that address is the device's."""
        daemon = self.start(
            self.write_ini(f"[relay]\naccess = peers\npeers = 192.0.2.0/24\n{self.listen.replace('ssl:', 'haproxy:ssl:')}")
        )
        proxied = self.connect(daemon.port())
        proxied.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 50412 5050\r\n")
        device = self.trust.wrap_socket(proxied, server_hostname="localhost")
        self.addCleanup(device.close)
        device.sendall(frame(b"raspberrypi"))
        daemon.wait_for("device without a name connected from 192.0.2.7:50412")
        self.assertEqual("('192.0.2.7', 50412)", daemon.call("relay.devices")["rows"][0]["address"])


class WrongPortTests(RealTlsTestCase):
    def test_tools(self) -> None:
        """A plain port tells curl that it speaks no TLS, a TLS port that it does, and a service that it is none of the web's."""
        daemon = self.start(
            self.write_ini(f"[gateway]\nlisten = loopback:0\n[relay]\nlisten = loopback:0\n[room]\n{self.listen}")
        )
        plain, relay, secured = (daemon.port(kind) for kind in ("gateway", "relay", "room"))
        for url, text in (
            (f"https://localhost:{plain}/", "unexpected message"),
            (f"https://localhost:{relay}/", "unexpected message"),
            (f"http://localhost:{relay}/", r"This port is \[relay\] of netd, which speaks no HTTP\."),
            (f"http://localhost:{secured}/", "This port speaks TLS: the address begins with https://"),
        ):
            finished = subprocess.run([program("curl"), "-sS", url], capture_output=True, timeout=PATIENCE, check=False)
            self.assertRegex((finished.stdout + finished.stderr).decode(), text, url)


class RenewalTests(RealTlsTestCase):
    def test_renewed(self) -> None:
        """A certificate that is renewed under the same name is served without a restart; open connections go on."""
        daemon = self.start(self.write_ini(f"[relay]\n{self.listen}"))
        device = self.handshake(daemon.port())
        device.sendall(frame(b"raspberrypi"))
        self.renew(self.pem, "second.example")
        controller = self.handshake(daemon.port())
        self.assertIn(("DNS", "second.example"), (controller.getpeercert() or {})["subjectAltName"])
        controller.sendall(frame(b"python") + str(device.getsockname()).encode().ljust(64) + frame(b"hello"))
        self.assertEqual(b"hello", read_frame(device))


class KeyTests(RealTlsTestCase):
    def test_key_that_others_can_read(self) -> None:
        """`netd check` and the start warn, with the remedy; neither refuses what has run so for a year."""
        self.pem.chmod(0o644)
        ini = self.write_ini(f"[relay]\n{self.listen}")
        outcome = self.twistd("netd", "-c", ini, "--check")
        self.assertEqual(0, outcome.returncode)
        remedy = f"other users of this machine can read this private key: run `chmod 600 {self.pem}`"
        self.assertEqual(f"{ini}: warning: [relay] {self.pem}: {remedy}\n", outcome.stderr)
        daemon = self.start(ini)
        daemon.port()
        self.assertIn(f"relay: {self.pem}: {remedy}", daemon.output)

    def test_unusable(self) -> None:
        """A key that is not the certificate's is found by `netd check`, in one line with the files."""
        other = write_private(self.folder / "other.pem", self.authority.issue("localhost")[0])
        ini = self.write_ini(f"[relay]\nlisten = ssl:0:privateKey={other}:certKey={self.pem}\n")
        outcome = self.twistd("netd", "-c", ini, "--check")
        self.assertEqual(78, outcome.returncode)
        self.assertIn(f"{self.pem}: its first certificate is not that of the key in {other}", outcome.stderr)


class WiresTests(RealTestCase):
    """All wires through TLS, with our own clients, the certificates of ``netd cert``, and the mistakes that people make."""

    def setUp(self) -> None:
        super().setUp()
        now = time.time()
        self.files = CertificateFiles(self.folder / "certificates", now)
        self.files.make_authority("lab")
        self.files.issue(["lab.local"], "server", 825, is_renewed=False)
        self.ca = self.folder / "certificates" / "ca.pem"
        for name, word in (("door-lock", "device"), ("bell", "device"), ("ada", "operator")):
            issued, _ = self.files.issue_client(name, 100, is_renewed=False)
            add_key(self.state / TOKENS, name, word, key_digest(issued.pem))
        self.agent_port = free_port()
        sections = "".join(
            f"[{kind}]\nlisten = {LOOPBACK}\ntls = yes\n" for kind in ("relay", "command", "room", "feed", "manhole")
        )
        write_entry(self.state / "manhole.passwd", make_entry("ada", "correct horse battery", bytes(SALT_BYTES)))
        tls = f"[tls]\ncertificate = {self.folder}/certificates/server.pem\nclient_ca = {self.ca}\n"
        dialled = f"[session]\nlisten = {LOOPBACK}\ntls = yes\nagent_port = {self.agent_port}\n"
        self.daemon = self.start(self.write_ini(f"{tls}{sections}{dialled}[gateway]\nlisten = {LOOPBACK}\ntls = yes\n"))

    def own(self, name: str) -> Path:
        """The key and certificate of a device."""
        return self.folder / "certificates" / f"{name}.pem"

    def device(self, name: str, certificate: Path | None = None) -> relay.Device:
        """A device that says that it is *name*."""
        return relay.Device("127.0.0.1", self.daemon.port("relay"), name, cafile=self.ca, certificate=certificate)

    def test_wires(self) -> None:
        """Each client does its work; a certificate proves a name; what is wrong is said at both ends."""
        port = self.daemon.port
        with self.device("door-lock", self.own("door-lock")) as device:
            threading.Thread(target=device.run, args=(lambda payload: b"heard " + payload,), daemon=True).start()
            self.daemon.wait_for("door-lock connected from")
            with relay.Controller("127.0.0.1", port("relay"), cafile=self.ca) as controller:
                self.assertEqual(b"heard code", controller.send("door-lock", b"code", deadline=PATIENCE).answer)
        with session.Agent({"x": lambda: 1.5}, port=self.agent_port, server_port=port("session"), cafile=self.ca) as agent:
            agent.listen()
            threading.Thread(target=agent.run, daemon=True).start()
            begun = self.daemon.call("session.start", host="127.0.0.1")
            self.assertEqual("streaming", begun["state"], begun)
        with command.Caller("127.0.0.1", port("command"), cafile=self.ca) as caller:
            self.assertEqual(3.0, caller.call("add", first=1, second=2))
        with feed.Feed("127.0.0.1", port("feed"), cafile=self.ca) as samples:
            self.assertTrue(next(iter(samples)))
        url = f"https://127.0.0.1:{port('gateway')}"
        with Gateway(url, cafile=self.ca, certificate=self.own("ada")) as gateway:
            self.assertEqual(("ada", "certificate"), tuple(gateway.call("system.whoami")[one] for one in ("name", "proof")))
        with Gateway(url, cafile=self.ca) as gateway, self.assertRaisesRegex(ControlError, "token"):
            gateway.call("system.whoami")
        seated = threading.Event()
        with room.Bot("127.0.0.1", port("room"), "Ann", dialect="netd", cafile=self.ca, on_welcome=lambda _: seated.set()) as bot:
            threading.Thread(target=lambda: list(bot.exchanges()), daemon=True).start()
            self.assertTrue(seated.wait(PATIENCE))
        self.assertNotIn("reset by the peer", self.daemon.output)
        trust = ssl.create_default_context(cafile=str(self.ca))
        with trust.wrap_socket(self.connect(port("manhole")), server_hostname="lab.local") as telnet:
            self.assertIn(b"login", telnet.recv(1000).lower())
        self.refused()
        self.old_pythons()

    def old_pythons(self) -> None:
        """The client of one file speaks TLS on each Python that is here."""
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]); import relay\n"
            "with relay.Controller('127.0.0.1', int(sys.argv[2]), cafile=sys.argv[3], certificate=sys.argv[4]) as controller:\n"
            "    print(controller.devices())"
        )
        arguments = (make_clients(self.folder), str(self.daemon.port("relay")), self.ca, self.own("ada"))
        for python in pythons():
            ran = subprocess.run(
                [python, "-c", script, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            self.assertEqual(0, ran.returncode, f"{python}: {ran.stderr}")

    def refused(self) -> None:
        """Another device's certificate, or none, for a name that has one; another authority; plain text."""
        port = self.daemon.port("relay")
        for certificate, told in ((self.own("bell"), "device bell refused"), (None, "refused .*door-lock")):
            with self.device("door-lock", certificate) as device:
                threading.Thread(target=device.run, args=(lambda payload: None,), daemon=True).start()
                self.daemon.wait_for(told)
        with self.device("door-lock", self.own("door-lock")) as device:
            threading.Thread(target=device.run, args=(lambda payload: None,), daemon=True).start()
            self.daemon.wait_for("(?s)door-lock connected from.*door-lock connected from")
            remove_token(self.state / TOKENS, "door-lock")
            self.daemon.wait_for("device door-lock left .*no longer admitted")
        other = self.folder / "other.pem"
        other.write_bytes(Authority("other").pem)
        told = "is of another authority than that in cafile"
        with relay.Controller("127.0.0.1", port, cafile=other) as controller, self.assertRaisesRegex(relay.RelayError, told):
            controller.devices()
        self.daemon.wait_for("the client does not know the authority of netd's certificate")
        with self.connect(port) as plain:
            plain.sendall(frame(b"raspberrypi"))
            self.daemon.wait_for("plain text on a TLS port")
