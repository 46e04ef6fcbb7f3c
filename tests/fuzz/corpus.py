"""The inputs that are kept: a file for each parser, a line of base64 for each input.

Each input reaches code that no other one does, or was a fault once. The suite tries all of them; fuzzing begins with them.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["CORPUS", "pack", "read_inputs", "split", "unpack"]

CORPUS = Path(__file__).parent.parent / "corpus"


def split(names: Sequence[str], data: bytes) -> tuple[str, bytes]:
    """The parser, out of *names*, that an input of the fuzzer is for, and what it is told: the first byte says which."""
    return names[data[0] % len(names) if data else 0], data[1:]


def path_of(parser: str) -> Path:
    """The file of the inputs for *parser*."""
    return CORPUS / f"{parser}.base64"


def read_inputs(parser: str) -> list[bytes]:
    """The inputs that are kept for *parser*."""
    return [base64.b64decode(line) for line in path_of(parser).read_text().splitlines()]


def unpack(names: Sequence[str], folder: Path) -> None:
    """Write the inputs for *names* into *folder*, a file for each, as the fuzzer wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        for data in read_inputs(name):
            (folder / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(bytes([number]) + data)


def pack(names: Sequence[str], files: Iterable[Path], corpus: Path = CORPUS) -> None:
    """Keep the inputs in *files*, in place of those from before."""
    found = defaultdict(set)
    for path in files:
        name, data = split(names, path.read_bytes())
        found[name].add(data)
    for name, inputs in found.items():
        in_order = sorted(inputs, key=lambda data: (len(data), data))
        (corpus / path_of(name).name).write_text("".join(f"{base64.b64encode(data).decode()}\n" for data in in_order))
