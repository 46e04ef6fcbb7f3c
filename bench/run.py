"""Measures netd's services beside the servers that people write by hand; prints the Markdown that the README quotes.

``python bench/run.py`` needs Linux, a C compiler and the Python that netd is installed in. How it measures, and how to
read the figures: ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cluster
import cluster_send
import command
import feed
import gateway
import mqtt
import recorder
import relay
import room
import session
import wire
from loads import compile_load, measure
from report import Measurement, machine, markdown
from scenes import BenchError, Scene, Scenes, Setting
from servers import default_netd_command

MEASURES: Mapping[str, Scenes] = {
    "relay": relay.scenes,
    "session": session.scenes,
    "feed": feed.scenes,
    "command": command.scenes,
    "room": room.scenes,
    "gateway": gateway.scenes,
}
REPORTS: Mapping[str, Callable[[], str]] = {
    "recorder": recorder.report,
    "wire": wire.report,
    "mqtt": mqtt.report,
    "cluster": lambda: "\n\n".join((cluster.report(), cluster_send.report())),
}
"""What is measured by a module itself, without a server and its load."""
SERVERS = ("netd", "threads", "asyncio", "twisted", "autobahn", "websockets", "nats")
WARM_UP = 1.0
IDLE_DEVICES = 10_000
SPARE_FILES = 500
"""Descriptors that a server and its load may need beside the idle devices."""
FEWEST_IDLE_DEVICES = 500
"""With fewer, the figure is not reliable: a process gets memory in large pieces."""


def allow_idle_devices() -> int:
    """Raise the limit of open files for all processes started. Return the number of idle devices that it allows.

    :raises BenchError: if they are too few.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE_DEVICES + SPARE_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed < FEWEST_IDLE_DEVICES + SPARE_FILES:
        raise BenchError(
            f"a process may have {hard} files open here, the idle devices need {wanted}; raise it: ulimit -n {wanted}"
        )
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed - SPARE_FILES


def setting_of(options: argparse.Namespace) -> Setting:
    """Return the setting. Servers run on the first CPU that this process may use, loads on the last."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1:
        print("only one CPU: server and load share it, so compare CPU and nothing else", file=sys.stderr)
    return Setting(
        runs=options.runs,
        warm_up=WARM_UP,
        seconds=options.seconds,
        server_cpu=cpus[0],
        load_cpu=cpus[-1],
        netd_command=options.netd,
        idle_devices=allow_idle_devices(),
    )


def scenes_of(setting: Setting, measures: Sequence[str], servers: Sequence[str]) -> list[Scene]:
    """Return the scenes of one round in order, only with the *servers* asked for."""
    scenes = [scene for name in MEASURES if name in measures for scene in MEASURES[name](setting)]
    return [
        dataclasses.replace(scene, entries=tuple(entry for entry in scene.entries if entry.server.name in servers))
        for scene in scenes
    ]


def measure_all(scenes: Sequence[Scene], setting: Setting) -> list[Measurement]:
    """Measure all servers in turn, round after round. So a disturbance of some seconds does not hit all runs of one server."""
    measurements = []
    for run in range(1, setting.runs + 1):
        for scene in scenes:
            for entry in scene.entries:
                print(f"round {run} of {setting.runs}: {scene.name}: {entry.title}", file=sys.stderr, flush=True)
                measurements.append(Measurement(scene.name, entry.title, measure(scene, entry, setting)))
    return measurements


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text}: must be 0.1 to 600")
    return value


def _runs(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text}: must be 1 to 100")
    return value


def _some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        for name in text.split(","):
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return text.split(",")

    return names


def _netd_command(text: str) -> str:
    if "{ini}" not in text:
        raise argparse.ArgumentTypeError("must contain {ini}, or netd cannot know where to listen")
    return text


def _new_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: not a file in an existing directory")
    return path


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line. Exit with a message if it is wrong."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description=(__doc__ or "").split("\n")[0])
    every, all_servers = ",".join([*MEASURES, *REPORTS]), ",".join(SERVERS)
    parser.add_argument(
        "--only", type=_some_of((*MEASURES, *REPORTS)), default=every, help="what to measure (default: %(default)s)"
    )
    parser.add_argument("--runs", type=_runs, default=3, help="rounds over all servers (default: %(default)s)")
    parser.add_argument("--seconds", type=_seconds, default=2.5, help="measured span of each run (default: %(default)s)")
    parser.add_argument("--peers", type=_some_of(SERVERS), default=all_servers, help="servers to measure (default: %(default)s)")
    parser.add_argument(
        "--netd",
        type=_netd_command,
        default=default_netd_command(),
        metavar="COMMAND",
        help="command line of netd, with {ini}, a configuration (default: %(default)s)",
    )
    parser.add_argument("--json", type=_new_file, metavar="FILE", help="write the figures of every single run there")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark. Return the exit status."""
    options = parse_arguments(arguments)
    if not sys.platform.startswith("linux"):
        print("bench: needs Linux: CPU time and the choice of CPUs come from its kernel", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        setting = setting_of(options)
        scenes = scenes_of(setting, options.only, options.peers)
        for program in sorted({scene.program for scene in scenes}):
            compile_load(program)
        measurements = measure_all(scenes, setting)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    facts = machine()
    if options.json:
        raw = [dataclasses.asdict(measurement) for measurement in measurements]
        report = {"machine": facts, "setting": dataclasses.asdict(setting), "measurements": raw}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(
        "\n\n".join(
            [markdown(scenes, measurements, facts, setting), *(REPORTS[name]() for name in REPORTS if name in options.only)]
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
