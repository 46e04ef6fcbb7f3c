"""TLS of the clients: which files are taken, and what is said about each of the usual mistakes. Handshakes without a network."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from twisted.trial.unittest import SynchronousTestCase

from netd.client.relay import Controller, Device, RelayError
from netd.client.tls import CannotTrust, ClientTls, tls_reason
from tests.tls import NO_PASSPHRASE, PEM, Authority, write_private


class ClientTlsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.authority = Authority()
        self.cafile = self.write("ca.pem", self.authority.pem)

    def write(self, name: str, *pieces: bytes) -> Path:
        return write_private(self.folder / name, *pieces)


class FilesTests(ClientTlsTestCase):
    def test_without(self) -> None:
        """Without a cafile there is no TLS; and what would be shown in it is refused."""
        self.assertIsNone(ClientTls().context())
        for wrong in ({"certificate": "a.pem"}, {"key": "a.key"}, {"cafile": "ca.pem", "key": "a.key"}):
            self.assertRaises(ValueError, ClientTls, **wrong)
            self.assertRaises(ValueError, Device, "lab", 5050, "door", **wrong)

    def test_verified(self) -> None:
        """The server's certificate is verified; the client's own is loaded, with its key in the same file or apart."""
        key, certificate = self.authority.issue("door-lock")
        one, apart = self.write("one.pem", key, certificate), (self.write("cert.pem", certificate), self.write("key.pem", key))
        for arguments in ((one,), apart, ()):
            context = ClientTls(self.cafile, *arguments).context()
            self.assertEqual((ssl.CERT_REQUIRED, True), (context.verify_mode, context.check_hostname))

    def test_mistakes(self) -> None:
        """A file that cannot be used is named with what it is, and what is to be given instead."""
        key, certificate = self.authority.issue("door-lock")
        other, _ = self.authority.issue("other")
        der = self.write("ca.der", ssl.PEM_cert_to_DER_cert(self.authority.pem.decode()))
        for arguments, told in (
            ((der,), "ca.der: it is DER, which MicroPython reads, or no certificate at all: give the ca.pem"),
            (
                (self.write("all.pem", key, certificate),),
                "all.pem: it holds a private key: give the certificate of the authority",
            ),
            ((self.folder / "gone.pem",), "gone.pem: No such file or directory"),
            ((self.write("odd.pem", b"-----BEGIN CERTIFICATE-----\n"),), "odd.pem: "),
            ((self.cafile, self.folder / "gone.pem"), "gone.pem: "),
            (
                (self.cafile, self.write("c.pem", certificate), self.write("k.pem", other)),
                "the key is not that of the certificate",
            ),
        ):
            self.assertIn(told, str(self.assertRaises(CannotTrust, ClientTls(*arguments).context)))

    def test_told_by_clients(self) -> None:
        """A client says so where it says that it cannot reach the server."""
        with Controller("127.0.0.1", 1, cafile=self.folder / "gone.pem") as controller:
            error = self.assertRaises(RelayError, controller.devices)
        self.assertIn("cannot reach the relay at 127.0.0.1:1: ", str(error))
        self.assertIn("gone.pem: No such file or directory", str(error))


class ReasonTests(ClientTlsTestCase):
    def shake(self, pem: Path, host: str, demand: Path | None = None, client: Path | None = None) -> str:
        """What a client that dials *host* says about a server with *pem*; empty if nothing is wrong."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(pem)
        if demand is not None:
            server.verify_mode = ssl.CERT_REQUIRED
            server.load_verify_locations(demand)
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        ours = ClientTls(self.cafile, client).context().wrap_bio(back, there, server_hostname=host)
        theirs = server.wrap_bio(there, back, server_side=True)
        try:
            for _ in range(3):
                with contextlib.suppress(ssl.SSLWantReadError):
                    ours.do_handshake()
                with contextlib.suppress(ssl.SSLError):
                    theirs.do_handshake()
            with contextlib.suppress(ssl.SSLWantReadError):
                ours.read(1)
        except ssl.SSLError as error:
            return tls_reason(error, host)
        return ""

    def test_servers(self) -> None:
        """Each mistake with the server's certificate has a sentence of its own, with the remedy."""
        good = self.write("good.pem", *self.authority.issue("lab.local", "192.0.2.7"))
        self.assertEqual(["", ""], [self.shake(good, host) for host in ("lab.local", "192.0.2.7")])
        own = Authority("alone")
        alone = self.write("alone.pem", own.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, NO_PASSPHRASE), own.pem)
        for pem, host, told in (
            (good, "lab", "not for lab: dial a name that it has, or make one by `netd cert issue --name lab`"),
            (good, "192.0.2.8", "not for 192.0.2.8: dial a name that it has, or make one by `netd cert issue --ip 192.0.2.8`"),
            (
                self.write("old.pem", *self.authority.issue("lab.local", days=(-3, -1))),
                "lab.local",
                "has expired, or this machine",
            ),
            (
                self.write("new.pem", *self.authority.issue("lab.local", days=(1, 3))),
                "lab.local",
                "is not valid yet: the clock of",
            ),
            (
                self.write("far.pem", *Authority("x").issue("lab.local")),
                "lab.local",
                "is of another authority than that in cafile",
            ),
            (self.write("re.pem", *Authority().issue("lab.local")), "lab.local", "has the right name and another key"),
            (alone, "alone", "is self-signed: has [tls] of netd the `certificate` that the authority signed?"),
        ):
            self.assertIn(told, self.shake(pem, host))

    def test_clients(self) -> None:
        """A server that wants a certificate says so by an alert, after the handshake of TLS 1.3: it is told as what it means."""
        good = self.write("good.pem", *self.authority.issue("lab.local"))
        mine = self.write("mine.pem", *self.authority.issue("door-lock"))
        self.assertEqual("", self.shake(good, "lab.local", self.cafile, mine))
        self.assertIn("wants a certificate of this client", self.shake(good, "lab.local", self.cafile))
        for name, told in (
            ("x", "it is of another authority than `client_ca`"),
            ("authority", "its authority has been made anew"),
        ):
            other = self.write("other.pem", *Authority(name).issue("door-lock"))
            self.assertIn(told, self.shake(good, "lab.local", self.cafile, other))

    def test_old_python(self) -> None:
        """Python 3.7 writes alerts that are newer than it in OpenSSL's words."""
        error = ssl.SSLError(1, "[SSL] tlsv13 alert certificate required (_ssl.c:2508)")
        self.assertIn("wants a certificate of this client", tls_reason(error))

    def test_others(self) -> None:
        """An error that is none of TLS keeps its words."""
        self.assertEqual("[Errno 111] refused", tls_reason(ConnectionRefusedError(111, "refused"), "lab"))
        self.assertEqual("", tls_reason(TimeoutError()))
        unheard = ssl.SSLCertVerificationError(1, "x")
        unheard.verify_code, unheard.verify_message = 77, "what is this?"
        self.assertEqual("the server's certificate cannot be verified: what is this?", tls_reason(unheard))
