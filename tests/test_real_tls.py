"""TLS for real: clients that offer protocols when it begins, as browsers, curl and OpenSSL do; and certificates renewed."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

from websockets.sync.client import connect as connect_websocket

from tests.debian import program
from tests.process import PATIENCE, RealTestCase, frame, read_frame
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
