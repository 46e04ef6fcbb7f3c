"""Fuzz the parsers, all in one process, in so many seconds: ``python -m tests.fuzz [--seconds N] [--keep] [NAME …]``.

It ends with status 1 at the first fault. The input is then in ``build/fuzz``, and told: a line of base64 for ``tests/corpus``,
where it stays as a test. With ``--keep``, inputs that reached new code go into the corpus.
"""

from __future__ import annotations

import argparse
import base64
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.corpus import CORPUS, pack, split, unpack
from tests.fuzz.parsers import PARSERS

CHECKOUT = CORPUS.parent.parent

BOUNDS = ("-max_len=4096", "-timeout=5", "-rss_limit_mb=2048", "-verbosity=0")
"""An input that takes 5 s, or memory without end, is a fault, too."""


def fuzz(names: Sequence[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Fuzz the parsers *names*; inputs are in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz.target", ",".join(names), *BOUNDS, "-artifact_prefix=found-", *arguments, "inputs"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def fault(names: Sequence[str], folder: Path, said: str) -> str:
    """The fault of a fuzzer that said so, in words."""
    lines = [line for line in said.splitlines() if not line.startswith(("INFO", "WARNING"))]
    for path in folder.glob("found-*"):
        name, data = split(names, path.read_bytes())
        lines.append(f"{name} fails. For tests/corpus/{name}.base64: {base64.b64encode(data).decode()}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Fuzz what *arguments* say; the exit status."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz")
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--keep", action="store_true", help="put inputs that reach new code into the corpus")
    options.add_argument("--folder", type=Path, default=CHECKOUT / "build" / "fuzz", help="for inputs; must not exist")
    options.add_argument("parsers", nargs="*", metavar="NAME", help=", ".join(PARSERS))
    told = options.parse_args(arguments)
    names, folder = told.parsers or list(PARSERS), told.folder.absolute()
    unpack([name for name in names if name in PARSERS], folder / "inputs")
    ran = fuzz(names, folder, f"-max_total_time={told.seconds}")
    if ran.returncode:
        sys.stdout.write(f"{fault(names, folder, ran.stdout)}\n")
        return 1
    sys.stdout.write(f"{told.seconds} s of {len(names)} parsers: nothing found\n")
    if told.keep:
        pack(names, (folder / "inputs").iterdir())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
