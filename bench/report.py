"""The figures of a benchmark run, as Markdown for the README. Knows nothing of how they were measured."""

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

SUBJECT = "netd"
"""The server that the ratios are about."""
WINDOWS = (1, 16)
"""Numbers of outstanding requests that are measured."""
NOISY = 0.05
"""From this share of waiting on, speed and latency of a run say little."""


@dataclass(frozen=True)
class Conditions:
    """What holds for all measurements of a run.

    :ivar seconds: measured span of each measurement under load.
    :ivar server_cpu: number of the CPU that the servers run on; ``load_cpu`` likewise for the load.
    """

    runs: int
    seconds: float
    server_cpu: int
    load_cpu: int
    controllers: int
    devices: int
    payload: int
    idle_devices: int


@dataclass(frozen=True)
class Measurement:
    """One run of one job on one server.

    :ivar title: the server's name in the tables.
    :ivar job: ``window 1``, ``window 16`` or ``idle``.
    :ivar figures: what the load generator reported.
    """

    server: str
    title: str
    job: str
    figures: Mapping[str, float]


class Results:
    """All measurements of a run, asked for by job, server and figure."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self._measurements = measurements

    def servers(self, job: str) -> dict[str, str]:
        """The servers of *job* in order of measurement: name and title."""
        return {each.server: each.title for each in self._measurements if each.job == job}

    def values(self, job: str, server: str, figure: str) -> list[float]:
        """*figure* of every run."""
        return [each.figures[figure] for each in self._measurements if (each.job, each.server) == (job, server)]

    def median(self, job: str, server: str, figure: str) -> float:
        """The median of :meth:`values`."""
        return statistics.median(self.values(job, server, figure))

    def noisy(self) -> list[str]:
        """The measurements during which other work held the server's CPU."""
        return [f"{each.server}, {each.job}" for each in self._measurements if each.figures.get("waited_share", 0) > NOISY]


def machine() -> dict[str, str]:
    """What the figures were measured on, and the versions that matter."""
    names = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    facts = {
        "CPU": f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for name in ("Twisted", SUBJECT):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            facts[name] = importlib.metadata.version(name)
    return facts | {"date": datetime.datetime.now().astimezone().date().isoformat()}


def markdown(measurements: Sequence[Measurement], facts: Mapping[str, str], conditions: Conditions) -> str:
    """The whole report."""
    results = Results(measurements)
    parts = [_introduction(facts, conditions)]
    parts += [_load_table(results, window, conditions) for window in WINDOWS]
    parts.append(_idle_table(results, conditions))
    parts += [_ratio_table(results), _noise(results)]
    return "\n\n".join(part for part in parts if part)


def _introduction(facts: Mapping[str, str], conditions: Conditions) -> str:
    versions = "".join(f", {name} {facts[name]}" for name in ("Twisted", SUBJECT) if name in facts)
    cpus = f"server on CPU {conditions.server_cpu}, load on CPU {conditions.load_cpu}"
    if conditions.server_cpu == conditions.load_cpu:
        cpus = "**server and load share the only CPU: compare CPU a request, not requests a second**"
    rounds = "One round" if conditions.runs == 1 else f"Medians of {conditions.runs} rounds"
    return (
        f"{facts['CPU']}; {facts['system']}, {facts['Python']}{versions}; {facts['date']}. "
        f"{rounds}, {conditions.seconds:g} s measured of each server; {cpus}."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _load_table(results: Results, window: int, conditions: Conditions) -> str:
    job = f"window {window}"
    rows = []
    for server, title in results.servers(job).items():
        cpu = results.values(job, server, "cpu_us_per_request")
        rows.append(
            [
                title,
                f"{results.median(job, server, 'requests_per_second'):,.0f}",
                f"{statistics.median(cpu):.1f} ({min(cpu):.1f}-{max(cpu):.1f})",
                f"{results.median(job, server, 'p50_us') / 1000:.1f}",
                f"{results.median(job, server, 'p99_us') / 1000:.1f}",
                f"{results.median(job, server, 'waited_share'):.0%}",
            ]
        )
    head = ["relay", "requests/s", "CPU µs a request (least-most)", "p50 ms", "p99 ms", "waited"]
    outstanding = "1 request" if window == 1 else f"{window} requests"
    return (
        f"**{outstanding} outstanding**, {conditions.controllers} controllers, {conditions.devices} devices, "
        f"payload {conditions.payload} bytes\n\n{_table(head, rows)}"
    )


def _idle_table(results: Results, conditions: Conditions) -> str:
    rows = [
        [
            title,
            f"{results.median('idle', server, 'resident_kb_before') / 1024:.1f}",
            f"{results.median('idle', server, 'resident_kb_after') / 1024:.1f}",
            f"{results.median('idle', server, 'kb_per_device'):.2f}",
        ]
        for server, title in results.servers("idle").items()
    ]
    if not rows:
        return ""
    head = ["server", "resident MB before", "with all", "KB a device"]
    return f"**{conditions.idle_devices:,} idle devices**\n\n{_table(head, rows)}"


def _ratio_table(results: Results) -> str:
    """How many times better than each peer netd is; empty when netd or every peer was left out."""
    rows = []
    for server, title in results.servers("window 1").items():
        if server == SUBJECT:
            continue
        faster = [_ratio(results, f"window {window}", SUBJECT, server, "requests_per_second") for window in WINDOWS]
        cheaper = [_ratio(results, f"window {window}", server, SUBJECT, "cpu_us_per_request") for window in WINDOWS]
        rows.append([title, *faster, *cheaper, _ratio(results, "idle", SUBJECT, server, "kb_per_device")])
    if SUBJECT not in results.servers("window 1") or not rows:
        return ""
    speed, cost = ([f"{what}, {window}" for window in WINDOWS] for what in ("requests/s", "less CPU"))
    head = ["netd against", *speed, *cost, "KB an idle device"]
    caption = f"{' and '.join(map(str, WINDOWS))}: requests outstanding; idle, plain Twisted is the bare `Protocol`"
    return f"**Ratios of this run**, in times ({caption})\n\n{_table(head, rows)}"


def _ratio(results: Results, job: str, over: str, under: str, figure: str) -> str:
    if not {over, under} <= results.servers(job).keys():
        return "-"
    return f"{results.median(job, over, figure) / results.median(job, under, figure):.2f}"


def _noise(results: Results) -> str:
    noisy = results.noisy()
    if not noisy:
        return ""
    return (
        f"Other work held the server's CPU for more than {NOISY:.0%} of: {'; '.join(dict.fromkeys(noisy))}. "
        "Compare CPU a request there, not speed and latency."
    )
