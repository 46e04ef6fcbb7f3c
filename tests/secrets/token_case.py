"""A file of credentials for tests."""

from __future__ import annotations

import secrets
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.operations import Role
from netd.secrets.credentials import Credential
from netd.secrets.private_files import PrivateFileError
from netd.secrets.token_file import add_token
from netd.secrets.tokens import TOKENS, read_tokens


class TokenTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute() / TOKENS

    def add(self, name: str = "panel", role: Role | str = Role.VIEWER, *subjects: str) -> str:
        """A new token."""
        return add_token(self.path, name, role, subjects, secrets.token_bytes)

    def write(self, text: str | bytes, mode: int = 0o600) -> None:
        """Make the file with this content and mode."""
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.path.chmod(mode)

    def named(self) -> dict[str, Credential]:
        """The credentials by name; of several lines of a name, the last."""
        return {token.name: token for token in read_tokens(self.path)}

    def refusal(self) -> str:
        """Why the file is not read."""
        return str(self.assertRaises(PrivateFileError, read_tokens, self.path))
