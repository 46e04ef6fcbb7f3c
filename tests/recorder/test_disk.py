"""The simulated disk keeps what was synced, and loses nothing else than what was not."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from tests.recorder.disk import SECTOR, Disk, Step, read_trace


def hexed(text: str) -> str:
    """*text* in the spelling of strace."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


class TraceTests(SynchronousTestCase):
    def test_calls(self) -> None:
        """Writes, syncs and removals in the folder are steps; calls that failed and other folders are left out."""
        lines = [
            f'7 openat(AT_FDCWD</>, "{hexed("/x/a.db")}", O_RDWR|O_CREAT, 0600) = 5<{hexed("/x/a.db")}>',
            f'7 pwrite64(5<{hexed("/x/a.db")}>, "{hexed("abc")}", 3, 4096) = 3',
            f'7 pwrite64(6<{hexed("/y/a.db")}>, "{hexed("abc")}", 3, 0) = 3',
            f"7 fdatasync(5<{hexed('/x/a.db')}>) = 0",
            f"7 ftruncate(5<{hexed('/x/a.db')}>, 12) = 0",
            f'7 write(1<pipe:[9]>, "{hexed("done")}", 4) = 4',
            f'7 unlink("{hexed("/x/gone")}") = -1 ENOENT (No such file or directory)',
            f'7 unlink("{hexed("/x/a.db")}") = 0',
        ]
        expected = [
            Step("create", "/x/a.db"),
            Step("write", "/x/a.db", 4096, b"abc"),
            Step("sync", "/x/a.db"),
            Step("truncate", "/x/a.db", 12),
            Step("say", "pipe:[9]", content=b"done"),
            Step("remove", "/x/a.db"),
        ]
        self.assertEqual(expected, list(read_trace(lines, "/x")))

    def test_interrupted_call(self) -> None:
        """A call that another thread interrupts in the log counts when it was done."""
        lines = [
            f"7 fdatasync(5<{hexed('/x/a.db')}> <unfinished ...>",
            f"8 ftruncate(6<{hexed('/x/b.db')}>, 1) = 0",
            "7 <... fdatasync resumed>) = 0",
        ]
        self.assertEqual([Step("truncate", "/x/b.db", 1), Step("sync", "/x/a.db")], list(read_trace(lines, "/x")))


class DiskTests(SynchronousTestCase):
    def found(self, *steps: Step) -> set[bytes | None]:
        """All contents of the file ``f`` that 200 cuts after *steps* leave; None where it is not there."""
        disk = Disk()
        for step in steps:
            disk.do(step)
        return {disk.after_cut(random.Random(seed)).get("f") for seed in range(200)}

    def test_synced(self) -> None:
        """What was synced is there after every cut."""
        self.assertEqual({b"abc"}, self.found(Step("create", "f"), Step("write", "f", 0, b"abc"), Step("sync", "f")))

    def test_not_synced(self) -> None:
        """Each sector that was not synced is there, or not; so may the file itself be."""
        piece = b"a" * SECTOR + b"b" * SECTOR
        none, first, second = b"", b"a" * SECTOR, bytes(SECTOR) + b"b" * SECTOR
        self.assertEqual({None, none, first, second, piece}, self.found(Step("create", "f"), Step("write", "f", 0, piece)))

    def test_overwritten(self) -> None:
        """A sector that is written over what was synced has the one content or the other, and never neither."""
        steps = (Step("create", "f"), Step("write", "f", 0, b"old"), Step("sync", "f"), Step("write", "f", 0, b"new"))
        self.assertEqual({b"old", b"new"}, self.found(*steps))

    def test_removed(self) -> None:
        """A removal is undone by the cut, until anything is synced."""
        steps = (Step("create", "f"), Step("write", "f", 0, b"abc"), Step("sync", "f"), Step("remove", "f"))
        self.assertEqual({b"abc", None}, self.found(*steps))
        self.assertEqual({None}, self.found(*steps, Step("create", "g"), Step("sync", "g")))

    def test_truncated(self) -> None:
        """A truncation reaches the disk by a sync, too."""
        steps = (Step("create", "f"), Step("write", "f", 0, b"abc"), Step("sync", "f"), Step("truncate", "f", 1))
        self.assertEqual({b"abc", b"a"}, self.found(*steps))
        self.assertEqual({b"a"}, self.found(*steps, Step("sync", "f")))
