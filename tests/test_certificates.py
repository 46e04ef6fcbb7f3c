"""Certificates: what is read off which files, who gets which, and renewal without a restart. Handshakes without a network."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from netd.certificates import DAY, Certificates
from netd.connection.tls import SecuredFactory
from netd.listening import make_context
from netd.pem import CertificateError, Files, Folder, PairSource, exposed_keys, source_of
from tests.tls import PEM, Authority, Client, EchoFactory, write_private


class CertificateTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.authority = Authority()

    def write(self, name: str, *pieces: bytes) -> Path:
        """A file that nobody else can read."""
        return write_private(self.folder / name, *pieces)

    def pair(self, *hosts: str) -> Files:
        """A pair of files, for *hosts*."""
        key, certificate = self.authority.issue(*(hosts or ("localhost",)))
        return Files(self.write("key.pem", key), self.write("cert.pem", certificate))

    def serve(self, source: PairSource, *protocols: bytes) -> Certificates:
        """The certificates of *source*, loaded."""
        certificates = Certificates(source, protocols, "pump")
        certificates.load()
        return certificates

    def greet(self, certificates: Certificates, **options: Any) -> Client:
        """A client that has shaken hands."""
        clock = Clock()
        factory = SecuredFactory(certificates, EchoFactory("pump", make_context(clock, 30.0)), clock)
        return Client(factory.buildProtocol(None), **options).shake_hands()

    def name_seen(self, client: Client) -> str:
        """The name in the certificate that *client* was shown."""
        shown: Any = client.side.get_peer_certificate()
        name: str = shown.get_subject().CN
        return name

    def refusal(self, source: PairSource) -> str:
        return str(self.assertRaises(CertificateError, self.serve, source))


class AlpnTests(CertificateTestCase):
    def test_browser(self) -> None:
        """A browser offers HTTP/2 and HTTP/1.1: it is told HTTP/1.1."""
        client = self.greet(self.serve(self.pair(), b"http/1.1"), alpn=(b"h2", b"http/1.1"))
        self.assertEqual(b"http/1.1", client.side.get_alpn_proto_negotiated())

    def test_nothing_in_common(self) -> None:
        """A client that offers other protocols only is served, and told none; so is one that offers none."""
        for protocols in ((b"http/1.1",), ()):
            for offered in ((b"h2",), (b"mqtt",), ()):
                client = self.greet(self.serve(self.pair(), *protocols), alpn=offered)
                self.assertEqual(b"", client.side.get_alpn_proto_negotiated())


class SuiteTests(CertificateTestCase):
    def test_forward_secrecy(self) -> None:
        """Suites without forward secrecy, or without authenticated encryption, are refused."""
        for suites in (b"AES128-GCM-SHA256", b"ECDHE-ECDSA-AES128-SHA256", b"ECDHE-ECDSA-AES128-SHA"):
            with self.assertRaises(SSL.Error):
                self.greet(self.serve(self.pair()), newest=SSL.TLS1_2_VERSION, suites=suites + b":@SECLEVEL=0")
        client = self.greet(self.serve(self.pair()), newest=SSL.TLS1_2_VERSION)
        self.assertRegex(client.side.get_cipher_name() or "", "^ECDHE-.*(GCM|CHACHA20)")

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3 are spoken, older ones are not; `sslmethod` may keep it to 1.2."""
        files = self.pair()
        with self.assertRaises(SSL.Error):
            self.greet(self.serve(files), newest=SSL.TLS1_1_VERSION, suites=b"ALL:@SECLEVEL=0")
        self.assertEqual("TLSv1.3", self.greet(self.serve(files)).side.get_protocol_version_name())
        arguments = {"privateKey": str(files.key), "certKey": str(files.certificate), "sslmethod": "TLSv1_2_METHOD"}
        self.assertEqual("TLSv1.2", self.greet(self.serve(source_of("ssl", arguments))).side.get_protocol_version_name())
        error = self.assertRaises(CertificateError, source_of, "ssl", {"sslmethod": "TLSv1_METHOD"})
        self.assertIn("'TLSv1_METHOD': TLS 1.2 and newer are served; leave it out", str(error))


class CertificateFilesTests(CertificateTestCase):
    def test_chain(self) -> None:
        """What follows the certificate in its file, and what an extra file holds, is shown to clients with it."""
        middle = Authority("middle", self.authority)
        key, certificate = middle.issue("localhost")
        whole = self.write("whole.pem", key, certificate, middle.pem)
        apart = {"privateKey": str(self.write("key.pem", key)), "certKey": str(self.write("cert.pem", certificate))}
        extra = {**apart, "extraCertChain": str(self.write("chain.pem", middle.pem))}
        for source in (source_of("ssl", {"privateKey": str(whole)}), source_of("ssl", extra)):
            shown = self.greet(self.serve(source)).side.get_peer_cert_chain()
            self.assertEqual(["localhost", "middle"], [each.get_subject().CN for each in shown or ()])

    def test_faults(self) -> None:
        """Whatever is wrong is told with the file that it is in."""
        files, other = self.pair(), self.authority.issue("elsewhere")
        nothing = self.write("nothing.pem", b"what is this?\n")
        broken = self.write("broken.pem", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
        odd = self.write("odd.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        for source, text in (
            (Files(nothing, files.certificate), "nothing.pem: there is no private key in it"),
            (Files(files.key, nothing), "nothing.pem: there is no certificate in it"),
            (Files(files.key, broken), "broken.pem: cannot be used: "),
            (Files(odd, files.certificate), "odd.pem: cannot be used: "),
            (Files(files.key, self.folder / "gone.pem"), "gone.pem cannot be read: No such file or directory"),
            (Files(files.key, self.write("other.pem", other[1])), "other.pem: its first certificate is not that of the key in "),
            (Files(files.key, files.certificate, dh_parameters=nothing), "cannot be used: "),
        ):
            self.assertIn(text, self.refusal(source))

    def test_passphrase(self) -> None:
        """A key with a passphrase is refused with the remedy; nobody is asked for it on the terminal."""
        key = ec.generate_private_key(ec.SECP256R1())
        locked = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret"))
        text = self.refusal(Files(self.write("locked.pem", locked), self.pair().certificate))
        self.assertIn("locked.pem: the private key has a passphrase, and a daemon can ask nobody: `openssl pkey -in ", text)


class FolderTests(CertificateTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("a.pem", *self.authority.issue("lab.example", "pi.lab.example"))
        key, certificate = self.authority.issue("*.wild.example")
        self.write("b.pem", key)
        self.write("c.pem", certificate, self.authority.pem)
        self.write("d.txt", b"what is this?")

    def test_by_server_name(self) -> None:
        """The name that a client asks for chooses the certificate; another name, or none, gets the first."""
        certificates = self.serve(Folder(self.folder))
        for asked, name in (
            (b"lab.example", "lab.example"),
            (b"PI.lab.example", "lab.example"),
            (b"x.wild.example", "*.wild.example"),
            (b"x.y.wild.example", "lab.example"),
            (b"elsewhere.example", "lab.example"),
            (None, "lab.example"),
        ):
            self.assertEqual(name, self.name_seen(self.greet(certificates, server_name=asked)), asked)

    def test_chain(self) -> None:
        """Certificates without a key lead from the others to their issuers, in whichever file they are."""
        client = self.greet(self.serve(Folder(self.folder)))
        self.assertEqual(2, len(client.side.get_peer_cert_chain() or ()))

    def test_alpn(self) -> None:
        """Whichever certificate it is, the protocols are the same."""
        certificates = self.serve(Folder(self.folder), b"http/1.1")
        client = self.greet(certificates, server_name=b"x.wild.example", alpn=(b"h2", b"http/1.1"))
        self.assertEqual(b"http/1.1", client.side.get_alpn_proto_negotiated())

    def test_new_file(self) -> None:
        """A pair that is added is served to those who ask for it."""
        certificates = self.serve(Folder(self.folder))
        self.write("e.pem", *self.authority.issue("new.example"))
        self.assertEqual("new.example", self.name_seen(self.greet(certificates, server_name=b"new.example")))

    def test_empty(self) -> None:
        """A directory may get its first pair later; one whose files make no pair is refused before anybody connects."""
        empty = self.folder / "empty"
        empty.mkdir()
        certificates = self.serve(Folder(empty))
        with self.assertRaises(SSL.Error):
            self.greet(certificates)
        self.write("empty/late.pem", *self.authority.issue("late.example"))
        self.assertEqual("late.example", self.name_seen(self.greet(certificates)))
        self.write("empty/late.pem", self.authority.issue("late.example")[1])
        self.assertIn("none of its .pem files holds a certificate whose key is there, too", self.refusal(Folder(empty)))


class RenewalTests(CertificateTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.files = self.pair("old.example")
        self.certificates = self.serve(self.files)

    def renew(self, *hosts: str) -> None:
        """Replace both files, as a program that renews certificates does."""
        for path, content in zip((self.files.key, self.files.certificate), self.authority.issue(*hosts), strict=True):
            write_private(path.with_suffix(".new"), content).replace(path)

    def test_renewed(self) -> None:
        """New connections get the new certificate, and those that are open go on with the old one."""
        first = self.greet(self.certificates)
        self.renew("new.example")
        with capturedLogs() as events:
            self.assertEqual("new.example", self.name_seen(self.greet(self.certificates)))
            self.greet(self.certificates)
        self.assertEqual(1, len(events))
        first.say(b"still here")
        self.assertEqual("old.example", self.name_seen(first))

    def test_half_renewed(self) -> None:
        """While key and certificate do not belong together, the old pair stays, with one log line; then the new one comes."""
        key, certificate = self.authority.issue("new.example")
        self.files.certificate.write_bytes(certificate)
        with capturedLogs() as events:
            for _ in range(3):
                self.assertEqual("old.example", self.name_seen(self.greet(self.certificates)))
        (event,) = events
        self.assertIn("its first certificate is not that of the key in", str(event["error"]))
        self.files.key.write_bytes(key)
        self.assertEqual("new.example", self.name_seen(self.greet(self.certificates)))

    def test_gone(self) -> None:
        """Files that are gone for a moment take nothing away."""
        self.files.key.unlink()
        with capturedLogs() as events:
            for _ in range(2):
                self.assertEqual("old.example", self.name_seen(self.greet(self.certificates)))
        self.assertEqual(1, len(events))
        self.renew("new.example")
        self.assertEqual("new.example", self.name_seen(self.greet(self.certificates)))


class EndTests(CertificateTestCase):
    """Certificates end: netd warns in time, once a day."""

    def setUp(self) -> None:
        super().setUp()
        self.now = time.time()

    def load(self, days: float) -> tuple[Certificates, list[str]]:
        """Certificates that are good for so many *days*, and the warnings of the start."""
        key, certificate = self.authority.issue("lab.local", days=(-1, days))
        files = Files(self.write("key.pem", key), self.write("cert.pem", certificate))
        certificates = Certificates(files, (), "pump", wall=lambda: self.now)
        with capturedLogs() as events:
            certificates.load()
        return certificates, [event["what"] for event in events]

    def test_start(self) -> None:
        """The start warns of a certificate that ends within 30 days, and of one that has ended; the status has the end."""
        certificates, warnings = self.load(31)
        self.assertEqual([], warnings)
        assert certificates.end is not None
        self.assertLess(abs(self.now + 31 * DAY - certificates.end), 10)
        self.assertRegex(
            " ".join(self.load(8)[1]), "^the certificate of lab.local ends in 8 days, on 20.* UTC: `netd cert issue`"
        )
        self.assertRegex(" ".join(self.load(-0.5)[1]), "has ended on 20.*: clients refuse it")

    def test_once_a_day(self) -> None:
        """A look each half second warns once a day; a clock that was set back does not silence it for years."""
        certificates, _ = self.load(8)
        told = []
        for step in (0.5, DAY - 1, 1, 0.5, DAY, -400 * DAY, 0.5):
            self.now += step
            with capturedLogs() as events:
                certificates.look()
            told.append(len(events))
        self.assertEqual([0, 0, 1, 0, 1, 0, 0], told)

    def test_looked_at(self) -> None:
        """A look finds a renewed file without a handshake; a fault is told once, not at each look."""
        certificates, _ = self.load(8)
        key, certificate = self.authority.issue("lab.local", days=(-1, 90))
        self.write("key.pem", key)
        with capturedLogs() as events:
            for _ in range(3):
                certificates.look()
        self.assertEqual(1, len(events))
        self.write("cert.pem", certificate)
        with capturedLogs() as events:
            certificates.look()
        self.assertEqual(["pump: the certificate has changed; new connections get it"], [formatEvent(event) for event in events])

    def test_for_no_name(self) -> None:
        """A certificate that all clients will refuse is told with its file: here, one with a common name alone."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab")])
        key = ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        pem = self.write("old.pem", secret, self.authority.sign(name, key, ()).public_bytes(PEM))
        with capturedLogs() as events:
            self.serve(Files(pem, pem))
        [line] = [event["what"] for event in events]
        self.assertIn(f"{pem}: it is for no name at all", line)


class ExposedTests(CertificateTestCase):
    def warnings(self, mode: int) -> list[str]:
        files = self.pair()
        files.key.chmod(mode)
        files.certificate.chmod(0o644)
        return exposed_keys(files)

    def test_modes(self) -> None:
        """A key that others can read draws a warning with the remedy; a certificate may be read by everybody."""
        for mode in (0o644, 0o604, 0o666, 0o620):
            (warning,) = self.warnings(mode)
            self.assertIn(f"run `chmod 600 {(self.folder / 'key.pem').absolute()}`", warning)
        self.assertEqual([], self.warnings(0o600))
        self.assertEqual([], self.warnings(0o400))

    def test_group(self) -> None:
        """A group may read a key that root has given it, as Debian's `ssl-cert` does; not one of another user."""
        files = self.pair()
        files.key.chmod(0o640)
        self.assertEqual(os.geteuid() != 0, bool(exposed_keys(files)))

    def test_told_on_loading(self) -> None:
        """The log says so at the start."""
        files = self.pair()
        files.key.chmod(0o644)
        with capturedLogs() as events:
            self.serve(files)
        self.assertEqual(["pump"], [event["service"] for event in events])

    def test_credentials_of_systemd(self) -> None:
        """What systemd hands over looks as if a group could read it, and is private all the same."""
        self.patch(os, "environ", {**os.environ, "CREDENTIALS_DIRECTORY": str(self.folder.absolute())})
        self.assertEqual([], self.warnings(0o644))
