"""A trial load of the user's functions in a process of its own, for ``netd check``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["objection"]

PATIENCE = 30.0
"""Seconds that a trial may take."""

_TRIAL = "from netd.command.functions import try_out; try_out()"


def objection(sources: Iterable[Path | str], takes_tokens: bool = False) -> str:
    """A sentence about what is wrong with *sources*; empty if they can be loaded.

    :param takes_tokens: whether a program proves by the member ``token`` who it is, so that no function can have it.

    Only running the files shows that. They run in another process, whose output is dropped, for :data:`PATIENCE` at most.
    """
    names = [str(source.absolute()) if isinstance(source, Path) else source for source in sources]
    path = os.pathsep.join(filter(None, sys.path))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(  # noqa: S603 - no shell
            [sys.executable, "-c", _TRIAL, "tokens" if takes_tokens else "-", *names],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{', '.join(names)}: not loaded within {PATIENCE:.0f} s; the daemon would wait as long"
    if ended.returncode and not ended.stdout:
        return f"{', '.join(names)}: ends the process that loads it, with status {ended.returncode}"
    return ended.stdout.decode(errors="replace").strip()
