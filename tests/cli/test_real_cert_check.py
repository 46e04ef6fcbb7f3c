"""``netd cert check`` against real ports: each of the usual mistakes is provoked, and told from all others."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from twisted.trial.unittest import SynchronousTestCase

from netd.certificate_faults import authority_fault, server_fault
from netd.cli.authority import Authority
from netd.cli.cert_check import CertificateCheck
from netd.cli.cert_files import CertificateFiles
from netd.cli.main import netd
from tests.cli.fakes import CommandTests
from tests.process import PATIENCE
from tests.tls import NO_PASSPHRASE, PEM, write_private
from tests.tls import Authority as OtherAuthority

DAY = 86400


class TlsPort:
    """A port on loopback that takes connections one after the other, and does *serve* with each."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._serve = serve
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(PATIENCE)
                self._serve(connection)

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE)


class CheckTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.now = time.time()
        self.files = CertificateFiles(self.folder / "certificates", self.now)
        self.files.make_authority("lab")
        self.ca = self.folder / "certificates" / "ca.pem"
        self.files.issue(["lab.local", "127.0.0.1"], "server", 825, is_renewed=False)
        self.pem = self.folder / "certificates" / "server.pem"

    def write(self, name: str, *pieces: bytes) -> Path:
        return write_private(self.folder / name, *pieces)

    def port(self, serve: Callable[[socket.socket], None]) -> int:
        opened = TlsPort(serve)
        self.addCleanup(opened.close)
        return opened.port

    def secured(self, pem: Path, demand: Path | None = None) -> int:
        """A port that shows *pem*, and demands certificates of the authority *demand*."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        if demand is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(demand)

        def serve(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        return self.port(serve)

    def check(self, port: int, host: str = "127.0.0.1", cafile: Path | None = None, certificate: Path | None = None) -> str:
        return CertificateCheck(host, port, cafile or self.ca, certificate, None, self.now).run().told

    def signed(self, name: str, *hosts: str, at: float = 0.0, days: int = 825) -> Path:
        """A certificate of the authority, made *at* so many seconds from now."""
        authority = Authority.read((self.folder / "certificates/ca.key").read_text(), self.ca.read_text(), self.now + at)
        issued = authority.issue(hosts, days)
        return self.write(name, issued.key_pem.encode(), issued.pem.encode())


class MistakeTests(CheckTestCase):
    def test_good(self) -> None:
        """Nothing is wrong: it says for which names, and for how long."""
        told = self.check(self.secured(self.pem))
        self.assertRegex(told, r"^good: TLSv1\.3, for lab\.local, localhost, 127\.0\.0\.1, ::1, for 824 days$")

    def test_soon_over(self) -> None:
        """A certificate that ends soon is good, with a warning."""
        told = self.check(self.secured(self.signed("soon.pem", "127.0.0.1", days=8)))
        self.assertRegex(told, r"^good, but the certificate of 127\.0\.0\.1 ends in 7 days, on 20")

    def test_names(self) -> None:
        """A wrong name is told with the names that the certificate has, and with what makes one for the name that was dialled."""
        told = self.check(self.secured(self.signed("a.pem", "lab.local", "192.0.2.7")))
        self.assertIn("not for 127.0.0.1: dial a name that it has, or make one by `netd cert issue --ip 127.0.0.1`", told)
        self.assertTrue(told.endswith("; it is for lab.local, 192.0.2.7"), told)
        self.assertIn("--name localhost", self.check(self.secured(self.signed("b.pem", "lab.local")), "localhost"))

    def test_dates(self) -> None:
        """A certificate that has ended, and one that has not begun, are told with the dates."""
        old, new = self.signed("old.pem", "127.0.0.1", at=-10 * DAY, days=5), self.signed("new.pem", "127.0.0.1", at=5 * DAY)
        self.assertRegex(self.check(self.secured(old)), "has expired, .*: it ended on 20.* UTC; `netd cert issue --replace`")
        self.assertRegex(self.check(self.secured(new)), "is not valid yet: .*: it begins on 20")

    def test_authorities(self) -> None:
        """Another authority, the same one made anew, and none at all are told from one another."""
        other = OtherAuthority("other lab")
        told = self.check(self.secured(self.write("other.pem", *other.issue("127.0.0.1"))))
        self.assertRegex(told, "is of another authority than that in cafile.*; it is of CN=other lab, and .*ca.pem is CN=lab")
        again = OtherAuthority("lab")
        told = self.check(self.secured(self.write("again.pem", *again.issue("127.0.0.1"))))
        self.assertIn("the right name and another key: it was made anew, so give the ca.pem of now", told)
        key = other.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, NO_PASSPHRASE)
        self.assertIn("self-signed", self.check(self.secured(self.write("own.pem", key, other.pem))))

    def test_cafile(self) -> None:
        """A file that is not the authority's certificate is told by what it is, before anything is dialled."""
        for cafile, told in (
            (self.ca.with_suffix(".der"), "ca.der: it is DER, which MicroPython reads, or no certificate at all"),
            (self.ca.with_suffix(".key"), "ca.key: it holds a private key: give the certificate of the authority"),
            (self.write("leaf.pem", self.pem.read_bytes().partition(b"KEY-----\n-----BEGIN CERT")[2] or b""), "leaf.pem: "),
            (self.folder / "gone.pem", "gone.pem: No such file or directory: give the ca.pem of that netd with --cafile"),
            (self.write("odd.pem", b"-----BEGIN CERTIFICATE-----\n"), "odd.pem: it cannot be read as a certificate"),
        ):
            self.assertIn(told, self.check(1, cafile=cafile))
        text = self.pem.read_text()
        leaf = text[text.index("-----BEGIN CERTIFICATE") :].encode()
        self.assertIn("it is the certificate of lab.local, localhost, which is no authority", authority_fault(leaf, self.now))
        told = authority_fault(self.ca.read_bytes(), self.now - 30 * DAY)
        self.assertRegex(told, r"this machine's clock says 20.*, and the authority was made on 20.*: set the clock first")

    def test_no_tls(self) -> None:
        """Ports where nobody answers, where plain text is spoken, and where nothing is said are told from one another."""
        closed = TlsPort(lambda _: None)
        closed.close()
        self.assertIn("nothing answers there: Connection refused", self.check(closed.port))
        plain = self.port(lambda one: one.sendall(b"220 welcome\r\n") or None)
        self.assertIn("this port does not speak TLS", self.check(plain))
        self.assertIn("it broke the connection off in the handshake", self.check(self.port(lambda one: one.recv(1) and None)))

    def test_client(self) -> None:
        """A server that wants a certificate, one that refuses it, and one that takes it are told from one another."""
        port = self.secured(self.pem, demand=self.ca)
        self.assertIn("wants a certificate of this client", self.check(port))
        stranger = self.write("stranger.pem", *OtherAuthority("other").issue("door-lock"))
        self.assertIn("does not take this client's certificate", self.check(port, certificate=stranger))
        self.files.issue_client("door-lock", 3650, is_renewed=False)
        self.assertIn("good: ", self.check(port, certificate=self.folder / "certificates" / "door-lock.pem"))
        gone = self.check(port, certificate=self.folder / "gone.pem")
        self.assertIn("gone.pem: No such file or directory", gone)

    def test_servers_file(self) -> None:
        """What a server's own file can have wrong is told at its side, too."""
        text = self.pem.read_text()
        good = x509.load_pem_x509_certificate(text[text.index("-----BEGIN CERT") :].encode())
        self.assertEqual("", server_fault(good, self.now))
        self.assertIn("it is not valid before 20", server_fault(good, self.now - 30 * DAY))
        ca = x509.load_pem_x509_certificate(self.ca.read_bytes())
        self.assertIn("it is the authority's own certificate", server_fault(ca, self.now))
        client, _ = self.files.issue_client("bell", 10, is_renewed=False)
        self.assertIn("it is for no name at all", server_fault(client.certificate, self.now))


class CommandLineTests(CommandTests):
    def test_exit_status(self) -> None:
        """What is wrong is on standard output, and status 1 for monitoring."""
        state = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, state)
        result = self.netd("cert", "check", "127.0.0.1:1", "--state", str(state))
        self.assertEqual(1, result.exit_code)
        self.assertIn("127.0.0.1:1: ", result.stdout)
        self.assertIn("ca.pem: No such file or directory", result.stdout)
        self.assertEqual(2, self.netd("cert", "check", "lab", "--state", str(state)).exit_code)
        self.assertIn('"good": false', self.netd("cert", "check", "127.0.0.1:1", "--state", str(state), "--json").stdout)
        self.assertIn("cert", netd.list_commands(None))  # type: ignore[arg-type]
