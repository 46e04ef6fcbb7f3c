"""Tests of ``netd.access.watch``: what is gone from the files is noticed within half a second."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netd.access.watch import LOOK_EVERY, CredentialWatch, Tell
from netd.secrets.private_files import PrivateFileError

Gone = frozenset[str]


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.revoked: list[Gone] = []
        self.told: list[tuple[str, str, str]] = []
        self.watch = CredentialWatch(self.clock, self.revoked.append, lambda *change: self.told.append(change))
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.note)
        self.addCleanup(globalLogPublisher.removeObserver, self.note)

    def note(self, event: dict[str, object]) -> None:
        """Keep what is logged by the watch."""
        if event.get("log_namespace") == "netd.access.watch.CredentialWatch":
            self.lines.append(str(event["log_format"]).format(**event))

    def start(self) -> None:
        """Look from now on."""
        self.watch.startService()
        self.addCleanup(self.watch.stopService)

    def test_gone(self) -> None:
        """What any of the files has lost is revoked at the next look, together; without a loss, nothing happens."""
        gone: dict[str, Gone] = {}
        for name in "ab":
            self.watch.add(lambda _tell, name=name: gone.pop(name, frozenset()))  # type: ignore[misc]
        self.start()
        self.clock.advance(LOOK_EVERY)
        self.assertEqual(self.revoked, [])
        gone |= {"a": frozenset({"x"}), "b": frozenset({"y", "z"})}
        self.clock.advance(LOOK_EVERY)
        self.assertEqual(self.revoked, [{"x", "y", "z"}])

    def test_told(self) -> None:
        """What a look tells stands in the log, and goes to the audit."""

        def look(tell: Tell) -> Gone:
            if not self.told:
                tell("added", "viewer", "ann")
            return frozenset()

        self.watch.add(look)
        self.start()
        self.clock.advance(LOOK_EVERY)
        self.assertEqual((self.told, self.lines), ([("added", "viewer", "ann")], ["a credential was added: ann (viewer)"]))

    def test_untrusted(self) -> None:
        """A file that cannot be trusted revokes nobody; the log tells it once, and again after it has been mended."""
        error: list[Exception] = [PrivateFileError("tokens: is open to other users")]
        self.watch.add(self.failing(error))
        self.watch.add(lambda _tell: frozenset({"x"}))
        self.start()
        self.clock.pump([LOOK_EVERY] * 3)
        self.assertEqual(self.revoked, [{"x"}] * 4)
        told = "nobody new is let in by a file that cannot be trusted, and nobody is put out: tokens: is open to other users"
        self.assertEqual(self.lines, [told])
        mended = error.pop()
        self.clock.advance(LOOK_EVERY)
        error.append(mended)
        self.clock.advance(LOOK_EVERY)
        self.assertEqual(self.lines, [told] * 2)

    def test_fault(self) -> None:
        """A look that fails by a fault of its own is logged, and the looks go on."""
        self.watch.add(self.failing([ValueError("a fault")]))
        self.watch.add(lambda _tell: frozenset({"x"}))
        self.start()
        self.clock.pump([LOOK_EVERY] * 3)
        self.assertEqual(len(self.revoked), 4)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_removed(self) -> None:
        """The file of a section that is gone is looked at no more, even if its removal comes in the middle of a look."""
        looks: list[str] = []

        def look(_tell: Tell) -> Gone:
            looks.append("x")
            remove()
            return frozenset()

        remove = self.watch.add(look)
        self.start()
        self.clock.advance(LOOK_EVERY)
        self.assertEqual(looks, ["x"])
        remove()

    def test_never_started(self) -> None:
        """A watch that was never started, because another service failed, can be stopped."""
        self.watch.stopService()

    @staticmethod
    def failing(errors: list[Exception]) -> Callable[[Tell], Gone]:
        """A look that raises the error, as long as there is one."""

        def look(_tell: Tell) -> Gone:
            if errors:
                raise errors[0]
            return frozenset()

        return look
