"""``python -m netd.doctor [FILE]``: what can be found out without a running daemon, as JSON. ``netd doctor`` runs it."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from netd.check import default_ini, objections
from netd.codec.jsontext import encode
from netd.config import load
from netd.doctor.clock import examine_clock, is_synchronised
from netd.doctor.findings import Diagnosis, examination, problem
from netd.doctor.machine import (
    examine_certificates,
    examine_configuration,
    examine_disks,
    examine_exposures,
    folders_of,
    installed_versions,
)
from netd.doctor.ports import examine_ports
from netd.doctor.versions import examine_versions
from netd.holders import holders_of
from netd.kinds import find_kinds
from netd.timezone import zone_name


def examine(path: Path, now: float) -> Iterator[Diagnosis]:
    """Yield what can be found out about the machine and the configuration in the file *path*."""
    kinds = find_kinds()
    configs = {name: kind.config for name, kind in kinds.items()}
    read = partial(load, path, configs, os.environ, os.getuid(), socket.gethostname())
    configuration, findings = examine_configuration(read, str(path))
    yield from findings
    if configuration is not None:
        for objection in objections(configuration, kinds):
            yield problem("configuration", str(objection), "netd does not start until then", objection.section)
        yield from examine_ports(configuration, holders_of)
        yield from examine_exposures(configuration)
        yield from examine_disks(folders_of(configuration))
        yield from examine_certificates(configuration, now)
    kinds_there = {section.kind for section in configuration.sections} if configuration is not None else set()
    yield from examine_versions(installed_versions(), kinds_there, now)
    yield from examine_clock(now, zone_name(os.environ), is_synchronised)


def main() -> None:
    """Write the findings."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default_ini()
    sys.stdout.buffer.write(encode(examination(examine(path, time.time()))))


if __name__ == "__main__":
    main()
