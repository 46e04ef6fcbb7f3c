"""Tests of :mod:`netd.cli.cert`: an authority, certificates of servers and devices, in files with the right modes."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from netd.certificate_faults import names_in
from netd.cli.authority import key_digest
from netd.pem import Files
from netd.principal import Kind, Proof
from netd.secrets.tokens import TOKENS, Tokens
from tests.cli.fakes import CommandTests
from tests.debian import program
from tests.tls import PEM


class CertTestCase(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.state = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.state)
        self.folder = self.state / "certificates"

    def cert(self, *words: str, code: int = 0) -> str:
        """What ``netd cert`` says, with the state directory of this test."""
        result = self.netd("cert", *words, "--state", str(self.state))
        self.assertEqual(code, result.exit_code, result.output)
        return result.output

    def read(self, name: str) -> x509.Certificate:
        """A certificate in the folder, in PEM or DER."""
        content = (self.folder / name).read_bytes()
        if name.endswith(".der"):
            return x509.load_der_x509_certificate(content)
        return x509.load_pem_x509_certificate(content[content.index(b"-----BEGIN CERTIFICATE") :])

    def modes(self) -> dict[str, int]:
        """The modes of all files in the folder."""
        return {path.name: stat.S_IMODE(path.stat().st_mode) for path in self.folder.iterdir()}


class AuthorityTests(CertTestCase):
    def test_made_once(self) -> None:
        """The authority is there in PEM, in DER and for C; its key is private; a second one is refused."""
        told = self.cert("init")
        self.assertIn("keep it secret, and elsewhere if you can", told)
        self.assertEqual({"ca.key": 0o600, "ca.pem": 0o644, "ca.der": 0o644, "netd_ca.h": 0o644}, self.modes())
        self.assertEqual(self.read("ca.pem"), self.read("ca.der"))
        header = (self.folder / "netd_ca.h").read_text()
        self.assertTrue(header.startswith('static const char NETD_CA[] =\n    "-----BEGIN CERTIFICATE-----\\n"\n'), header)
        before = (self.folder / "ca.pem").read_bytes()
        self.assertIn("there is an authority already, which your devices may trust; nothing was done", self.cert("init", code=1))
        self.assertEqual(before, (self.folder / "ca.pem").read_bytes())

    def test_before_the_first_start(self) -> None:
        """Where there is no state directory yet, it is made as netd wants it: closed to others."""
        state = self.state / "new"
        self.assertEqual(0, self.netd("cert", "init", "--state", str(state)).exit_code)
        self.assertEqual(0o700, stat.S_IMODE(state.stat().st_mode))

    def test_elsewhere(self) -> None:
        """Another folder holds another authority."""
        elsewhere = self.state / "other"
        told = json.loads(self.cert("init", "--dir", str(elsewhere), "--json"))
        self.assertEqual([str(elsewhere / name) for name in ("ca.key", "ca.pem", "ca.der", "netd_ca.h")], told["files"])


class ServerTests(CertTestCase):
    def test_names_and_addresses(self) -> None:
        """The certificate is for the names and addresses given, and for this machine itself; the daemon can use its file."""
        self.cert("init")
        told = self.cert("issue", "--name", "lab.local", "--ip", "192.168.1.10", "--ip", "fd00::7")
        path = self.folder / "server.pem"
        self.assertIn(f"[tls]\ncertificate = {path}\n", told)
        wanted = ["lab.local", "localhost", "192.168.1.10", "fd00::7", "127.0.0.1", "::1"]
        self.assertEqual(wanted, names_in(self.read("server.pem")))
        self.assertEqual(0o600, self.modes()["server.pem"])
        (pair,) = Files(path, path).pairs()
        self.assertEqual(("lab.local", "localhost"), pair.names)
        at = str(int(self.read("server.pem").not_valid_before_utc.timestamp()) + 1000)
        verify = ["verify", "-x509_strict", "-CAfile", self.folder / "ca.pem", "-attime", at, path]
        checked = subprocess.run([program("openssl"), *verify], capture_output=True, text=True, check=False)
        self.assertEqual((0, f"{path}: OK\n"), (checked.returncode, checked.stdout), checked.stderr)

    def test_own_names(self) -> None:
        """Without names it is for this machine's own."""
        self.cert("init")
        told = json.loads(self.cert("issue", "--json"))
        self.assertLessEqual({"localhost", "127.0.0.1", "::1"}, set(told["names"]))
        self.assertGreater(len(told["names"]), 3)

    def test_renewed(self) -> None:
        """What is there is replaced only if that is said."""
        self.cert("init")
        self.cert("issue", "--name", "lab.local")
        before = self.read("server.pem")
        self.assertIn("is there already; to replace it by a new one, say --replace", self.cert("issue", "--name", "x", code=1))
        self.assertEqual(before, self.read("server.pem"))
        self.cert("issue", "--name", "lab.local", "--replace", "--days", "30")
        self.assertNotEqual(before, self.read("server.pem"))

    def test_renewed_for_the_same(self) -> None:
        """The one that replaces another is for what the other was for and for what is added; the command says which is which."""
        self.cert("init")
        self.cert("issue", "--name", "lab.local", "--ip", "192.168.1.10")
        before = names_in(self.read("server.pem"))
        told = self.cert("issue", "--replace")
        self.assertIn("as the one before it, lab.local, 192.168.1.10; new: nothing;", told)
        self.assertEqual(before, names_in(self.read("server.pem")))
        told = self.cert("issue", "--replace", "--ip", "10.0.0.1", "--name", "lab.local")
        self.assertIn("as the one before it, lab.local, 192.168.1.10; new: 10.0.0.1;", told)
        self.assertEqual({*before, "10.0.0.1"}, set(names_in(self.read("server.pem"))))

    def test_damaged_renewed(self) -> None:
        """A file without a certificate is replaced by one for this machine, or for what is named."""
        self.cert("init")
        (self.folder / "server.pem").write_text("hello")
        self.assertEqual([], json.loads(self.cert("issue", "--replace", "--json"))["kept"])

    def test_next(self) -> None:
        """After the authority, the next command is for this machine's own name and addresses."""
        told = self.cert("init")
        self.assertIn(f"next: netd cert issue --name {socket.gethostname()}", told)
        self.assertNotIn("192.168.1.10", told)

    def test_mistakes(self) -> None:
        """Names that are none, addresses that are none, and a folder without an authority are told with the remedy."""
        self.assertIn("ca.key: is missing: run `netd cert init` first", self.cert("issue", "--name", "lab.local", code=1))
        self.assertIn("addresses have --ip", self.cert("issue", "--name", "192.168.1.10", code=2))
        self.assertIn("is no name of a machine", self.cert("issue", "--name", "a" * 70, code=2))
        self.assertIn("is no address: write it as in 192.168.1.10", self.cert("issue", "--ip", "lab.local", code=2))
        self.assertIn("is no name of a file", self.cert("issue", "--file", "../x", code=2))
        self.cert("init")
        (self.folder / "ca.key").write_text("hello")
        self.assertIn("ca.key: is not the key of ca.pem", self.cert("issue", "--name", "lab.local", code=1))
        (self.folder / "ca.key").chmod(0o644)
        self.assertIn("is open to other users: run `chmod 600", self.cert("issue", "--name", "lab.local", code=1))
        (self.folder / "ca.key").unlink()
        told = self.cert("issue", "--name", "lab.local", code=1)
        self.assertIn("ca.key: is missing: bring it back from where it is kept, or name the folder with --dir", told)


class DeviceTests(CertTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.cert("init")

    def proved(self) -> tuple[str, Kind, Proof]:
        """Who the certificate of ``door-lock`` belongs to."""
        found = Tokens(self.state / TOKENS).find_key(key_digest(self.read("door-lock.pem").public_bytes(PEM).decode()))
        assert found is not None
        return found.name, found.kind, found.principal.proof

    def test_proves_the_name(self) -> None:
        """A device's certificate is there for Python, MicroPython and Arduino, its keys are private, and it proves the name."""
        told = self.cert("device", "door-lock")
        self.assertIn(f"client_ca = {self.folder / 'ca.pem'}", told)
        modes = self.modes()
        self.assertEqual(
            {"door-lock.pem": 0o600, "door-lock.der": 0o644, "door-lock.key.der": 0o600, "door-lock.h": 0o600},
            {name: mode for name, mode in modes.items() if name.startswith("door-lock")},
        )
        self.assertEqual(("door-lock", Kind.DEVICE, Proof.CERTIFICATE), self.proved())
        key = (self.folder / "door-lock.key.der").read_bytes()
        self.assertEqual(121, len(key))
        self.assertEqual(load_der_private_key(key, None).public_key(), self.read("door-lock.der").public_key())
        self.assertIn("static const char NETD_KEY[] =", (self.folder / "door-lock.h").read_text())
        ssl.create_default_context().load_cert_chain(self.folder / "door-lock.pem")

    def test_beside_a_token(self) -> None:
        """A name that has a token keeps it, and its rights; a renewed certificate takes the place of the one before."""
        self.netd("token", "add", "door-lock", "--device", "--send", "bell", "--state", str(self.state))
        self.cert("device", "door-lock")
        old = key_digest(self.read("door-lock.pem").public_bytes(PEM).decode())
        self.assertIn("say --replace", self.cert("device", "door-lock", code=1))
        self.cert("device", "door-lock", "--replace")
        tokens = Tokens(self.state / TOKENS)
        self.assertEqual(2, len((self.state / TOKENS).read_text().splitlines()))
        self.assertIsNone(tokens.find_key(old))
        found = tokens.find_key(key_digest(self.read("door-lock.pem").public_bytes(PEM).decode()))
        assert found is not None
        self.assertEqual(("bell",), found.sends)

    def test_other_kinds(self) -> None:
        """Agents and others get certificates in the same way; a name of another kind is refused before it is written."""
        self.assertEqual("belt", json.loads(self.cert("device", "belt", "--kind", "agent", "--json"))["name"])
        self.assertIn(" agent ", (self.state / TOKENS).read_text())
        self.assertIn("belt is there already, as agent: choose another name", self.cert("device", "belt", "--replace", code=1))
        self.assertIn("is not a name", self.cert("device", "../belt", code=2))
