"""The file with which a node logs in at NATS: three forms are read, and anything else is told with its remedy."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.secrets.nats_login import read_login
from netd.secrets.private_files import PrivateFileError
from tests.secrets.test_nkeys import PUBLIC, SEED


class LoginTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, folder)
        self.path = folder / "node.nk"

    def write(self, text: str, mode: int = 0o600) -> Path:
        """The file with *text* in it."""
        self.path.write_text(text)
        self.path.chmod(mode)
        return self.path

    def test_seed(self) -> None:
        """A seed alone, with a comment or without, is the key of the node."""
        for text in (f"{SEED}\n", f"# node a\n{SEED}"):
            login = read_login(self.write(text))
            assert login.key is not None
            self.assertEqual((PUBLIC, "", ""), (login.key.public, login.jwt, login.user))

    def test_credentials(self) -> None:
        """A .creds file as NATS's tools write it has a JWT and a seed."""
        login = read_login(
            self.write(
                "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\nIMPORTANT\n"
                f"-----BEGIN USER NKEY SEED-----\n{SEED}\n------END USER NKEY SEED------\n"
            )
        )
        assert login.key is not None
        self.assertEqual((PUBLIC, "eyJ0.eyJq.c2ln"), (login.key.public, login.jwt))

    def test_password(self) -> None:
        """A user and a password may stand there; the password may have a colon, and no text of the object shows it."""
        login = read_login(self.write("# of node a\nada:bread:butter\n"))
        self.assertEqual((None, "ada", "bread:butter"), (login.key, login.user, login.password))
        self.assertEqual("NatsLogin(ada)", repr(login))
        self.assertEqual(f"NatsLogin({PUBLIC})", repr(read_login(self.write(SEED))))

    def test_mistakes(self) -> None:
        """A file that others can read, that is missing, or that is something else is named with what to do."""
        self.assertIn("netd cluster init", str(self.assertRaises(PrivateFileError, read_login, self.path)))
        self.assertIn("chmod 600", str(self.assertRaises(PrivateFileError, read_login, self.write(SEED, 0o644))))
        self.path.chmod(0o600)
        for text in ("", "ada\n", ":secret\n", "ada:\n", "a:b\nc:d\n"):
            message = str(self.assertRaises(PrivateFileError, read_login, self.write(text)))
            self.assertIn("a .creds file, the seed of an nkey, or a line USER:PASSWORD", message)
        message = str(self.assertRaises(PrivateFileError, read_login, self.write(SEED.replace("DXK", "DXJ"))))
        self.assertIn("its checksum is wrong; copy the file again", message)
