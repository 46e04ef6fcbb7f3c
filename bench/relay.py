"""Measures netd's relay beside the relays that people write by hand; prints the Markdown that the README quotes.

``python bench/relay.py`` needs Linux, a C compiler and the Python that netd is installed in. How it measures, and how to
read the figures: ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from report import WINDOWS, Conditions, Measurement, machine, markdown
from servers import BenchError, Server, default_netd_command, idle_servers, pinned, relay_servers, running

HERE = Path(__file__).parent
LOAD_SOURCES = (HERE / "relay_load.c", HERE / "cost.h")
LOAD_PROGRAM = HERE / "build" / "relay_load"
LOAD_LIMIT = 120.0
"""Seconds, beyond the measured span, after which a load is given up."""

DEVICES, CONTROLLERS, PAYLOAD = 10, 50, 100
WARM_UP = 1.0
IDLE_DEVICES = 10_000
SPARE_FILES = 500
"""Descriptors that a server and its load may need beside the idle devices."""
FEWEST_IDLE_DEVICES = 500
"""Fewer tell nothing: memory comes in large pieces."""


@dataclass(frozen=True)
class Job:
    """One thing to measure of one server.

    :ivar name: ``window 1``, ``window 16`` or ``idle``.
    :ivar load: the load generator's arguments, but for port and process id.
    """

    name: str
    server: Server
    load: tuple[str, ...]


def compile_load() -> None:
    """Build the load generator, unless it is newer than its sources.

    :raises BenchError: without a C compiler, or when it fails.
    """
    if LOAD_PROGRAM.exists() and LOAD_PROGRAM.stat().st_mtime > max(source.stat().st_mtime for source in LOAD_SOURCES):
        return
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BenchError("no C compiler for the load generator; on Debian and Ubuntu: apt-get install gcc libc6-dev")
    LOAD_PROGRAM.parent.mkdir(exist_ok=True)
    command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-o", str(LOAD_PROGRAM), str(LOAD_SOURCES[0])]
    if subprocess.run(command, check=False).returncode:
        raise BenchError("the load generator does not compile (see above); on Debian and Ubuntu: apt-get install gcc libc6-dev")


def allow_idle_devices() -> int:
    """Raise the limit of open files for all that is started; how many idle devices fit under it.

    :raises BenchError: when they are too few.
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


def conditions_of(options: argparse.Namespace) -> Conditions:
    """What holds for all measurements: the servers on the first CPU that this process may use, the load on the last."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1:
        print("only one CPU: server and load share it, so compare CPU a request and nothing else", file=sys.stderr)
    return Conditions(
        runs=options.runs,
        seconds=options.seconds,
        server_cpu=cpus[0],
        load_cpu=cpus[-1],
        controllers=CONTROLLERS,
        devices=DEVICES,
        payload=PAYLOAD,
        idle_devices=allow_idle_devices(),
    )


def jobs_of(names: Sequence[str], netd_command: str, conditions: Conditions) -> list[Job]:
    """What one round measures, in order."""
    jobs = []
    crowd = ["-d", str(conditions.devices), "-c", str(conditions.controllers), "-b", str(conditions.payload)]
    times = ["-u", f"{WARM_UP * 1000:.0f}", "-t", f"{conditions.seconds * 1000:.0f}"]
    for window in WINDOWS:
        load = ("relay", "-w", str(window), *crowd, *times)
        jobs += [Job(f"window {window}", server, load) for server in relay_servers(netd_command) if server.name in names]
    load = ("idle", "-d", str(conditions.idle_devices))
    jobs += [Job("idle", server, load) for server in idle_servers(netd_command) if server.name in names]
    return jobs


def measure(job: Job, conditions: Conditions) -> Measurement:
    """Start the server, load it, stop it.

    :raises BenchError: when the server does not start, ends early, or does not do what the load asks for.
    """
    with (
        tempfile.TemporaryDirectory(prefix="netd-bench-") as directory,
        running(job.server, conditions.server_cpu, Path(directory)) as (pid, port),
    ):
        command = [str(LOAD_PROGRAM), *job.load, "-p", str(port), "-s", str(pid)]
        with pinned(conditions.load_cpu):
            load = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            output, complaint = load.communicate(timeout=LOAD_LIMIT + conditions.seconds)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{job.server.name}, {job.name}: the load did not end in time") from None
        finally:
            load.kill()
            load.wait()
        if load.returncode:
            raise BenchError(f"{job.server.name}, {job.name}: {complaint.strip()}")
    return Measurement(job.server.name, job.server.title, job.name, json.loads(output))


def measure_all(jobs: Sequence[Job], conditions: Conditions) -> list[Measurement]:
    """All jobs in turn, round after round: a disturbance of some seconds cannot hit every run of one server."""
    measurements = []
    for run in range(1, conditions.runs + 1):
        for job in jobs:
            print(f"round {run} of {conditions.runs}: {job.server.name}, {job.name}", file=sys.stderr, flush=True)
            measurements.append(measure(job, conditions))
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


def _names(text: str) -> list[str]:
    known = [server.name for server in relay_servers("")]
    names = text.split(",")
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
    return names


def _netd_command(text: str) -> str:
    if "{port}" not in text and "{ini}" not in text:
        raise argparse.ArgumentTypeError("must contain {port} or {ini}, or netd cannot know where to listen")
    return text


def _new_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: not a file in an existing directory")
    return path


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; exits with a message when it is wrong."""
    parser = argparse.ArgumentParser(prog="bench/relay.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=_runs, default=3, help="rounds over all servers (default: %(default)s)")
    parser.add_argument("--seconds", type=_seconds, default=4.0, help="measured span of each run (default: %(default)s)")
    parser.add_argument(
        "--netd",
        type=_netd_command,
        default=default_netd_command(),
        metavar="COMMAND",
        help="command line of netd, with {port} or with {ini}, a configuration for that port (default: %(default)s)",
    )
    parser.add_argument(
        "--peers", type=_names, default="netd,threads,asyncio,twisted", help="servers to measure (default: %(default)s)"
    )
    parser.add_argument("--json", type=_new_file, metavar="FILE", help="write the figures of every single run there")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; the exit status."""
    options = parse_arguments(arguments)
    if not sys.platform.startswith("linux"):
        print("bench: needs Linux: CPU time and the choice of CPUs come from its kernel", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        compile_load()
        conditions = conditions_of(options)
        measurements = measure_all(jobs_of(options.peers, options.netd, conditions), conditions)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    facts = machine()
    if options.json:
        raw = [dataclasses.asdict(measurement) for measurement in measurements]
        options.json.write_text(
            json.dumps({"machine": facts, "conditions": dataclasses.asdict(conditions), "measurements": raw}, indent=1) + "\n"
        )
    print(markdown(measurements, facts, conditions))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
