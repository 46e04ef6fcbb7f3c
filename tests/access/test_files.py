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
        self.told: list[tuple[str, str, str]] = []
        self.file = CredentialFile(lambda: self.path, self.read, "SSH key")

    def look(self) -> frozenset[str]:
        """Look, and keep what is told."""
        return self.file.look(lambda *change: self.told.append(change))

    def read(self, path: Path) -> dict[str, str]:
        """The lines of the file with their names, in which some are not to be trusted."""
        self.reads += 1
        text = path.read_text()
        if "broken" in text:
            raise NetdError("broken")
        return {line: line.title() for line in text.splitlines()}

    def write(self, *lines: str) -> None:
        """Replace the file, as `netd key` does."""
        draft = self.path.with_name(f"{self.path.name}.draft")
        draft.write_text("\n".join(lines))
        draft.rename(self.path)

    def test_gone(self) -> None:
        """What is gone is told once, and an unchanged file is not read again."""
        self.assertEqual(self.look(), frozenset())
        self.write("ann", "bob")
        self.assertEqual([self.look(), self.look()], [frozenset(), frozenset()])
        self.write("bob", "joe")
        self.assertEqual([self.look(), self.look()], [frozenset({"ann"}), frozenset()])
        self.assertEqual(self.reads, 2)
        self.assertEqual(
            self.told,
            [
                ("added", "SSH key", "Ann"),
                ("added", "SSH key", "Bob"),
                ("added", "SSH key", "Joe"),
                ("removed", "SSH key", "Ann"),
            ],
        )

    def test_removed(self) -> None:
        """A file that is removed has nothing any more; nor have the lines that another file lacks, to which a reload has led."""
        self.write("ann")
        self.look()
        self.path.unlink()
        self.assertEqual(self.look(), frozenset({"ann"}))
        self.write("joe")
        self.look()
        self.path = Path(self.mktemp())
        self.assertEqual(self.look(), frozenset({"joe"}))

    def test_gone_between_two_looks(self) -> None:
        """A credential that has proved somebody, and that no look has seen, has gone at the next one."""
        self.write("ann")
        self.look()
        self.file.note("flash")
        self.file.note("ann")
        self.assertEqual(self.look(), frozenset({"flash"}))

    def test_broken(self) -> None:
        """A file that cannot be trusted puts nobody out, and is tried again."""
        self.write("ann")
        self.look()
        self.write("broken")
        self.assertRaises(NetdError, self.look)
        self.assertRaises(NetdError, self.look)
        self.write("bob")
        self.assertEqual(self.look(), frozenset({"ann"}))
