"""The file of the keys that open the manhole."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.secrets import ssh_keys
from netd.secrets.private_files import PrivateFileError
from netd.secrets.ssh_keys import KEYS, LoginKey, add_key, read_keys, read_public_key, remove_keys

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDnfIJiECxhxgkgl/Q4bfykWzhNvNEHVYXkGLjSQMk4S"
FINGERPRINT = "SHA256:k23JBdpDAEkxCZE3Jp7wJC0dKf2nZKrXZayVGzInSjA"


def packed(*fields: bytes) -> str:
    """A key's fields, as its Base64."""
    return base64.b64encode(b"".join(len(field).to_bytes(4, "big") + field for field in fields)).decode()


class SshKeysTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute() / KEYS

    def test_life(self) -> None:
        """Keys are added once, listed in their order, and removed, one or all of a name; comments stay."""
        other = "ssh-rsa " + packed(b"ssh-rsa", b"\x03", b"\x00" + b"\xff" * 256)
        first, second = (read_public_key(f"{text} ann@laptop\n", "ann") for text in (ED25519, other))
        self.assertEqual(read_keys(self.path), [])
        self.assertEqual([add_key(self.path, key) for key in (first, second, first)], [True, True, False])
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.path.write_text(f"# ours\n\n{self.path.read_text()}")
        self.assertTrue(add_key(self.path, read_public_key(ED25519, "bob")))
        self.assertEqual(
            [(key.name, key.type) for key in read_keys(self.path)],
            [("ann", "ssh-ed25519"), ("ann", "ssh-rsa"), ("bob", "ssh-ed25519")],
        )
        self.assertEqual(remove_keys(self.path, "ann", FINGERPRINT), 1)
        self.assertEqual(remove_keys(self.path, "ann", FINGERPRINT), 0)
        self.assertEqual(self.path.read_text().splitlines(), ["# ours", "", f"{other} ann", f"{ED25519} bob"])
        self.assertEqual(remove_keys(self.path, "ann"), 1)

    def test_fingerprint(self) -> None:
        """A fingerprint is written as `ssh-keygen -l` writes it."""
        self.assertEqual(read_public_key(ED25519, "ann").fingerprint, FINGERPRINT)

    def test_unfit_lines(self) -> None:
        """Each bad line is named, with what is wrong; nothing is taken from a file that has one."""
        short = packed(b"ssh-rsa", b"\x03", b"\x7f" + b"\xff" * 127)
        lines = {
            f'from="10.0.0.1" {ED25519} ann': "does not begin with the type of a key: options such as from=",
            f"{ED25519}": "does not end with a login name",
            f"{ED25519} ann the admin": "does not end with a login name",
            "ssh-dss AAAA ann": "keys of the type ssh-dss are not taken: make one with `ssh-keygen -t ed25519`",
            "sk-ssh-ed25519@openssh.com AAAA ann": "keys of the type sk-ssh-ed25519@openssh.com are not taken",
            "ssh-ed25519 *** ann": "holds no key: its Base64 is cut off or damaged",
            f"{ED25519[:-8]} ann": "holds no key: its Base64 is cut off or damaged",
            f"ssh-ed25519 {packed(b'ssh-rsa', b'')} ann": "holds a key of another type than it begins with",
            f"ssh-rsa {short} ann": "holds an RSA key of under 2048 bits",
        }
        self.path.parent.mkdir()
        self.path.write_text("".join(f"{line}\n" for line in lines))
        self.path.chmod(0o600)
        told = str(self.assertRaises(PrivateFileError, read_keys, self.path)).splitlines()
        for number, (said, why) in enumerate(zip(told, lines.values(), strict=True), 1):
            self.assertTrue(said.startswith(f"{self.path}:{number}: {why}"), said)

    def test_unfit_files(self) -> None:
        """A private key, several keys, something else, and a name that nobody could type are refused with the remedy."""
        for text, name, why in (
            ("-----BEGIN OPENSSH PRIVATE KEY-----", "ann", "whose name ends in .pub"),
            (f"{ED25519}\n{ED25519}\n", "ann", "a file with one public key is needed"),
            ("", "ann", "a file with one public key is needed"),
            ("hello world", "ann", "does not begin with the type of a key"),
            (ED25519, "ann the admin", "is not a login name"),
        ):
            self.assertIn(why, str(self.assertRaises(PrivateFileError, read_public_key, text, name)))

    def test_open_to_others(self) -> None:
        """A file that others can write is not trusted."""
        add_key(self.path, read_public_key(ED25519, "ann"))
        self.path.chmod(0o644)
        self.assertIn("is open to other users", str(self.assertRaises(PrivateFileError, read_keys, self.path)))

    def test_full(self) -> None:
        """There is a greatest number of keys."""
        self.patch(ssh_keys, "MOST_KEYS", 1)
        add_key(self.path, read_public_key(ED25519, "ann"))
        error = self.assertRaises(PrivateFileError, add_key, self.path, read_public_key(ED25519, "bob"))
        self.assertIn("holds 1 keys, which is as many as can be", str(error))

    def test_unwritable(self) -> None:
        """A file that cannot be written is told with its reason."""
        self.path.parent.write_text("no directory")
        error = self.assertRaises(PrivateFileError, remove_keys, self.path, "ann")
        self.assertIn("cannot be", str(error))

    @given(st.binary(max_size=60), st.sampled_from(ssh_keys.TYPES))
    def test_any_blob(self, blob: bytes, kind: str) -> None:
        """Whatever stands in a line, it is a key or a named mistake."""
        try:
            key = read_public_key(f"{kind} {base64.b64encode(blob).decode()}", "ann")
        except PrivateFileError:
            return
        self.assertEqual(key, LoginKey("ann", kind, blob))
