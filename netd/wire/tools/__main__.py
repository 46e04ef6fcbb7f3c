"""``python -m netd.wire.tools learn ORDER`` and ``… test NAME FILE [INI]``: the command line becomes this program."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from netd.check import default_ini, read
from netd.kinds import find_kinds
from netd.plaintext import is_shown
from netd.wire.capture_file import BadCapture, read_packets
from netd.wire.captures import recording_of
from netd.wire.config import Config
from netd.wire.learn.turning import with_sides_changed
from netd.wire.recording import Recording, RecordingMistake, Transport, escape, read_recording
from netd.wire.tools.drafts import LearnedFiles, LearnFailed, conclude
from netd.wire.tools.order import LearnOrder, read_order
from netd.wire.tools.outcome import RuleLines, steps_told
from netd.wire.tools.trial import try_section


def tell(line: str) -> None:
    """Write a line at once. What a program has called itself does nothing to the terminal."""
    sys.stdout.write(f"{_shown(line)}\n")
    sys.stdout.flush()


def _shown(line: str) -> str:
    return "".join(one if is_shown(one) else escape(one.encode("utf-8", "surrogateescape")) for one in line)


def learn(order: LearnOrder) -> None:
    """Record or read, and draft.

    :raises LearnFailed: if nothing was learned.
    """
    files = LearnedFiles(order)
    files.check()
    if order.transcript is not None:
        conclude(_transcript(Path(order.transcript)), order, files, tell)
    elif order.pcap is not None:
        conclude(_capture(Path(order.pcap), order), order, files, tell)
    else:
        _record(order, files)


def _record(order: LearnOrder, files: LearnedFiles) -> None:
    from twisted.internet import reactor  # noqa: PLC0415 - only recording needs one

    from netd.wire.tools.recorder import WireRecorder  # noqa: PLC0415 - likewise

    recorder = WireRecorder(order, reactor, time.time(), tell)
    recorder.begin()
    reactor.run()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends the drafting, too
    tell("the recording has ended; now the section is drafted")
    conclude(recorder.recording(), order, files, tell, recorder.attempted())


def _transcript(path: Path) -> Recording:
    try:
        return read_recording(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LearnFailed(f"{path}: {error.strerror}") from error
    except RecordingMistake as error:
        raise LearnFailed(f"{path}:{error}") from error
    except UnicodeDecodeError as error:
        raise LearnFailed(f"{path} is no transcript: it is not UTF-8") from error


def _capture(path: Path, order: LearnOrder) -> Recording:
    try:
        return recording_of(read_packets(path.read_bytes()), order.port or 0, order.udp)
    except OSError as error:
        raise LearnFailed(f"{path}: {error.strerror}") from error
    except BadCapture as error:
        raise LearnFailed(f"{path}: {error}") from error


def try_out(name: str, transcript: str, ini: str | None) -> int:
    """Say a transcript to a section; return the exit status: 1 if something is not as it should be.

    :raises LearnFailed: if the transcript or the section is not there.
    """
    recording = _transcript(Path(transcript))
    path = Path(ini) if ini is not None else default_ini()
    configuration = read(path, find_kinds(), is_checked=False)
    found = {section.name: section.config for section in configuration.sections}
    config = found.get(f"wire:{name}")
    if not isinstance(config, Config):
        there = ", ".join(sorted(one.removeprefix("wire:") for one in found if one.startswith("wire:")))
        raise LearnFailed(f"{path} has no section [wire:{name}]; {f'it has {there}' if there else 'name another file by -c'}")
    if config.connect and not recording.is_dialled:
        recording = with_sides_changed(recording, None)  # of a program whose part the section takes
    trial = try_section(config.plan(recording.is_dialled, recording.transport is Transport.UDP), recording)
    lines = RuleLines(path.read_text(encoding="utf-8"), f"wire:{name}")
    for line in steps_told(trial.found, lines):
        tell(line)
    for fault in trial.faults:
        tell(f"! {fault}")
    if not trial.is_whole:
        tell("the transcript is long; its beginning was tried")
    if not trial.faults:
        tell("every message is taken by a rule, and cuts change nothing")
    return 1 if trial.faults else 0


def _learn(argument: str) -> int:
    learn(read_order(argument))
    return 0


def _test(name: str, transcript: str, *ini: str) -> int:
    return try_out(name, transcript, ini[0] if ini else None)


PROGRAMS: Mapping[str, Callable[..., int]] = MappingProxyType({"learn": _learn, "test": _test})


def main(arguments: list[str], programs: Mapping[str, Callable[..., int]] = PROGRAMS) -> int:
    """Run the program that *arguments* name; return its exit status."""
    try:
        return programs[arguments[0]](*arguments[1:])
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except LearnFailed as error:
        sys.stderr.write(f"netd: {_shown(str(error))}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
