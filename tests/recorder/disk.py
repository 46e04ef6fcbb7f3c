"""A disk that loses its power, simulated from what a process wrote.

``strace`` names every write, sync, truncation and removal of a process; :func:`read_trace` makes steps of its log.  :class:`Disk`
carries them out as an operating system with a cache may: what was synced is on the disk, of what was written since then each
sector of 512 bytes is there or not, by chance.  Changes of a directory reach the disk in their order, and how many of them do is
chance, too, as on a file system with a journal.
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import define, field, frozen

from tests.process import CHECKOUT

SECTOR = 512

CALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,fchmod,mkdir"

_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_UNFINISHED = re.compile(r"^(?P<pid>\d+) +(?P<begin>\w+\(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<end>.*)$")
_FILE = re.compile(r"^(?P<number>\d+)<(?P<path>[^>]*)>(?:\(deleted\))?$")
_TEXT = re.compile(r'^"(?P<text>[^"]*)"$')


@frozen
class Step:
    """One thing that the process did.

    :ivar kind: ``write``, ``truncate``, ``sync``, ``create``, ``remove``, ``rename``, or ``say`` for what it wrote to its
        standard output.
    :ivar path: of the file, or of the directory that was synced.
    """

    kind: str
    path: str
    offset: int = 0
    content: bytes = b""


def strace(log: Path, command: Sequence[str]) -> list[str]:
    """The command line that runs *command* and writes all of its threads' calls to *log*."""
    return ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(log), *command]


def steps_of(log: Path, folder: Path, command: Sequence[str], seconds: float) -> list[Step]:
    """Run *command* under strace until it ends; return its steps in *folder*."""
    subprocess.run(strace(log, command), check=True, timeout=seconds, stdout=subprocess.DEVNULL, cwd=CHECKOUT)
    with log.open() as lines:
        return list(read_trace(lines, str(folder)))


def read_trace(lines: Iterable[str], folder: str) -> Iterator[Step]:
    """The steps in *folder*, and what was said; other files do not matter."""
    for line in _whole_lines(lines):
        call = _CALL.match(line)
        if call is None or int(call["result"]) < 0:
            continue
        step = _step(call["name"], call["arguments"].split(", "), int(call["result"]))
        if step is not None and (step.kind == "say" or step.path == folder or step.path.startswith(folder + "/")):
            yield step


def _whole_lines(lines: Iterable[str]) -> Iterator[str]:
    """The calls, each on one line: strace writes one that another thread interrupts as two, and its end is when it was done."""
    begun: dict[str, str] = {}
    for line in lines:
        if unfinished := _UNFINISHED.match(line.rstrip("\n")):
            begun[unfinished["pid"]] = unfinished["begin"]
        elif resumed := _RESUMED.match(line.rstrip("\n")):
            yield f"{resumed['pid']} {begun.pop(resumed['pid'])}{resumed['end']}"
        else:
            yield line.rstrip("\n")


def _step(name: str, arguments: list[str], result: int) -> Step | None:
    match name:
        case "pwrite64":
            return Step("write", _file(arguments[0])[1], int(arguments[3]), _bytes(arguments[1])[:result])
        case "write":
            number, path = _file(arguments[0])
            if number == 1:
                return Step("say", path, content=_bytes(arguments[1])[:result])
            assert not path.endswith(".db"), f"a write without a place: {path}"
        case "fsync" | "fdatasync":
            return Step("sync", _file(arguments[0])[1])
        case "ftruncate":
            return Step("truncate", _file(arguments[0])[1], int(arguments[1]))
        case "openat" if any("O_CREAT" in argument for argument in arguments):
            return Step("create", _bytes(arguments[1]).decode())
        case "unlink":
            return Step("remove", _bytes(arguments[0]).decode())
        case "rename":
            return Step("rename", _bytes(arguments[0]).decode())
    return None


def _file(argument: str) -> tuple[int, str]:
    found = _FILE.match(argument)
    return (int(found["number"]), _unescaped(found["path"]).decode()) if found else (-1, "")


def _bytes(argument: str) -> bytes:
    found = _TEXT.match(argument)
    assert found is not None, f"not a text: {argument[:80]}"
    return _unescaped(found["text"])


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


@define
class _Cached:
    """One file: what is on the disk for certain, and what was done since the last sync."""

    synced: bytearray = field(factory=bytearray)
    waiting: list[Step] = field(factory=list)

    def sync(self) -> None:
        for step in self.waiting:
            _apply(self.synced, step.offset, step.content, step.kind == "truncate")
        self.waiting.clear()

    def after_cut(self, chance: random.Random) -> bytes:
        content = bytearray(self.synced)
        for step in self.waiting:
            if step.kind == "truncate":
                if chance.random() < 0.5:
                    _apply(content, step.offset, b"", True)
                continue
            for start, piece in _sectors(step):
                if chance.random() < 0.5:
                    _apply(content, start, piece, False)
        return bytes(content)


def _apply(content: bytearray, offset: int, piece: bytes, is_truncation: bool) -> None:
    if is_truncation:
        content[:] = content[:offset].ljust(offset, b"\0")
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(piece)] = piece


def _sectors(step: Step) -> Iterator[tuple[int, bytes]]:
    start = step.offset
    end = start + len(step.content)
    while start < end:
        following = min(end, start - start % SECTOR + SECTOR)
        yield start, step.content[start - step.offset : following - step.offset]
        start = following


@define
class Disk:
    """The files of one folder, and what of their making and removal is certain."""

    _files: dict[str, _Cached] = field(factory=dict)
    _certain: dict[str, _Cached] = field(factory=dict)
    _changes: list[tuple[str, _Cached | None]] = field(factory=list)

    def do(self, step: Step) -> None:
        """Carry *step* out."""
        match step.kind:
            case "rename":
                raise AssertionError(f"{step.path} was renamed: teach the disk what that means")
            case "create" if step.path not in self._files:
                self._files[step.path] = _Cached()
                self._changes.append((step.path, self._files[step.path]))
            case "remove":
                if self._files.pop(step.path, None) is not None:
                    self._changes.append((step.path, None))
            case "write" | "truncate" if step.path in self._files:
                self._files[step.path].waiting.append(step)
            case "sync":
                if step.path in self._files:
                    self._files[step.path].sync()
                self._settle(len(self._changes))  # a sync of any file or directory commits the file system's journal

    def after_cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files that are found when the power is back: path and content."""
        files = dict(self._certain)
        for path, cached in self._changes[: chance.randint(0, len(self._changes))]:
            if cached is None:
                files.pop(path, None)
            else:
                files[path] = cached
        return {path: cached.after_cut(chance) for path, cached in files.items()}

    def _settle(self, count: int) -> None:
        for path, cached in self._changes[:count]:
            if cached is None:
                self._certain.pop(path, None)
            else:
                self._certain[path] = cached
        del self._changes[:count]
