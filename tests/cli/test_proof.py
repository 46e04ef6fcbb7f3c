"""Tests of :mod:`netd.cli.proof`: a token comes from a file or from the environment, never from the arguments."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

from netd.cli.feed_port import FeedPorts
from netd.cli.invocation import CliSurroundings
from netd.cli.relay import RelayPorts
from netd.cli.session import AgentPorts
from tests.cli.fakes import CommandTests


class ProofTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.proofs: list[Any] = []
        self.file = Path(self.mktemp())
        self.file.write_text("netd_abc\n")
        self.file.chmod(0o600)

    def _open(self, *arguments: Any, **proof: Any) -> Any:
        """Note the proof, and go no further."""
        self.proofs.append(proof or next((one.proof for one in arguments if hasattr(one, "proof")), {}))
        raise ValueError("enough")

    def _surroundings(self) -> CliSurroundings:
        return dataclasses.replace(
            super()._surroundings(),
            relay=RelayPorts(self._open, self._open),
            feed=FeedPorts(self._open),
            agent=AgentPorts(self._open),
            open_bot=self._open,
            open_caller=self._open,
        )

    def test_file(self) -> None:
        """Every command that is a program of a wire takes the file of its token."""
        commands = (
            ["device", "--name", "gh"],
            ["agent", "--channel", "x=count"],
            ["bot", "--name", "Lars"],
            ["feed"],
            ["send", "gh", "x", "--server", "h"],
            ["devices", "--server", "h"],
            ["call", "add", "--server", "h"],
        )
        for words in commands:
            with contextlib.suppress(ValueError):  # some look for mistakes of usage later
                self.netd(*words, "--token-file", str(self.file))
            self.assertEqual(self.proofs.pop(), {"token_file": str(self.file)}, words)

    def test_tls(self) -> None:
        """The same commands take the authority that they trust, and a certificate of their own, as files."""
        ca = self.file.with_suffix(".pem")
        ca.write_text("an authority")
        for words in (["device", "--name", "gh"], ["feed"], ["call", "add", "--server", "h"]):
            self.netd(*words, "--cafile", str(ca), "--certificate", str(ca), "--key", str(self.file))
            self.assertEqual(self.proofs.pop(), {"cafile": str(ca), "certificate": str(ca), "key": str(self.file)}, words)
        result = self.netd("device", "--name", "gh", "--cafile", f"{ca}.gone")
        self.assertEqual(2, result.exit_code)
        self.assertIn("does not exist", result.output)

    def test_environment(self) -> None:
        """A container has its secrets in the environment: the token itself, or the name of its file."""
        self.environ = {**self.environ, "NETD_TOKEN": "netd_xyz"}
        self.netd("device", "--name", "gh")
        self.assertEqual(self.proofs.pop(), {"token": "netd_xyz"})
        self.netd("device", "--name", "gh", env={"NETD_TOKEN_FILE": str(self.file)})
        self.assertEqual(self.proofs.pop(), {"token_file": str(self.file)})

    def test_none(self) -> None:
        """Without a token none is shown."""
        self.netd("device", "--name", "gh")
        self.assertEqual(self.proofs.pop(), {})

    def test_not_used(self) -> None:
        """A file that others can read, or that is not there, is refused with the remedy."""
        self.file.chmod(0o644)
        result = self.netd("device", "--name", "gh", "--token-file", str(self.file))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("the token is not used: ", result.stderr)
        self.file.unlink()
        result = self.netd("device", "--name", "gh", "--token-file", str(self.file))
        self.assertIn("there is no token: no file", result.stderr)
        self.assertEqual(self.proofs, [])
