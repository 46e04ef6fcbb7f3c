"""Tests of ``netd.access.changes``: it is told which tokens come and go."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.access.changes import TokenChanges
from netd.secrets.tokens import Tokens
from tests.tls import write_private


class TokenChangesTests(SynchronousTestCase):
    def test_come_and_gone(self) -> None:
        """What is there at the start is no news; what comes and goes is told by name, and what has gone is revoked."""
        told: list[tuple[str, str, str]] = []

        def look() -> frozenset[str]:
            return changes.look(lambda *change: told.append(change))

        path = Path(self.mktemp())
        ann, bob = (f"{name} viewer {letter * 64}" for name, letter in (("ann", "a"), ("bob", "b")))
        write_private(path, f"{ann}\n".encode())
        changes = TokenChanges(Tokens(path))
        self.assertEqual((look(), look(), told), (frozenset(), frozenset(), []))
        path.unlink()
        write_private(path, f"{bob}\n\n".encode())
        self.assertEqual(look(), {ann})
        self.assertEqual(told, [("added", "viewer", "bob"), ("removed", "viewer", "ann")])
