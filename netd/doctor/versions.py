"""Versions of what netd stands on that have known faults. Pure: the versions are given."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from attrs import frozen

from netd.doctor.findings import Diagnosis, ok, warning

__all__ = ["ENDS", "FAULTS", "KnownFault", "examine_versions"]

Version = tuple[int, ...]


@frozen
class KnownFault:
    """A fault of a program.

    :ivar program: its name among the versions.
    :ivar first: the first version that has it.
    :ivar mended: the versions that do not have it any more, one for each line of releases, the oldest first.
    :ivar what: what it does to netd.
    :ivar source: where it is described.
    :ivar kind: the kind of section that it concerns; empty if it concerns all.
    """

    program: str
    first: Version
    mended: tuple[Version, ...]
    what: str
    source: str
    kind: str = ""

    def is_in(self, version: Version) -> bool:
        """Whether *version* has the fault."""
        if version < self.first or version >= self.mended[-1]:
            return False
        return not any(version >= good and version[: len(good) - 1] == good[:-1] for good in self.mended)


FAULTS = (
    KnownFault(
        "OpenSSL",
        (3, 0, 0),
        ((3, 0, 7),),
        "a client's certificate can overflow a buffer while it is verified",
        "CVE-2022-3602",
    ),
    KnownFault(
        "Python",
        (3, 11, 0),
        ((3, 11, 9), (3, 12, 3)),
        "each TLS connection to NATS that fails leaks memory",
        "https://github.com/python/cpython/issues/109534",
        "cluster",
    ),
    KnownFault(
        "Twisted",
        (0,),
        ((24, 7, 0),),
        "answers to pipelined requests can change places",
        "CVE-2024-41671",
    ),
    KnownFault(
        "autobahn",
        (0,),
        ((26, 7, 1),),
        "a compressed message is inflated without limit",
        "https://github.com/crossbario/autobahn-python/issues/1909",
    ),
    KnownFault(
        "h11",
        (0,),
        ((0, 16, 0),),
        "a request with broken chunks can hide another one from a proxy",
        "CVE-2025-43859",
    ),
)
"""Faults that reach netd. SQLite's fault with the write-ahead log (3.7 to 3.51.2, https://www.sqlite.org/wal.html#walresetbug) is
none of them: it takes two connections that write, and netd has one for each file."""

ENDS: Mapping[Version, float] = {
    (3, 11): 1_824_940_800.0,  # 2027-10-31, PEP 664
    (3, 12): 1_856_563_200.0,  # 2028-10-31, PEP 693
    (3, 13): 1_888_099_200.0,  # 2029-10-31, PEP 719
    (3, 14): 1_919_635_200.0,  # 2030-10-31, PEP 745
}
"""For each line of Python, the time after which it gets no mends of faults that can be attacked."""


def examine_versions(versions: Mapping[str, str], kinds: Collection[str], now: float) -> Iterator[Diagnosis]:
    """Yield what is known of *versions*, by the name of the program.

    :param kinds: the kinds of sections that there are.
    :param now: seconds since the epoch.
    """
    read = {program: _numbers(version) for program, version in versions.items()}
    concerns = (fault for fault in FAULTS if fault.program in read and fault.kind in {"", *kinds})
    bad = [fault for fault in concerns if fault.is_in(read[fault.program])]
    for fault in bad:
        good = " or ".join(".".join(map(str, version)) for version in fault.mended)
        text = f"{fault.program} {versions[fault.program]} has a known fault: {fault.what} ({fault.source})"
        yield warning("versions", text, f"update {fault.program} to {good}")
    python = read.get("Python", ())[:2]
    if now > ENDS.get(python, now):
        text = f"Python {versions['Python']} gets no mends any more, not even of faults that can be attacked"
        yield warning("versions", text, "run netd with a newer Python")
    elif not bad:
        yield ok("versions", ", ".join(f"{program} {version}" for program, version in versions.items()))


def _numbers(version: str) -> Version:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
