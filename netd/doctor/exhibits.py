"""``python -m netd.doctor.exhibits [FILE]``: what else whoever helps from afar wants to see, as JSON. ``netd support`` runs it.

The status of the daemon comes on standard input; it may be empty.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from pathlib import Path
from typing import Any

from netd.check import default_ini
from netd.codec.jsontext import decode, encode
from netd.config import load
from netd.doctor.machine import installed_versions
from netd.errors import ConfigErrors
from netd.gateway.metrics import exposition
from netd.kinds import find_kinds

__all__ = ["exhibits", "main"]


def exhibits(path: Path, status: Any) -> dict[str, Any]:
    """Return the options of the configuration with their places, the versions, and the metrics of *status*, which may be None."""
    configs = {name: kind.config for name, kind in find_kinds().items()}
    try:
        options = load(path, configs, os.environ, os.getuid(), socket.gethostname()).origin_lines()
    except ConfigErrors as errors:
        options = tuple(str(errors).splitlines())
    versions = installed_versions() | {"system": platform.platform(), "processor": platform.machine()}
    metrics = "" if status is None else exposition(status, is_own=False).decode()
    return {"configuration": "\n".join(options), "versions": versions, "metrics": metrics}


def main() -> None:
    """Write them."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default_ini()
    given = sys.stdin.buffer.read()
    sys.stdout.buffer.write(encode(exhibits(path, decode(given) if given else None)))


if __name__ == "__main__":
    main()
