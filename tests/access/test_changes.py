"""Tests of ``netd.access.changes``: the log tells which credentials come and go."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netd.access.changes import TokenChanges
from netd.secrets.tokens import Tokens
from tests.tls import write_private


class TokenChangesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.note)
        self.addCleanup(globalLogPublisher.removeObserver, self.note)

    def note(self, event: dict[str, object]) -> None:
        """Keep what is logged of credentials."""
        if event.get("log_namespace") == "netd.access.changes.TokenChanges":
            self.lines.append(str(event["log_format"]).format(**event))

    def test_come_and_gone(self) -> None:
        """What is there at the start is no news; what comes and goes is told by name, and what has gone is revoked."""
        path = Path(self.mktemp())
        ann, bob = (f"{name} viewer {letter * 64}" for name, letter in (("ann", "a"), ("bob", "b")))
        write_private(path, f"{ann}\n".encode())
        changes = TokenChanges(Tokens(path))
        self.assertEqual((changes.look(), changes.look(), self.lines), (frozenset(), frozenset(), []))
        path.unlink()
        write_private(path, f"{bob}\n\n".encode())
        self.assertEqual(changes.look(), {ann})
        self.assertEqual(self.lines, ["a credential was added: bob (viewer)", "a credential was taken away: ann (viewer)"])
