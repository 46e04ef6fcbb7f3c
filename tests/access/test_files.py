"""A look at a file of credentials."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netd.access.files import CredentialFile
from netd.errors import NetdError


class CredentialFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.reads = 0
        self.file = CredentialFile(lambda: self.path, self.read)

    def read(self, path: Path) -> list[str]:
        """The lines of the file, in which some are not to be trusted."""
        self.reads += 1
        text = path.read_text()
        if "broken" in text:
            raise NetdError("broken")
        return text.splitlines()

    def write(self, *lines: str) -> None:
        """Replace the file, as `netd key` does."""
        draft = self.path.with_name(f"{self.path.name}.draft")
        draft.write_text("\n".join(lines))
        draft.rename(self.path)

    def test_gone(self) -> None:
        """What is gone is told once, and an unchanged file is not read again."""
        self.assertEqual(self.file.look(), frozenset())
        self.write("ann", "bob")
        self.assertEqual([self.file.look(), self.file.look()], [frozenset(), frozenset()])
        self.write("bob", "joe")
        self.assertEqual([self.file.look(), self.file.look()], [frozenset({"ann"}), frozenset()])
        self.assertEqual(self.reads, 2)

    def test_removed(self) -> None:
        """A file that is removed has nothing any more; nor have the lines that another file lacks, to which a reload has led."""
        self.write("ann")
        self.file.look()
        self.path.unlink()
        self.assertEqual(self.file.look(), frozenset({"ann"}))
        self.write("joe")
        self.file.look()
        self.path = Path(self.mktemp())
        self.assertEqual(self.file.look(), frozenset({"joe"}))

    def test_gone_between_two_looks(self) -> None:
        """A credential that has proved somebody, and that no look has seen, has gone at the next one."""
        self.write("ann")
        self.file.look()
        self.file.note("flash")
        self.file.note("ann")
        self.assertEqual(self.file.look(), frozenset({"flash"}))

    def test_broken(self) -> None:
        """A file that cannot be trusted puts nobody out, and is tried again."""
        self.write("ann")
        self.file.look()
        self.write("broken")
        self.assertRaises(NetdError, self.file.look)
        self.assertRaises(NetdError, self.file.look)
        self.write("bob")
        self.assertEqual(self.file.look(), frozenset({"ann"}))
